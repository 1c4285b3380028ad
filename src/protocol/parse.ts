/** Turns the params of a request into a value, or into the error that upstream would give; knows no method. */
import { invalidLength, InvalidParams, invalidType, missingField } from "./invalid_params.ts";
import { invalidParamsOf, nodeOf, type SchemaNode, structName } from "./issue_text.ts";
import type { SchemaThunk } from "./method.ts";

export { InvalidParams };

/** The params as their schema gives them; throws `InvalidParams`. A method without params ignores an object. */
export function parseParams<P>(entry: { readonly params: SchemaThunk<P> }, params: unknown): P;
export function parseParams<P>(
  entry: { readonly params: SchemaThunk<P> | null },
  params: unknown,
): P | undefined;
export function parseParams<P>(
  entry: { readonly params: SchemaThunk<P> | null },
  params: unknown,
): P | undefined {
  if (entry.params === null) return ignoreParams(params);
  // Upstream wants the member even where every field is optional, and takes null for absent.
  if (params === undefined || params === null) throw missingField("params");
  return parseStruct(entry.params, params);
}

/** A value as its schema gives it, an array being the fields of a struct in their order; throws `InvalidParams`. */
export function parseStruct<P>(thunk: SchemaThunk<P>, value: unknown): P {
  const schema = thunk();
  const input = Array.isArray(value) ? byPosition(nodeOf(schema), value) : value;
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw invalidParamsOf(nodeOf(schema), { input, issues: parsed.error.issues });
}

/** Upstream takes an object for a method without params, but no other value. */
function ignoreParams(params: unknown): undefined {
  if (Array.isArray(params) || !["object", "undefined"].includes(typeof params)) {
    throw invalidType(params, "unit");
  }
}

/** Upstream takes the fields of a struct as an array too, in the order of their declaration. */
function byPosition(node: SchemaNode, values: readonly unknown[]): unknown {
  const { def } = node._zod;
  if (def.type !== "object") return values;
  const keys = Object.keys(def.shape);
  const requiredCount = keys.filter((key) => def.shape[key]?._zod.optin !== "optional").length;
  if (values.length < requiredCount) {
    throw invalidLength(values.length, `${structName(node)} with ${elements(keys.length)}`);
  }
  if (values.length > keys.length) {
    throw invalidLength(values.length, `${elements(keys.length)} in sequence`);
  }
  return Object.fromEntries(values.map((value, index) => [keys[index], value]));
}

function elements(count: number): string {
  return count === 1 ? "1 element" : `${count} elements`;
}
