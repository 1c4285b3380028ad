/** `command/exec` for a client that reads slowly or goes away: the command waits, and nothing piles up. */
import assert from "node:assert/strict";
import { isRunning, leftOf } from "../exec/process_run.ts";
import {
  memoryTransportPair,
  type Transport,
  type TransportSink,
} from "../../src/rpc/transport.ts";
import { exists } from "../support/exists.ts";
import { startServer } from "../support/server.ts";
import { FULL } from "./command_steps.ts";

/** The server's end of a connection whose client takes nothing until it is told to. */
class SlowTransport implements Transport {
  readonly peer = "slow";
  readonly #inner: Transport;
  #held: string[] | null = [];
  #heldChars = 0;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  get bufferedBytes(): number {
    return this.#heldChars + this.#inner.bufferedBytes;
  }

  open(sink: TransportSink): void {
    this.#inner.open(sink);
  }

  send(text: string): void {
    if (!this.#held) return this.#inner.send(text);
    this.#held.push(text);
    this.#heldChars += text.length;
  }

  /** The client reads from now on. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    this.#heldChars = 0;
    for (const text of held) this.#inner.send(text);
  }

  close(reason?: string): void {
    this.#inner.close(reason);
  }
}

/** Starts a command that streams 20 MB to a client that does not read. */
async function flood() {
  const server = await startServer();
  const [clientEnd, serverEnd] = memoryTransportPair();
  const slow = new SlowTransport(serverEnd);
  const frames: string[] = [];
  const answered = Promise.withResolvers<void>();
  clientEnd.open({
    frame: (text) => {
      frames.push(text);
      if (text.includes('"id":2')) answered.resolve();
    },
    closed: () => {},
  });
  server.server.accept(slow);
  const clientInfo = { name: "slow", version: "1" };
  clientEnd.send(JSON.stringify({ id: 1, method: "initialize", params: { clientInfo } }));
  const script = "echo $$ > pid; exec head -c 20000000 /dev/zero";
  const params = {
    command: ["/bin/sh", "-c", script],
    processId: "p",
    streamStdoutStderr: true,
    disableOutputCap: true,
    disableTimeout: true,
    sandboxPolicy: FULL,
  };
  clientEnd.send(JSON.stringify({ id: 2, method: "command/exec", params }));
  const pid = await started(`${server.project}/pid`);
  // Nothing more is written once every buffer on the way is full.
  let seen = -1;
  for (let quiet = 0; quiet < 20;) {
    const written = writtenBy(pid);
    quiet = written > 1_000_000 && written === seen ? quiet + 1 : 0;
    seen = written;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { server, slow, clientEnd, frames, answered: answered.promise, pid };
}

/** The number in a file that a command writes first. */
async function started(path: string): Promise<number> {
  while (!await exists(path) || (await Deno.readTextFile(path)) === "") {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return Number(await Deno.readTextFile(path));
}

/** What a process has written so far. */
function writtenBy(pid: number): number {
  return Number(/^wchar: (\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/io`))?.[1]);
}

Deno.test("a client that does not read holds the command back, and gets everything once it reads", async () => {
  const { server, slow, frames, answered, pid } = await flood();
  await using _ = server;
  assert.ok(writtenBy(pid) < 6_000_000);
  // The transport is given no more than it takes.
  assert.ok(slow.bufferedBytes < 1_000_000);
  assert.ok(isRunning(pid));
  slow.release();
  await answered;
  let bytes = 0;
  for (const frame of frames.slice(1, -1)) {
    const { params } = JSON.parse(frame);
    bytes += Uint8Array.fromBase64(params.deltaBase64).length;
  }
  assert.equal(bytes, 20_000_000);
  assert.match(frames.at(-1) ?? "", /"exitCode":0,"stdout":"","stderr":""/);
});

Deno.test("a client that goes away without having read takes its command with it", async () => {
  const { server, clientEnd, pid } = await flood();
  await using _ = server;
  clientEnd.close();
  assert.deepEqual(await leftOf([pid]), []);
});
