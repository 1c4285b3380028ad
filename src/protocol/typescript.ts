/** TypeScript types of the whole protocol, from its JSON Schema; must not know where they are written to. */
import { type JsonSchema, type MessageSchema, protocolSchema } from "./schema.ts";

type MaybeSchema = JsonSchema | boolean | undefined;

/** File name to content: one module with a type per definition and a map per direction and kind. */
export async function typescriptFiles(): Promise<Map<string, string>> {
  const protocol = await protocolSchema();
  const parts = [
    "/** Types of the app-server protocol; generated from the protocol's own tables. */",
    "export type RequestId = string | number;",
    ...Object.entries(protocol.definitions).map(([name, schema]) =>
      `${comment(schema.description, "")}export type ${name} = ${typeOf(schema, "")};`
    ),
    messages("ClientRequests", protocol.clientRequests),
    messages("ClientNotifications", protocol.clientNotifications),
    messages("ServerRequests", protocol.serverRequests),
    messages("ServerNotifications", protocol.serverNotifications),
  ];
  return new Map([["index.ts", `${parts.join("\n\n")}\n`]]);
}

/** A map from method to the types of its message. */
function messages(name: string, table: readonly MessageSchema[]): string {
  const members = table.map(({ method, doc, params, result }) => {
    const types = [`params: ${params ?? "undefined"}`, ...(result ? [`result: ${result}`] : [])];
    return `${comment(doc, "  ")}  ${JSON.stringify(method)}: { ${types.join("; ")} };\n`;
  });
  return `export interface ${name} {\n${members.join("")}}`;
}

/** The type of a schema. `indent` is that of the line on which it starts. */
function typeOf(schema: MaybeSchema, indent: string): string {
  if (schema === undefined || typeof schema === "boolean") return "unknown";
  if (schema.$ref) return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) return join(alternatives.map((one) => typeOf(one, indent)), " | ");
  if (schema.allOf) return join(schema.allOf.map((one) => typeOf(one, indent)), " & ");
  const { type } = schema;
  if (Array.isArray(type)) {
    return join(type.map((one) => typeOf({ ...schema, type: one }, indent)), " | ");
  }
  switch (type) {
    case "array":
      return arrayOf(schema, indent);
    case "object":
      return objectOf(schema, indent);
    case "integer":
      return "number";
    case "string":
    case "number":
    case "boolean":
    case "null":
      return type;
    default:
      return "unknown";
  }
}

function arrayOf(schema: JsonSchema, indent: string): string {
  const { items } = schema;
  // The protocol has no tuples.
  return `Array<${typeOf(Array.isArray(items) ? true : items, indent)}>`;
}

function objectOf(schema: JsonSchema, indent: string): string {
  const inner = `${indent}  `;
  const required = new Set(schema.required);
  const members = Object.entries(schema.properties ?? {}).map(([name, member]) => {
    const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
    return `${inner}${key}${required.has(name) ? "" : "?"}: ${typeOf(member, inner)};\n`;
  });
  const rest = schema.additionalProperties;
  const isOpen = rest !== undefined && rest !== false;
  if (members.length === 0) return `Record<string, ${isOpen ? typeOf(rest, indent) : "never"}>`;
  // Further members may be anything the named ones are, so only `unknown` holds for all.
  if (isOpen) members.push(`${inner}[key: string]: unknown;\n`);
  return `{\n${members.join("")}${indent}}`;
}

function join(types: readonly string[], separator: string): string {
  return [...new Set(types)].join(separator);
}

function comment(text: string | undefined, indent: string): string {
  return text === undefined ? "" : `${indent}/** ${text.replaceAll("*/", "* /")} */\n`;
}
