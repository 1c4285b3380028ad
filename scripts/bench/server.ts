/** One server under measurement: its process, its CPU time, and the barest client; knows no measurement. */
import { cpuUs } from "./process_cost.ts";

/** A server and how to talk to it. */
export interface BenchServer {
  /** Milliseconds from the start of the process to the answer to `initialize`. */
  readonly startMs: number;
  /** Sends a request and resolves with the result. */
  call(method: string, params: unknown): Promise<Record<string, unknown>>;
  /** Resolves with the params of the next notification of that name. */
  next(method: string): Promise<Record<string, unknown>>;
  /** CPU time of the server and its children so far, in microseconds. Linux only. */
  cpuUs(): number;
  stop(): Promise<void>;
}

type Message = Record<string, unknown>;

/** Starts `command --listen stdio://` with an empty home whose only model provider is at `modelUrl`. */
export async function startServer(
  command: readonly string[],
  { modelUrl }: { readonly modelUrl: string },
): Promise<BenchServer> {
  const home = await Deno.makeTempDir({ prefix: "codex_bench_" });
  await Deno.writeTextFile(`${home}/config.toml`, configText(modelUrl));
  const [program = "", ...args] = command;
  const startedAt = performance.now();
  const child = new Deno.Command(program, {
    args: [...args, "--listen", "stdio://"],
    env: { CODEX_HOME: home, MOCK_KEY: "bench", RUST_LOG: "off" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const client = new LineClient(child);
  const info = { name: "bench", title: null, version: "0" };
  await client.call("initialize", { clientInfo: info, capabilities: { experimentalApi: true } });
  const startMs = performance.now() - startedAt;
  client.send({ method: "initialized" });
  return {
    startMs,
    call: (method, params) => client.call(method, params),
    next: (method) => client.next(method),
    cpuUs: () => cpuUs(child.pid),
    async stop() {
      await client.close();
      await child.status;
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** The configuration with the mock model alone. */
export function configText(modelUrl: string): string {
  return `model = "mock-model"
model_provider = "mock"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[model_providers.mock]
name = "Mock"
base_url = "${modelUrl}"
wire_api = "responses"
env_key = "MOCK_KEY"
`;
}

/** JSON lines over the pipes of a child. It waits for named notifications and drops all others. */
class LineClient {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #calls = new Map<number, PromiseWithResolvers<Message>>();
  readonly #waits = new Map<string, PromiseWithResolvers<Message>>();
  readonly #encoder = new TextEncoder();
  #nextId = 1;

  constructor(child: Deno.ChildProcess) {
    this.#writer = child.stdin.getWriter();
    void this.#read(child.stdout);
  }

  send(message: Message): void {
    void this.#writer.write(this.#encoder.encode(`${JSON.stringify(message)}\n`));
  }

  call(method: string, params: unknown): Promise<Message> {
    const id = this.#nextId++;
    const answer = Promise.withResolvers<Message>();
    this.#calls.set(id, answer);
    this.send({ id, method, params });
    return answer.promise;
  }

  next(method: string): Promise<Message> {
    const wait = Promise.withResolvers<Message>();
    this.#waits.set(method, wait);
    return wait.promise;
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }

  async #read(stdout: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
    const gone = new Error("The server closed its output before it answered");
    for (const waiting of [...this.#calls.values(), ...this.#waits.values()]) waiting.reject(gone);
  }

  #take(line: string): void {
    // Deltas are the bulk of the traffic: the client must not become the bottleneck.
    if (line.startsWith('{"method":"item/agentMessage/delta"')) return;
    const message: Message = JSON.parse(line);
    if (typeof message.method === "string") {
      const wait = this.#waits.get(message.method);
      this.#waits.delete(message.method);
      wait?.resolve(asObject(message.params));
      return;
    }
    const answer = this.#calls.get(Number(message.id));
    this.#calls.delete(Number(message.id));
    if (message.error) answer?.reject(new Error(`Refused: ${JSON.stringify(message.error)}`));
    else answer?.resolve(asObject(message.result));
  }
}

function asObject(value: unknown): Message {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
