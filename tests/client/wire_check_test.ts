import { doesNotThrow, throws } from "node:assert/strict";
import { memoryTransportPair, type Transport } from "../../src/rpc/transport.ts";
import { Collector } from "../rpc/transport_pairs.ts";
import { type WireCheck, wireCheck } from "../support/wire_check.ts";

/** Sends text through a checked connection, `>` from the client and `<` from the server. */
async function exchange(...lines: readonly string[]): Promise<WireCheck> {
  const [clientEnd, server] = memoryTransportPair();
  const check = wireCheck(clientEnd, { isRecorded: false });
  const client: Transport = check.transport;
  client.open(new Collector());
  server.open(new Collector());
  for (const line of lines) {
    const text = line.slice(1);
    if (line.startsWith(">")) client.send(text);
    else server.send(text);
    // The frame is delivered in a microtask.
    await Promise.resolve();
  }
  return check;
}

const READ = '>{"id":1,"method":"thread/loaded/list","params":{}}';
const QUESTION =
  '<{"id":"q","method":"item/fileChange/requestApproval","params":{"threadId":"t","turnId":"u","itemId":"i","startedAtMs":1,"reason":null,"grantRoot":null}}';

Deno.test("wireCheck accepts messages that fit their schemas, and refusals of those that do not", async () => {
  const check = await exchange(
    READ,
    '<{"id":1,"result":{"data":["a"],"nextCursor":null}}',
    '>{"id":2,"method":"thread/read","params":{"threadId":5}}',
    '<{"error":{"code":-32600,"message":"Invalid request"},"id":2}',
    '>{"id":3,"method":"no/such"}',
    '<{"error":{"code":-32600,"message":"Invalid request"},"id":3}',
    '>{"method":"initialized"}',
    '<{"method":"thread/status/changed","params":{"threadId":"t","status":{"type":"idle"}}}',
    QUESTION,
    '>{"id":"q","result":{"decision":"accept"}}',
  );
  doesNotThrow(() => check.assertClean());
});

const WRONG: readonly (readonly [string, RegExp, readonly string[]])[] = [
  ["a result that does not fit", /result of thread\/loaded\/list: data/, [
    READ,
    '<{"id":1,"result":{"data":5}}',
  ]],
  ["a result nobody asked for", /unknown id 9/, ['<{"id":9,"result":{}}']],
  ["accepted bad params", /thread\/read was accepted/, [
    '>{"id":1,"method":"thread/read","params":{"threadId":5}}',
    '<{"id":1,"result":{}}',
  ]],
  ["an accepted unknown method", /no\/such was accepted/, [
    '>{"id":1,"method":"no/such"}',
    '<{"id":1,"result":{}}',
  ]],
  ["a notification that does not fit", /notification thread\/status\/changed: status/, [
    '<{"method":"thread/status/changed","params":{"threadId":"t","status":{"type":"odd"}}}',
  ]],
  ["an unknown notification", /notification no\/such is not declared/, ['<{"method":"no/such"}']],
  ["an unknown client notification", /clientNotification no\/such is not declared/, [
    '>{"method":"no/such"}',
  ]],
  ["a question that does not fit", /serverRequest item\/fileChange\/requestApproval: /, [
    '<{"id":"q","method":"item/fileChange/requestApproval","params":{}}',
  ]],
  ["an answer that does not fit", /answer to item\/fileChange\/requestApproval: decision/, [
    QUESTION,
    '>{"id":"q","result":{"decision":"perhaps"}}',
  ]],
  ["text that is no message", /server sent no message/, ["<nonsense"]],
];

for (const [what, problem, lines] of WRONG) {
  Deno.test(`wireCheck fails for ${what}`, async () => {
    const check = await exchange(...lines);
    throws(() => check.assertClean(), problem);
  });
}
