/** Wraps a client's transport so that every message of a test is checked against its schema, both ways. */
import { join } from "node:path";
import type { AnyRequestEntry, SchemaThunk } from "../../src/protocol/method.ts";
import {
  allRequestEntries,
  loadClientNotifications,
  loadServerNotifications,
  loadServerRequests,
} from "../../src/protocol/mod.ts";
import * as execServer from "../../src/protocol/exec_server.ts";
import {
  type Extension,
  EXTENSION_MEMBERS,
  EXTENSION_NOTIFICATIONS,
} from "../../src/protocol/extensions.ts";
import { parseParams, parseStruct } from "../../src/protocol/parse.ts";
import * as task from "../../src/protocol/task.ts";
import { type Message, parseMessage, type RequestId } from "../../src/rpc/jsonrpc.ts";
import type { Transport, TransportSink } from "../../src/rpc/transport.ts";

/** A transport under check. */
export interface WireCheck {
  /** To be used in place of the transport that was given. */
  readonly transport: Transport;
  /** Throws what was wrong; also records which methods were exercised. */
  assertClean(): void;
}

interface Entry {
  readonly params: SchemaThunk<unknown> | null;
}

interface AnswerableEntry extends Entry {
  readonly result: SchemaThunk<unknown>;
}

/** One protocol as its tables say. */
interface Protocol {
  /** Stands before what was seen; empty for the app-server. */
  readonly prefix: string;
  readonly requests: ReadonlyMap<string, AnyRequestEntry>;
  readonly clientNotifications: ReadonlyMap<string, Entry>;
  readonly serverNotifications: ReadonlyMap<string, Entry>;
  readonly serverRequests: ReadonlyMap<string, AnswerableEntry>;
  /** Throws when the params do not fit. */
  parse(entry: AnyRequestEntry, params: unknown): unknown;
}

// Loaded once for the module: wrapping a transport must not wait.
const appServerProtocol: Protocol = {
  prefix: "",
  requests: new Map((await allRequestEntries()).map((entry) => [entry.method, entry])),
  clientNotifications: tableOf<Entry>(await loadClientNotifications()),
  serverNotifications: tableOf<Entry>(await loadServerNotifications()),
  serverRequests: tableOf<AnswerableEntry>(await loadServerRequests()),
  parse: (entry, params) => parseParams(entry, params),
};
const execServerProtocol: Protocol = {
  prefix: "exec-server ",
  requests: tableOf<AnyRequestEntry>({ ...execServer.requests, ...task.requests }),
  clientNotifications: tableOf<Entry>(execServer.clientNotifications),
  serverNotifications: tableOf<Entry>({ ...execServer.notifications, ...task.notifications }),
  serverRequests: new Map(),
  parse: (entry, params) => entry.params && parseStruct(entry.params, params ?? null),
};

/** The folder of `CODEX_WIRE_SEEN` gets one file of each test module; see `scripts/check_wire_seen.ts`. */
const seenFolder = Deno.env.get("CODEX_WIRE_SEEN");
const seenFile = `${crypto.randomUUID()}.txt`;
const recorded = new Set<string>();

/**
 * Starts to check what passes through `transport`, which is the client's end.
 * `isRecorded: false` is for tests whose server is not the real one.
 */
export function wireCheck(
  transport: Transport,
  options: { readonly isRecorded?: boolean; readonly of?: "app-server" | "exec-server" } = {},
): WireCheck {
  const check = new Check(
    options.of === "exec-server" ? execServerProtocol : appServerProtocol,
  );
  return {
    transport: {
      open: (sink) => transport.open(checkedSink(sink, check)),
      send(text) {
        check.fromClient(text);
        transport.send(text);
      },
      get bufferedBytes() {
        return transport.bufferedBytes;
      },
      close: (reason, code) => transport.close(reason, code),
      peer: transport.peer,
    },
    assertClean() {
      if (options.isRecorded ?? true) record(check.seen);
      check.assertClean();
    },
  };
}

function checkedSink(sink: TransportSink, check: Check): TransportSink {
  return {
    frame(text) {
      check.fromServer(text);
      sink.frame(text);
    },
    ...sink.ended && { ended: () => sink.ended?.() },
    closed: (reason, code) => sink.closed(reason, code),
  };
}

/** A request of the client that is not answered yet. */
interface Asked {
  readonly method: string;
  readonly entry: AnyRequestEntry | undefined;
  /** Why the server should refuse it, or null. */
  readonly problem: string | null;
}

