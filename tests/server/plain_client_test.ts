/** What a client is sent that asked for no extension: nothing but what clients of Codex know. */
import assert from "node:assert/strict";
import { EXTENSION_MEMBERS, EXTENSION_NOTIFICATIONS } from "../../src/protocol/extensions.ts";
import { METHOD_NAMES } from "../../src/protocol/method_names.ts";
import { protocolSchema } from "../../src/protocol/schema.ts";
import { judge, type Schema } from "../support/json_schema.ts";
import { startServer } from "../support/server.ts";
import { plainTraffic, type Sent } from "./plain_traffic.ts";
import { RawPeer } from "./raw_peer.ts";

/** The schemas of the real programs, where they are at hand. */
const PEERS = new URL("../../../shared/peer/schema/", import.meta.url);
const VERSIONS = ["0.120.0", "0.169.0"] as const;

Deno.test("a client that asked for no extension gets no member that the protocol has only with one", async () => {
  const schema = await plainSchema();
  const sent = await plainTraffic();
  assertVaried(sent);
  for (const message of sent) {
    const pointer = schema.pointers.get(`${message.kind} ${message.method}`);
    assert.ok(pointer, `${message.method} is only for clients that asked`);
    const { problems, unknown } = judge(schema.root, pointer, message.value);
    assert.deepEqual([problems, unknown], [[], []], JSON.stringify(message));
  }
});

Deno.test("initialize lists the methods for a client that asks for them, and for no other", async () => {
  await using server = await startServer();
  const answer = async (capabilities: Record<string, unknown>) => {
    const clientInfo = { name: "raw", version: "1" };
    const peer = new RawPeer(server.server);
    return (await peer.call("initialize", { clientInfo, capabilities })).result;
  };
  const asked = await answer({ sessionExtensions: ["methods"] });
  assert.deepEqual([asked.sessionExtensions, asked.methods], [["methods"], [...METHOD_NAMES]]);
  for (const capabilities of [{}, { sessionExtensions: [] }, { sessionExtensions: ["clients"] }]) {
    assert.equal("methods" in await answer(capabilities), false);
  }
});

const peers = await peerSchemas();

Deno.test({
  name: "what such a client gets fits the schemas of Codex 0.120 and 0.169",
  ignore: peers === null,
  fn: async () => {
    const problems = new Set<string>();
    for (const { kind, method, value } of await plainTraffic()) {
      const findings = (peers ?? []).map((root) => {
        const pointer = peerPointer(root, { kind, method });
        return pointer === null ? null : judge(root, pointer, value);
      });
      findings.forEach((found, index) => {
        for (const problem of found?.problems ?? []) {
          problems.add(`${VERSIONS[index]} ${kind} ${method}${problem}`);
        }
      });
      const known = findings.filter((found) => found !== null);
      if (known.length === 0) problems.add(`${kind} ${method} is in neither`);
      for (const member of known[0]?.unknown ?? []) {
        const isInOther = known.some(({ unknown }) => !unknown.includes(member));
        if (!isInOther) problems.add(`${kind} ${method}: ${member} is in neither`);
      }
    }
    assert.deepEqual([...problems], []);
  },
});

/** The test would say little about a conversation in which nothing happens. */
function assertVaried(sent: readonly Sent[]): void {
  const methods = new Set(sent.map(({ method }) => method));
  const expected = [
    "thread/started",
    "item/agentMessage/delta",
    "item/reasoning/summaryTextDelta",
    "item/commandExecution/requestApproval",
    "item/fileChange/requestApproval",
    "serverRequest/resolved",
    "turn/plan/updated",
    "turn/diff/updated",
    "thread/tokenUsage/updated",
    "thread/name/updated",
    "thread/closed",
    "thread/resume",
  ];
  assert.deepEqual(expected.filter((method) => !methods.has(method)), []);
}

/** Our own schema without all that belongs to extensions, and where each message is in it. */
async function plainSchema(): Promise<{ root: Schema; pointers: ReadonlyMap<string, string> }> {
  const protocol = await protocolSchema();
  const definitions: Record<string, Schema> = { ...protocol.definitions };
  const pointers = new Map<string, string>();
  const add = (
    message: string,
    name: string | null,
    members: Readonly<Record<string, unknown>>,
  ) => {
    if (name === null) return;
    pointers.set(message, `#/definitions/${name}`);
    const { properties, ...rest } = definitions[name] ?? {};
    const plain = Object.entries(properties ?? {}).filter(([member]) => !(member in members));
    definitions[name] = { ...rest, properties: Object.fromEntries(plain) };
  };
  for (const { method, result } of protocol.clientRequests) {
    add(`result ${method}`, result, EXTENSION_MEMBERS.result);
  }
  for (const { method, params } of protocol.serverNotifications) {
    if (method in EXTENSION_NOTIFICATIONS) continue;
    add(`notification ${method}`, params, EXTENSION_MEMBERS.notification);
  }
  for (const { method, params } of protocol.serverRequests) add(`request ${method}`, params, {});
  return { root: { definitions }, pointers };
}

async function peerSchemas(): Promise<PeerSchema[] | null> {
  try {
    return await Promise.all(
      VERSIONS.map(async (version) =>
        JSON.parse(await Deno.readTextFile(new URL(`${version}-experimental.json`, PEERS)))
      ),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Where a message is in a schema of the real program; null where it has no such message. */
function peerPointer(
  { definitions }: PeerSchema,
  { kind, method }: Omit<Sent, "value">,
): string | null {
  const table = { notification: "ServerNotification", request: "ServerRequest" } as const;
  const { oneOf } = definitions[kind === "result" ? "ClientRequest" : table[kind]];
  const found = oneOf.find(({ properties }) => properties.method.enum.includes(method));
  const pointer = found?.properties.params?.$ref;
  if (kind !== "result") return pointer ?? null;
  const name = pointer?.replace(/Params$/, "Response").split("/").at(-1) ?? "";
  if (name in definitions) return `#/definitions/${name}`;
  return name in definitions.v2 ? `#/definitions/v2/${name}` : null;
}

interface PeerSchema extends Schema {
  readonly definitions:
    & Readonly<
      Record<"ServerNotification" | "ServerRequest" | "ClientRequest", {
        readonly oneOf: readonly PeerMessage[];
      }>
    >
    & { readonly v2: Schema };
}

interface PeerMessage {
  readonly properties: {
    readonly method: { readonly enum: readonly string[] };
    readonly params?: { readonly $ref?: string };
  };
}
