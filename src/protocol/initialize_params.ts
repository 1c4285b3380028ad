/**
 * Parses the params of `initialize` by hand, as their schema in `initialize.ts` would.
 * Must not load a schema: zod would cost 19 ms before a client's first answer.
 */
import { invalidLength, invalidType, missingField } from "./invalid_params.ts";
import type { Params } from "./mod.ts";

type InitializeParams = Params<"initialize">;
type ClientInfo = InitializeParams["clientInfo"];
type Capabilities = NonNullable<InitializeParams["capabilities"]>;
type Fields = Readonly<Record<string, unknown>>;
/** Reads one member of a struct. */
type Readers = Readonly<Record<string, (value: unknown) => void>>;

/** The params of `initialize`; throws `InvalidParams`. */
export function parseInitializeParams(params: unknown): InitializeParams {
  if (params === undefined || params === null) throw missingField("params");
  const fields = struct(Array.isArray(params) ? byPosition(params) : params, "InitializeParams");
  let clientInfo: ClientInfo | undefined;
  let capabilities: Pick<InitializeParams, "capabilities"> = {};
  readInOrder(fields, {
    clientInfo: (value) => clientInfo = parseClientInfo(value),
    capabilities: (value) =>
      capabilities = { capabilities: value === null ? null : parseCapabilities(value) },
  });
  if (!clientInfo) throw missingField("clientInfo");
  return { clientInfo, ...capabilities };
}

function parseClientInfo(value: unknown): ClientInfo {
  let name: string | undefined;
  let version: string | undefined;
  let title: Pick<ClientInfo, "title"> = {};
  readInOrder(struct(value, "ClientInfo"), {
    name: (member) => name = text(member),
    title: (member) => title = { title: member === null ? null : text(member) },
    version: (member) => version = text(member),
  });
  if (name === undefined) throw missingField("name");
  if (version === undefined) throw missingField("version");
  return { name, ...title, version };
}

function parseCapabilities(value: unknown): Capabilities {
  let experimentalApi = false;
  let optOut: Pick<Capabilities, "optOutNotificationMethods"> = {};
  let extensions: Pick<Capabilities, "sessionExtensions"> = {};
  readInOrder(struct(value, "InitializeCapabilities"), {
    experimentalApi: (member) => {
      if (typeof member !== "boolean") throw invalidType(member, "a boolean");
      experimentalApi = member;
    },
    optOutNotificationMethods: (member) =>
      optOut = { optOutNotificationMethods: member === null ? null : texts(member) },
    sessionExtensions: (member) =>
      extensions = { sessionExtensions: member === null ? null : texts(member) },
  });
  return { experimentalApi, ...optOut, ...extensions };
}

/** Reads members in the order in which they were sent: the first wrong one is the error, as upstream. */
function readInOrder(fields: Fields, readers: Readers): void {
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined && Object.hasOwn(readers, key)) readers[key]?.(value);
  }
}

function byPosition(values: readonly unknown[]): Fields {
  const [clientInfo, capabilities] = values;
  if (values.length === 0) throw invalidLength(0, "struct InitializeParams with 2 elements");
  if (values.length > 2) throw invalidLength(values.length, "2 elements in sequence");
  return { clientInfo, capabilities };
}

function struct(value: unknown, name: string): Fields {
  if (!isFields(value)) throw invalidType(value, `struct ${name}`);
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  if (typeof value !== "string") throw invalidType(value, "a string");
  return value;
}

function texts(value: unknown): string[] {
  if (!Array.isArray(value)) throw invalidType(value, "a sequence");
  return value.map(text);
}
