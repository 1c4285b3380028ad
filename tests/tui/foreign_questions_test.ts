import assert from "node:assert/strict";
import { ReconnectingClient } from "../../src/client/reconnect.ts";
import { Connection } from "../../src/rpc/connection.ts";
import { memoryTransportPair } from "../../src/rpc/transport.ts";
import { Questions } from "../../src/tui/questions.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { declineOther } from "../../src/tui/foreign_questions.ts";
import { commandDecisions, extraWishes } from "../../src/tui/question_parts.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";

const GREETING = {
  userAgent: "codex_cli_rs/0.169.0",
  codexHome: "/",
  platformFamily: "unix",
  platformOs: "linux",
};

/** As the schemas of the real servers want the answers. */
const ANSWERS: readonly (readonly [string, unknown])[] = [
  ["mcpServer/elicitation/request", { action: "decline", content: null, _meta: null }],
  ["item/tool/call", {
    contentItems: [{ type: "inputText", text: "The client cannot do this" }],
    success: false,
  }],
  ["execCommandApproval", { decision: "denied" }],
  ["applyPatchApproval", { decision: "denied" }],
];

for (const [method, answer] of ANSWERS) {
  Deno.test(`${method} is declined with an answer that fits, and the person is told`, () => {
    for (const params of [{}, null, { serverName: "docs", tool: "look" }]) {
      const notices: string[] = [];
      assert.deepEqual(
        declineOther({ id: 1, method, params }, (text) => notices.push(text)),
        answer,
      );
      assert.equal(notices.length, 1);
    }
  });
}

Deno.test("a question of a kind that nobody knows is refused, and the person is told", () => {
  for (const method of ["currentTime/read", "toString", "__proto__"]) {
    const notices: string[] = [];
    assert.throws(
      () => declineOther({ id: 1, method, params: {} }, (text) => notices.push(text)),
      RpcError,
    );
    assert.match(notices.join(), new RegExp(method));
  }
});

Deno.test("decisions of newer servers that are not known are left out, never all of them", () => {
  const amendment = { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["git"] } };
  assert.deepEqual(commandDecisions(undefined), ["accept", "cancel"]);
  const amendments = { network_policy_amendment: { host: "example.org", action: "deny" } };
  const network = { applyNetworkPolicyAmendment: amendments };
  assert.deepEqual(
    commandDecisions(["accept", { applyNetworkPolicyAmendment: {} }, amendment, network]),
    ["accept", amendment, network],
  );
  const broken = { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["git", 5] } };
  assert.deepEqual(commandDecisions([broken, "sometimes", null]), ["accept", "cancel"]);
});

Deno.test("what a question asks for besides its command is told", () => {
  assert.deepEqual(
    extraWishes({
      networkApprovalContext: { host: "example.org", protocol: "https" },
      additionalPermissions: { fileSystem: { write: ["/etc"] } },
    }),
    ["Network access: example.org https", 'More permissions: {"fileSystem":{"write":["/etc"]}}'],
  );
  assert.deepEqual(extraWishes({ networkApprovalContext: null }), []);
});

Deno.test("a question of another kind is answered over the wire, and never left hanging", async () => {
  const [clientEnd, serverEnd] = memoryTransportPair();
  const server = new Connection({
    transport: serverEnd,
    request: () => GREETING,
    notification: () => {},
    closed: () => {},
  });
  const client = await ReconnectingClient.connect({
    connect: () => Promise.resolve(clientEnd),
    client: { clientInfo: { name: "test", version: "1" } },
    clock: new FakeClock(),
    random: () => 0,
    newKey: () => "key",
  });
  const notices: string[] = [];
  const questions = new Questions(client, { notice: (text) => void notices.push(text) });
  assert.deepEqual(await server.request("execCommandApproval", {}), { decision: "denied" });
  await assert.rejects(server.request("attestation/generate", {}), /unsupported server request/);
  assert.equal(notices.length, 2);
  assert.equal(questions.count, 0);
  client.close();
});

Deno.test("another question under an id that is taken is asked in the place of the first", async () => {
  const [near, far] = memoryTransportPair();
  far.open({
    frame: (text) => {
      const { id, method } = JSON.parse(text);
      if (method === "initialize") far.send(JSON.stringify({ id, result: GREETING }));
    },
    closed: () => {},
  });
  const client = await ReconnectingClient.connect({
    connect: () => Promise.resolve(near),
    client: { clientInfo: { name: "test", version: "1" } },
    clock: new FakeClock(),
    random: () => 0,
    newKey: () => "",
  });
  const questions = new Questions(client, { notice: () => {} });
  const settled: string[] = [];
  questions.onSettled((_question, { type }) => void settled.push(type));
  for (const command of ["touch a", "touch b"]) {
    const asked = Promise.withResolvers<void>();
    const stop = questions.onChange(asked.resolve);
    const method = "item/commandExecution/requestApproval";
    far.send(JSON.stringify({ id: 0, method, params: { threadId: "t", turnId: "u", command } }));
    await asked.promise;
    stop();
  }
  // What follows the withdrawal of the first.
  await new Promise((resolve) => setTimeout(resolve));
  const { current } = questions;
  assert.equal(current?.type === "command" && current.command, "touch b");
  assert.deepEqual(settled, ["withdrawn"]);
  questions.close();
  client.close();
});