/** Both directions of one connection. */
class Check {
  readonly #protocol: Protocol;
  readonly #problems: string[] = [];
  /** What was exercised, as `scripts/check_wire_seen.ts` lists it. */
  readonly seen = new Set<string>();
  readonly #asked = new Map<RequestId, Asked>();
  readonly #askedByServer = new Map<RequestId, string>();
  /** What the client asked for beyond upstream's protocol. */
  #extensions: ReadonlySet<unknown> = new Set();

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
  }

  fromClient(text: string): void {
    const message = this.#parse("client", text);
    switch (message?.kind) {
      case "request":
        return this.#request(message);
      case "notification":
        return this.#notification(
          "clientNotification",
          message,
          this.#protocol.clientNotifications,
        );
      case "result":
        return this.#answer(message.id, message.result);
    }
  }

  fromServer(text: string): void {
    const message = this.#parse("server", text);
    switch (message?.kind) {
      case "request":
        this.#askedByServer.set(message.id, message.method);
        return this.#notification("serverRequest", message, this.#protocol.serverRequests);
      case "notification":
        return this.#notification("notification", message, this.#protocol.serverNotifications);
      case "result":
        return this.#result(message.id, message.result);
      case "error":
        this.#asked.delete(message.id);
    }
  }

  assertClean(): void {
    if (this.#problems.length === 0) return;
    throw new Error(`Messages do not fit their schemas:\n${this.#problems.join("\n")}`);
  }

  #parse(side: string, text: string): Message | undefined {
    const message = parseMessage(text);
    if (message.kind !== "dropped") return message;
    this.#problems.push(`${side} sent no message: ${message.reason}: ${text.slice(0, 200)}`);
  }

  /** Bad params are no problem of the wire by themselves: tests send them to see them refused. */
  #request(message: { id: RequestId; method: string; params: unknown }): void {
    const { id, method, params } = message;
    if (method === "initialize") this.#extensions = new Set(extensionsAskedBy(params));
    const entry = this.#protocol.requests.get(method);
    const problem = entry ? this.#refusal(entry, params) : "the method is not declared";
    this.#asked.set(id, { method, entry, problem });
  }

  #result(id: RequestId, result: unknown): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (!asked) return void this.#problems.push(`result for an unknown id ${id}`);
    const { method, entry, problem } = asked;
    if (problem !== null || !entry) {
      return void this.#problems.push(`${method} was accepted although ${problem}`);
    }
    this.seen.add(`${this.#protocol.prefix}request ${method}`);
    this.#fit(`result of ${method}`, entry.result, result);
    this.#ask(`result of ${method}`, result, EXTENSION_MEMBERS.result);
  }

  /** Also for requests of the server: only their params are checked here. */
  #notification(
    kind: string,
    message: { method: string; params: unknown },
    table: ReadonlyMap<string, Entry>,
  ): void {
    const { method, params } = message;
    const entry = table.get(method);
    if (!entry) return void this.#problems.push(`${kind} ${method} is not declared`);
    this.seen.add(`${this.#protocol.prefix}${kind} ${method}`);
    if (entry.params) this.#fit(`${kind} ${method}`, entry.params, params);
    if (kind !== "notification") return;
    this.#ask(`${kind} ${method}`, params, EXTENSION_MEMBERS.notification);
    this.#ask(`notification`, { [method]: 0 }, EXTENSION_NOTIFICATIONS);
  }

  #answer(id: RequestId, result: unknown): void {
    const method = this.#askedByServer.get(id);
    const entry = this.#protocol.serverRequests.get(method ?? "");
    if (entry) this.#fit(`answer to ${method}`, entry.result, result);
  }

  #refusal(entry: AnyRequestEntry, params: unknown): string | null {
    try {
      this.#protocol.parse(entry, params);
      return null;
    } catch (error) {
      return String(error);
    }
  }

  /** Whoever did not ask for an extension must see nothing of it. */
  #ask(
    what: string,
    members: unknown,
    extensions: Readonly<Record<string, readonly Extension[]>>,
  ): void {
    // The other protocol has no extensions, and members of the same names.
    if (this.#protocol !== appServerProtocol) return;
    for (const member of Object.keys(Object(members))) {
      const needed = Object.hasOwn(extensions, member) ? extensions[member] : undefined;
      if (needed && !needed.some((extension) => this.#extensions.has(extension))) {
        this.#problems.push(`${what}: ${member} was not asked for`);
      }
    }
  }

  #fit(what: string, schema: SchemaThunk<unknown>, value: unknown): void {
    const parsed = schema().safeParse(value);
    for (const { path, message } of parsed.error?.issues ?? []) {
      this.#problems.push(`${what}: ${path.map(String).join(".")}: ${message}`);
    }
  }
}

function extensionsAskedBy(params: unknown): readonly unknown[] {
  const capabilities: unknown = Object(Object(params).capabilities);
  const { sessionExtensions: asked }: { readonly sessionExtensions?: unknown } = Object(
    capabilities,
  );
  return Array.isArray(asked) ? asked : [];
}

/** Written at once: a test process may end in many ways. */
function record(seen: ReadonlySet<string>): void {
  if (!seenFolder) return;
  const fresh = [...seen].filter((line) => !recorded.has(line));
  if (fresh.length === 0) return;
  for (const line of fresh) recorded.add(line);
  Deno.writeTextFileSync(join(seenFolder, seenFile), fresh.join("\n") + "\n", { append: true });
}

function tableOf<E>(table: Readonly<Record<string, E>>): ReadonlyMap<string, E> {
  return new Map(Object.entries(table));
}
