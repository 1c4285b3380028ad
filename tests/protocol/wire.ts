/** Checks single messages of the wire against the protocol tables, for tests that hold recorded messages. */
import type * as z from "zod";
import type { SchemaThunk } from "../../src/protocol/method.ts";
import {
  loadClientNotifications,
  loadRequestEntry,
  loadServerNotifications,
  loadServerRequests,
} from "../../src/protocol/mod.ts";
import { parseParams } from "../../src/protocol/parse.ts";

export type Message = Readonly<Record<string, unknown>>;

/** Problems of a message as `path: what`; null when its method is not declared. */
export type Verdict = readonly string[] | null;

/** Judges a request or notification of a client. */
export async function judgeClientMessage(message: Message): Promise<Verdict> {
  const method = String(message.method);
  const entry = await loadRequestEntry(method);
  if (entry) return refusal(() => parseParams(entry, message.params));
  const table = new Map(Object.entries(await loadClientNotifications()));
  return table.has(method) ? [] : null;
}

/** Judges a request or notification of a server. */
export async function judgeServerMessage(message: Message): Promise<Verdict> {
  const method = String(message.method);
  const tables = { ...await loadServerNotifications(), ...await loadServerRequests() };
  const entry = new Map<string, { params: SchemaThunk<unknown> | null }>(Object.entries(tables))
    .get(method);
  if (!entry) return null;
  return entry.params ? problemsOf(entry.params(), message.params) : [];
}

/** Judges the result of a client's request. */
export async function judgeResult(method: string, result: unknown): Promise<Verdict> {
  const entry = await loadRequestEntry(method);
  return entry && problemsOf(entry.result(), result);
}

/** Judges the result of a server's request. */
export async function judgeAnswer(method: string, result: unknown): Promise<Verdict> {
  const entry = new Map<string, { result: SchemaThunk<unknown> }>(
    Object.entries(await loadServerRequests()),
  ).get(method);
  return entry ? problemsOf(entry.result(), result) : null;
}

function problemsOf(schema: z.ZodType, value: unknown): string[] {
  const parsed = schema.safeParse(value);
  return parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}

function refusal(parse: () => unknown): string[] {
  try {
    parse();
    return [];
  } catch (error) {
    return [String(error)];
  }
}
