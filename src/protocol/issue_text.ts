/** Words the first problem of a parse as upstream's parser (serde) would; must not know any method. */
import type * as z from "zod";
import { invariant } from "../lib/errors.ts";
import {
  InvalidParams,
  invalidType,
  invalidValue,
  isWireInteger,
  missingField,
  unknownVariant,
} from "./invalid_params.ts";

/** A schema with its definition open to inspection. */
export type SchemaNode = z.core.$ZodTypes;
type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The schema as a node; every schema that zod makes is one. */
export function nodeOf(schema: z.core.$ZodType): SchemaNode {
  invariant(isNode(schema), "A schema has no type");
  return schema;
}

function isNode(schema: z.core.$ZodType): schema is SchemaNode {
  return typeof schema._zod.def.type === "string";
}

/** The problem that upstream meets first, which reads members in the order in which they were sent. */
export function invalidParamsOf(
  root: SchemaNode,
  parsed: { readonly input: unknown; readonly issues: readonly Issue[] },
): InvalidParams {
  const { input, issues } = parsed;
  const [first] = issues.map((issue) => ({ issue, rank: rankOf(issue.path, input) }))
    .sort((a, b) => compareRanks(a.rank, b.rank));
  if (!first) return new InvalidParams("invalidValue", "invalid value");
  return describe(root, { input, issue: first.issue });
}

/** What serde calls a struct in errors. */
export function structName(node: SchemaNode): string {
  const name = idOf(node);
  return name ? `struct ${name}` : "a map";
}

function describe(root: SchemaNode, { input, issue }: { input: unknown; issue: Issue }) {
  switch (issue.code) {
    case "invalid_type":
    case "invalid_value":
      return describeMismatch(root, { input, path: issue.path });
    case "invalid_union":
      return "discriminator" in issue && issue.discriminator
        ? describeTag(root, { input, path: issue.path })
        : describeAlternatives(root, { input, issue });
    case "too_small":
    case "too_big":
      return describeRange(root, { input, path: issue.path });
    default:
      // Checks of our own schemas carry upstream's words themselves.
      return new InvalidParams("invalidValue", issue.message);
  }
}

function describeMismatch(root: SchemaNode, { input, path }: { input: unknown; path: Path }) {
  const value = valueAt(input, path);
  const last = path.at(-1);
  if (value === undefined && last !== undefined) return missingField(String(last));
  const node = nodeAt(root, { input, path });
  if (node?._zod.def.type === "enum") {
    const variants = Object.values(node._zod.def.entries).map(String);
    const word = typeof value === "string" ? value : onlyKey(value);
    if (word !== null && !variants.includes(word)) return unknownVariant(word, variants);
    if (word === null && isFields(value) && !Array.isArray(value)) {
      return invalidValue(value, "map with a single key");
    }
  }
  return invalidType(value, node ? expected(node) : "another value");
}

/** A tagged union whose tag is missing or not one of the known. `path` leads to the tag. */
function describeTag(root: SchemaNode, { input, path }: { input: unknown; path: Path }) {
  const tag = String(path.at(-1));
  const value = valueAt(input, path);
  if (value === undefined) return missingField(tag);
  const node = nodeAt(root, { input, path: path.slice(0, -1) });
  const variants = node ? listedVariants(node, tag) : [];
  if (typeof value === "string") return unknownVariant(value, variants);
  return typeof value === "number"
    ? invalidValue(value, `variant index 0 <= i < ${variants.length}`)
    : invalidType(value, "variant identifier");
}

/** An untagged union: speaks of the alternative that fits the value best. */
function describeAlternatives(
  root: SchemaNode,
  { input, issue }: { input: unknown; issue: z.core.$ZodIssueInvalidUnion },
): InvalidParams {
  const node = nodeAt(root, { input, path: issue.path });
  const value = valueAt(input, issue.path);
  const options = node?._zod.def.type === "union" ? node._zod.def.options.map(nodeOf) : [];
  for (const [index, issues] of issue.errors.entries()) {
    const option = options[index];
    const isOtherKind = issues.some((inner) => inner.path.length === 0 && !fits(inner, value));
    if (option && !isOtherKind) return invalidParamsOf(unwrap(option), { input: value, issues });
  }
  return invalidType(value, options.map(expected).join(" or ") || "another value");
}

/** Whether an alternative refuses only which word it is, not what kind of value. */
function fits(issue: Issue, value: unknown): boolean {
  return issue.code === "invalid_value" ? typeof value === "string" : issue.code !== "invalid_type";
}

