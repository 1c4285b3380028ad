/** JSON Schema of the whole protocol, derived from the tables; must not know where it is written to. */
import * as z from "zod";
import type { SchemaThunk } from "./method.ts";
import {
  allRequestEntries,
  loadClientNotifications,
  loadServerNotifications,
  loadServerRequests,
} from "./mod.ts";

/** A JSON Schema, draft 7. */
export type JsonSchema = z.core.JSONSchema.JSONSchema;

/** One message: its method and the names of the definitions of its params and result. */
export interface MessageSchema {
  readonly method: string;
  readonly doc: string;
  /** Null: the message has no params. */
  readonly params: string | null;
  /** Null: a notification. */
  readonly result: string | null;
}

/** The messages of each direction and kind, and the definitions that they refer to, by name. */
export interface ProtocolSchema {
  readonly clientRequests: readonly MessageSchema[];
  readonly clientNotifications: readonly MessageSchema[];
  readonly serverRequests: readonly MessageSchema[];
  readonly serverNotifications: readonly MessageSchema[];
  readonly definitions: Readonly<Record<string, JsonSchema>>;
}

const DRAFT = "http://json-schema.org/draft-07/schema#";

/** File name to content: one file with everything, and one file per params and result. */
export async function jsonSchemaFiles(): Promise<Map<string, string>> {
  const protocol = await protocolSchema();
  const files = new Map([["codex_app_server_protocol.schemas.json", text(bundle(protocol))]]);
  const { definitions, ...messages } = protocol;
  for (const { params, result } of Object.values(messages).flat()) {
    for (const name of [params, result]) {
      if (name) files.set(`v2/${name}.json`, text(standalone(name, definitions)));
    }
  }
  return files;
}

/** The schema of every message of the tables. */
export async function protocolSchema(): Promise<ProtocolSchema> {
  const definitions = new Map<string, JsonSchema>();
  const requests = Object.fromEntries(
    (await allRequestEntries()).map((entry) => [entry.method, entry]),
  );
  return {
    clientRequests: describe(requests, definitions),
    clientNotifications: describe(await loadClientNotifications(), definitions),
    serverRequests: describe(await loadServerRequests(), definitions),
    serverNotifications: describe(await loadServerNotifications(), definitions),
    definitions: Object.fromEntries(
      [...definitions].sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  };
}

interface Describable {
  readonly doc: string;
  readonly params: SchemaThunk<unknown> | null;
  readonly result?: SchemaThunk<unknown>;
}

function describe(
  table: Readonly<Record<string, Describable>>,
  definitions: Map<string, JsonSchema>,
): MessageSchema[] {
  return Object.entries(table).map(([method, { doc, params, result }]) => ({
    method,
    doc,
    params: params && define(params(), definitions),
    result: result ? define(result(), definitions) : null,
  }));
}

/** Adds a named schema and everything that it refers to; returns its name. */
function define(schema: z.ZodType, definitions: Map<string, JsonSchema>): string {
  const name = schema.meta()?.id;
  if (name === undefined) {
    throw new TypeError("The schema of a message needs a name: .meta({ id })");
  }
  if (!definitions.has(name)) {
    // What is written is what may be sent: a member with a default may be left out.
    const { definitions: found, ...root } = z.toJSONSchema(schema, {
      io: "input",
      target: "draft-7",
      unrepresentable: "any",
      override: ({ jsonSchema }) => tidy(jsonSchema),
    });
    for (const [id, definition] of Object.entries(found ?? {})) {
      if (typeof definition !== "boolean") definitions.set(id, definition);
    }
    const { $schema: _, ...own } = root;
    if (!definitions.has(name)) definitions.set(name, own);
  }
  return name;
}

/** Leaves out marks of our own, and the limits of JavaScript's integers, which nobody sets. */
function tidy(schema: JsonSchema): void {
  delete schema.unlisted;
  delete schema.isPath;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

function bundle(protocol: ProtocolSchema): JsonSchema {
  const id = { $ref: "#/definitions/RequestId" };
  return {
    $schema: DRAFT,
    title: "CodexAppServerProtocol",
    type: "object",
    definitions: {
      ...protocol.definitions,
      RequestId: { anyOf: [{ type: "string" }, { type: "integer" }] },
      ClientRequest: { oneOf: protocol.clientRequests.map((message) => envelope(message, { id })) },
      ClientNotification: { oneOf: protocol.clientNotifications.map((one) => envelope(one, {})) },
      ServerRequest: { oneOf: protocol.serverRequests.map((message) => envelope(message, { id })) },
      ServerNotification: { oneOf: protocol.serverNotifications.map((one) => envelope(one, {})) },
    },
  };
}

function envelope(message: MessageSchema, members: Record<string, JsonSchema>): JsonSchema {
  const { method, doc, params } = message;
  const properties = {
    ...members,
    method: { type: "string" as const, enum: [method] },
    ...(params ? { params: { $ref: `#/definitions/${params}` } } : {}),
  };
  return { type: "object", description: doc, required: Object.keys(properties), properties };
}

/** One definition with the definitions that it needs. */
function standalone(name: string, all: ProtocolSchema["definitions"]): JsonSchema {
  const needed = new Set<string>();
  const visit = (schema: JsonSchema | undefined) => {
    for (const [, target] of JSON.stringify(schema).matchAll(/"#\/definitions\/([^"]+)"/g)) {
      if (target === undefined || needed.has(target)) continue;
      needed.add(target);
      visit(all[target]);
    }
  };
  visit(all[name]);
  const definitions = Object.fromEntries(Object.entries(all).filter(([id]) => needed.has(id)));
  return { $schema: DRAFT, title: name, ...all[name], definitions };
}

function text(schema: JsonSchema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
