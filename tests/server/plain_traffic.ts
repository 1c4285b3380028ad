/** Everything that a client without extensions is sent beside clients that have them all; must not judge it. */
import { EXTENSIONS } from "../../src/protocol/extensions.ts";
import { call, custom, gate, say, think } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { type Frame, RawPeer } from "./raw_peer.ts";

/** A message of the server; an answer comes with the method it answers. */
export interface Sent {
  readonly kind: "notification" | "request" | "result";
  readonly method: string;
  readonly value: unknown;
}

const ALL = { experimentalApi: true, sessionExtensions: [...EXTENSIONS] };
const COMMAND = "item/commandExecution/requestApproval";
const PATCH = `*** Begin Patch
*** Add File: notes.txt
+from the patch
*** End Patch`;

/** Plays turns with questions, tools, steering, an interruption, renaming, archiving and coming back. */
export async function plainTraffic(): Promise<Sent[]> {
  await using server = await startServer({
    responses: [
      [think("Considering"), say("Hello", { chunks: 5 }), call("exec_command", { cmd: "touch a" })],
      [call("update_plan", { plan: [{ step: "all", status: "in_progress" }] })],
      [custom("apply_patch", PATCH)],
      say("Done"),
      [say("Begin"), gate("steer"), say("Middle")],
      say("End"),
      [say("Begin"), gate("stop")],
      call("exec_command", { cmd: "touch b" }),
    ],
  });
  const rich = await RawPeer.initialized(server.server, ALL);
  const plain = new Asking(await RawPeer.initialized(server.server));
  const other = await RawPeer.initialized(server.server, ALL);
  const { thread } = await plain.ask("thread/start", { idempotencyKey: "ignored" });
  const threadId = thread.id;
  const logId = (await rich.call("thread/resume", { threadId })).result.logId;
  await other.call("thread/resume", { threadId });

  await rich.call("turn/start", { threadId, input: text("one"), idempotencyKey: "1" });
  const touch = await plain.peer.untilMethod(COMMAND);
  rich.answer(touch.id, { decision: "accept" });
  const patch = await plain.peer.untilMethod("item/fileChange/requestApproval");
  plain.peer.answer(patch.id, { decision: "accept" });
  await plain.turns(1);

  const { turn } = await plain.ask("turn/start", { threadId, input: text("two") });
  await server.model.reached("steer");
  await plain.ask("turn/steer", { threadId, input: text("left"), expectedTurnId: turn.id });
  other.close();
  server.model.release("steer");
  await plain.turns(2);

  const { turn: third } = await plain.ask("turn/start", { threadId, input: text("three") });
  await server.model.reached("stop");
  await plain.ask("turn/interrupt", { threadId, turnId: third.id });
  await plain.turns(3);

  const from = plain.peer.frames.length;
  await rich.call("turn/start", { threadId, input: text("four") });
  const last = await plain.peer.untilMethod(COMMAND, from);
  await plain.ask("thread/unsubscribe", { threadId });
  await plain.ask("thread/resume", { threadId, logId, afterSeq: 2 });
  plain.peer.answer(last.id, { decision: "cancel" });
  await plain.turns(4);

  await plain.ask("thread/name/set", { threadId, name: "plain" });
  await plain.ask("thread/read", { threadId, includeTurns: true });
  await plain.ask("thread/fork", { threadId, lastTurnId: third.id });
  await plain.ask("thread/list", {});
  await plain.ask("thread/loaded/list", {});
  await plain.ask("thread/archive", { threadId });
  await plain.ask("thread/unarchive", { threadId });
  return plain.sent();
}

/** A peer that remembers what it asked. */
class Asking {
  readonly peer: RawPeer;
  readonly #asked = new Map<Frame["id"], string>();

  constructor(peer: RawPeer) {
    this.peer = peer;
  }

  async ask(method: string, params: unknown): Promise<Frame["result"]> {
    const frame = await this.peer.call(method, params);
    if (frame.error) throw new Error(`${method}: ${frame.error.message}`);
    this.#asked.set(frame.id, method);
    return frame.result;
  }

  /** Resolves when so many turns have ended. */
  async turns(count: number): Promise<void> {
    let ended = 0;
    await this.peer.until(({ method }) => method === "turn/completed" && ++ended === count);
  }

  sent(): Sent[] {
    return this.peer.frames.map((frame) => {
      const { id, method, params, result } = frame;
      if (method !== undefined) {
        return { kind: id === undefined ? "notification" : "request", method, value: params };
      }
      return { kind: "result", method: this.#asked.get(id) ?? "initialize", value: result };
    });
  }
}