function describeRange(root: SchemaNode, { input, path }: { input: unknown; path: Path }) {
  const value = valueAt(input, path);
  const node = nodeAt(root, { input, path });
  const wanted = node ? expected(node) : "another value";
  return isWireInteger(value) ? invalidValue(value, wanted) : invalidType(value, wanted);
}

/** What serde says it expected for a schema of this kind. */
function expected(wrapped: SchemaNode): string {
  const node = unwrap(wrapped);
  const { def } = node._zod;
  switch (def.type) {
    case "string":
      return metaOf(node).isPath === true ? "path string" : "a string";
    case "boolean":
      return "a boolean";
    case "array":
      return "a sequence";
    case "record":
      return "a map";
    case "enum":
    case "literal":
      return "string or map";
    case "number":
      return expectedNumber(node);
    case "object":
      return structName(node);
    case "union":
      return `internally tagged enum ${idOf(node) ?? "value"}`;
    default:
      return "another value";
  }
}

function expectedNumber(node: SchemaNode): string {
  const { def } = node._zod;
  const limits = (def.checks ?? []).map((check) => check._zod.def)
    .map((check) => ("value" in check ? check.value : null));
  if (limits.includes(4_294_967_295)) return "u32";
  if (limits.includes(65_535)) return "u16";
  if (limits.includes(0)) return "usize";
  return "format" in def ? "i64" : "f64";
}

/** The tags that upstream's errors list. */
function listedVariants(node: SchemaNode, tag: string): string[] {
  const { def } = node._zod;
  if (def.type !== "union") return [];
  return def.options.map(nodeOf).filter((option) => metaOf(option).unlisted !== true)
    .flatMap((option) => tagsOf(option, tag));
}

function tagsOf(option: SchemaNode, tag: string): string[] {
  const values = option._zod.propValues?.[tag];
  return values ? [...values].map(String) : [];
}

/** The schema of the value at a path. */
function nodeAt(root: SchemaNode, { input, path }: { input: unknown; path: Path }) {
  let node: SchemaNode | undefined = unwrap(root);
  let value = input;
  for (const key of path) {
    const child: z.core.$ZodType | undefined = childOf(node, { key, value });
    if (!child) return undefined;
    node = unwrap(nodeOf(child));
    value = valueAt(value, [key]);
  }
  return node;
}

function childOf(node: SchemaNode, { key, value }: { key: PropertyKey; value: unknown }) {
  const { def } = node._zod;
  switch (def.type) {
    case "object":
      return def.shape[String(key)];
    case "array":
      return def.element;
    case "record":
      return def.valueType;
    case "union":
      return variantFor(def.options.map(nodeOf), value)?._zod.def.shape[String(key)];
    default:
      return undefined;
  }
}

/** The variant whose tag a value carries. */
function variantFor(options: readonly SchemaNode[], value: unknown): z.core.$ZodObject | undefined {
  const tag = valueAt(value, ["type"]);
  return options.filter(isObjectNode).find((option) =>
    typeof tag === "string" && tagsOf(option, "type").includes(tag)
  );
}

function isObjectNode(node: SchemaNode): node is z.core.$ZodObject {
  return node._zod.def.type === "object";
}

/** The schema below what makes it optional, nullable or defaulted. */
function unwrap(node: SchemaNode): SchemaNode {
  const { def } = node._zod;
  return "innerType" in def ? unwrap(nodeOf(def.innerType)) : node;
}

function metaOf(node: SchemaNode): Record<string, unknown> {
  const meta: unknown = "meta" in node && typeof node.meta === "function" ? node.meta() : null;
  return isFields(meta) ? meta : {};
}

function idOf(node: SchemaNode): string | null {
  const { id } = metaOf(node);
  return typeof id === "string" ? id : null;
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** Serde takes an enum word also as the only key of a map. */
function onlyKey(value: unknown): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const keys = Object.keys(value);
  return keys.length === 1 ? keys[0] ?? null : null;
}

/** Where a path lies in the input; what is missing counts as after everything that is there. */
function rankOf(path: Path, input: unknown): number[] {
  let value = input;
  return path.map((key) => {
    const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
    const index = keys.indexOf(String(key));
    value = valueAt(value, [key]);
    return index < 0 ? Infinity : index;
  });
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [left, right] = [a[index] ?? 0, b[index] ?? 0];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
