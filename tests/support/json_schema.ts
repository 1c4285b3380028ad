/** Holds values against JSON Schemas, as far as the schemas of this protocol go; also tells of members that no schema names. */

/** A schema, or a part of one. */
export type Schema = Readonly<Record<string, unknown>>;

/** What does not fit, and what the schema does not name. Each is a path with a reason. */
export interface Findings {
  readonly problems: readonly string[];
  readonly unknown: readonly string[];
}

/** Judges `value` by the part of `root` that a pointer such as `#/definitions/Thread` leads to. */
export function judge(root: Schema, pointer: string, value: unknown): Findings {
  const problems: string[] = [];
  const unknown: string[] = [];
  visit({ root, problems, unknown }, { schema: { $ref: pointer }, value, path: "" });
  return { problems, unknown };
}

interface Judgement {
  readonly root: Schema;
  readonly problems: string[];
  readonly unknown: string[];
}

interface Place {
  readonly schema: unknown;
  readonly value: unknown;
  readonly path: string;
}

function visit(judgement: Judgement, { schema, value, path }: Place): void {
  if (!isSchema(schema)) {
    if (schema === false) judgement.problems.push(`${path}: nothing is allowed here`);
    return;
  }
  if (typeof schema.$ref === "string") {
    return visit(judgement, { schema: resolve(judgement.root, schema.$ref), value, path });
  }
  for (const part of listOf(schema.allOf)) visit(judgement, { schema: part, value, path });
  const variants = [...listOf(schema.oneOf), ...listOf(schema.anyOf)];
  if (variants.length > 0) visitVariants(judgement, { variants, value, path });
  checkValue(judgement, { schema, value, path });
  if (Array.isArray(value)) {
    value.forEach((element, index) =>
      visit(judgement, { schema: schema.items ?? true, value: element, path: `${path}/${index}` })
    );
  } else if (isSchema(value)) {
    visitMembers(judgement, { schema, value, path, isWhole: variants.length === 0 });
  }
}

/** The variant that fits, and of several the one that names most members. */
function visitVariants(
  judgement: Judgement,
  { variants, value, path }: {
    readonly variants: readonly unknown[];
    readonly value: unknown;
    readonly path: string;
  },
): void {
  const tried = variants.map((schema) => {
    const trial = { root: judgement.root, problems: [], unknown: [] };
    visit(trial, { schema, value, path });
    return trial;
  });
  tried.sort((a, b) =>
    a.problems.length - b.problems.length || a.unknown.length - b.unknown.length
  );
  judgement.problems.push(...tried[0]?.problems ?? []);
  judgement.unknown.push(...tried[0]?.unknown ?? []);
}

function checkValue({ problems }: Judgement, { schema, value, path }: Place): void {
  if (!isSchema(schema)) return;
  const types = listOf(schema.type).length > 0 ? listOf(schema.type) : [schema.type];
  if (schema.type !== undefined && !types.some((type) => isOfType(value, type))) {
    problems.push(`${path}: ${JSON.stringify(value)?.slice(0, 80)} is not ${types}`);
  }
  if (Array.isArray(schema.enum) && !schema.enum.includes(value)) {
    problems.push(`${path}: ${JSON.stringify(value)?.slice(0, 80)} is none of ${schema.enum}`);
  }
  if ("const" in schema && schema.const !== value) problems.push(`${path}: not ${schema.const}`);
}

function visitMembers(judgement: Judgement, { schema, value, path, isWhole }: {
  readonly schema: Schema;
  readonly value: Schema;
  readonly path: string;
  /** Variants beside it may name further members. */
  readonly isWhole: boolean;
}): void {
  const properties = isSchema(schema.properties) ? schema.properties : {};
  for (const name of listOf(schema.required)) {
    if (!(String(name) in value)) judgement.problems.push(`${path}: ${name} is missing`);
  }
  const others = schema.additionalProperties;
  for (const [name, member] of Object.entries(value)) {
    const place = { value: member, path: `${path}/${name}` };
    if (name in properties) visit(judgement, { ...place, schema: properties[name] });
    else if (others !== undefined && others !== false) {
      visit(judgement, { ...place, schema: others });
    } else if (isWhole && schema.type === "object") judgement.unknown.push(place.path);
  }
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isSchema(value);
    case "integer":
      return Number.isInteger(value);
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "number":
      return typeof value === "number";
    default:
      return false;
  }
}

function resolve(root: Schema, pointer: string): unknown {
  let found: unknown = root;
  for (const name of pointer.replace(/^#\//, "").split("/")) {
    found = isSchema(found) ? found[name] : undefined;
  }
  if (found === undefined) throw new Error(`Nothing is at ${pointer}`);
  return found;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
