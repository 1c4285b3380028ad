/** Steps of tests of tools: threads in which nobody is asked, and turns in which the model calls tools. */
import assert from "node:assert/strict";
import type { Notification } from "../../src/client/client.ts";
import type { ModelRequest } from "../../src/agent/model/port.ts";
import type { SandboxMode } from "../../src/protocol/policy.ts";
import { say, type ScriptedAnswer } from "../support/scripted_model.ts";
import { startServer, type TestServer, type TestServerOptions } from "../support/server.ts";
import { outline, paramsOf, Recorder } from "./recorder.ts";

/** A thread in which nobody is asked, with everything that its client is told. */
export async function openThread(server: TestServer, sandbox: SandboxMode = "danger-full-access") {
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", { approvalPolicy: "never", sandbox });
  await recorder.until("thread/started");
  return { client, recorder, threadId: thread.id };
}

/** One turn in which the model calls tools and then stops. */
export async function toolTurn(
  answer: ScriptedAnswer,
  options: Omit<TestServerOptions, "responses"> & {
    readonly sandbox?: SandboxMode;
    readonly prepare?: (server: TestServer) => Promise<void>;
    readonly check?: (server: TestServer) => Promise<void>;
  } = {},
): Promise<{ events: Notification[]; outputs: string[]; project: string }> {
  const { sandbox, prepare, check, ...rest } = options;
  await using server = await startServer({ ...rest, responses: [answer, say("Done")] });
  await prepare?.(server);
  const { recorder, threadId } = await openThread(server, sandbox);
  const events = await recorder.turn(threadId, "work");
  assert.equal(outline(events).at(-1), "turn/completed completed");
  await check?.(server);
  return { events, outputs: outputsOf(server.model.requests[1]), project: server.project };
}

/** The tool outputs that the model is sent, as text. */
export function outputsOf(request: ModelRequest | undefined): string[] {
  return (request?.input ?? []).flatMap((item) => {
    if (!("output" in item)) return [];
    return [typeof item.output === "string" ? item.output : JSON.stringify(item.output)];
  });
}

/** All that one item has put out, as text. */
export function deltasOf(events: readonly Notification[], itemId: string): string {
  const deltas = paramsOf(events, "item/commandExecution/outputDelta");
  return deltas.filter((delta) => delta.itemId === itemId).map(({ delta }) => delta).join("");
}
