/** Starts this program once more as a server and waits for its first answer; must not ask it for anything else. */
import { Client } from "../../client/client.ts";
import type { Process, ProcessExit } from "../../exec/process.ts";
import { messageOf } from "../../lib/errors.ts";
import { shellJoin } from "../../lib/shell_join.ts";
import { VERSION } from "../../lib/version.ts";
import { stdioTransport } from "../../rpc/stdio.ts";
import { type Check, type CheckContext, error, type Finding, ok } from "./check.ts";

/** How long the answer to `initialize` may take. */
const ANSWER_LIMIT_MS = 20_000;
/** How long a server that was hung up on may take to end by itself. */
const END_LIMIT_MS = 2000;
const STDERR_CHARS_MAX = 2000;
/** Far more than the answer; a program that is none of ours may print without end. */
const STDOUT_BYTES_MAX = 1024 * 1024;

/** The server that clients start. */
export const selfStartCheck: Check = { name: "self-start", isAlone: true, run: selfStartFinding };

type Outcome =
  | { readonly type: "answered" }
  | { readonly type: "refused"; readonly error: unknown }
  | { readonly type: "exited"; readonly exit: ProcessExit }
  | { readonly type: "silent" };

async function selfStartFinding(context: CheckContext): Promise<Finding> {
  const { host, processes } = context;
  const argv = [...host.packaging.command, "app-server"];
  const fix = `Start it by hand and look at what it prints: ${shellJoin(argv)} </dev/null`;
  const output = new ChildOutput();
  const startedAtMs = host.clock.now();
  const started = processes.start({
    argv,
    cwd: host.cwd,
    env: host.env,
    stdin: "piped",
    onOutput: (stream, chunk) => output.push(stream, chunk),
  });
  if (started.type === "failed") {
    return error(`The app-server cannot be started: ${started.message} (${argv[0]})`, fix);
  }
  const outcome = await firstAnswer(started.process, { output, context });
  const tookMs = Math.round(host.clock.now() - startedAtMs);
  // Before its end: what a shell says about that is not why.
  const lastWords = output.lastWords();
  await end(started.process, context);
  switch (outcome.type) {
    case "answered":
      return ok(`The app-server answered \`initialize\` after ${tookMs} ms`);
    case "refused":
      return error(`The app-server refused \`initialize\`: ${messageOf(outcome.error)}`, fix);
    case "exited": {
      const { code } = outcome.exit;
      return error(`The app-server ended at once (exit code ${code})${lastWords}`, fix);
    }
    case "silent": {
      const limit = `${ANSWER_LIMIT_MS / 1000} s`;
      return error(`The app-server did not answer within ${limit}${lastWords}`, fix);
    }
  }
}

/** Whatever comes first: the answer, the end of the process, or the end of patience. */
async function firstAnswer(
  process: Process,
  about: { readonly output: ChildOutput; readonly context: CheckContext },
): Promise<Outcome> {
  const { output, context: { host: { clock } } } = about;
  const transport = stdioTransport({
    input: output.stdout,
    output: {
      // A process that is gone is told by its exit, which says more than a broken pipe.
      write: async (bytes) => (await process.write(bytes), bytes.length),
    },
  });
  const silent = Promise.withResolvers<Outcome>();
  const cancel = clock.after(ANSWER_LIMIT_MS, () => silent.resolve({ type: "silent" }));
  const connected = Client.connect(transport, {
    clientInfo: { name: "codex_doctor", version: VERSION },
  }).then(
    (client): Outcome => (client.close(), { type: "answered" }),
    (error): Outcome => ({ type: "refused", error }),
  );
  const exited = process.exited.then((exit): Outcome => ({ type: "exited", exit }));
  try {
    return await Promise.race([connected, exited, silent.promise]);
  } finally {
    cancel();
    transport.close();
    output.close();
  }
}

/** Hangs up, which ends a server that works, and terminates one that does not. */
async function end(process: Process, { host: { clock } }: CheckContext): Promise<void> {
  await process.closeStdin();
  const late = Promise.withResolvers<void>();
  const cancel = clock.after(END_LIMIT_MS, late.resolve);
  await Promise.race([process.exited, late.promise]);
  cancel();
  await process.terminate();
}

/** What a child prints: stdout as a stream, the end of stderr as text. */
class ChildOutput {
  readonly stdout: ReadableStream<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #stderr = "";
  #stdoutBytes = 0;

  constructor() {
    this.stdout = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      cancel: () => void (this.#controller = null),
    });
  }

  push(stream: "stdout" | "stderr", chunk: Uint8Array): void {
    if (stream === "stderr") {
      const text = this.#stderr + this.#decoder.decode(chunk, { stream: true });
      this.#stderr = text.slice(-STDERR_CHARS_MAX);
    } else if (this.#stdoutBytes < STDOUT_BYTES_MAX) {
      this.#stdoutBytes += chunk.length;
      // The chunk is reused by whoever hands it over.
      this.#controller?.enqueue(chunk.slice());
    }
  }

  close(): void {
    this.#controller?.close();
    this.#controller = null;
  }

  /** The last line of stderr, as the end of a sentence. */
  lastWords(): string {
    const line = this.#stderr.trim().split("\n").at(-1) ?? "";
    return line === "" ? "" : `: ${line}`;
  }
}
