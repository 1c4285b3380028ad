/** The real server as a child that is killed, drained and started again on one home; must not know what clients do. */

/** How to start it. */
export interface AppServerOptions {
  /** Program and arguments up to `app-server`. */
  readonly command: readonly string[];
  readonly root: string;
  readonly modelUrl: string;
}

/** Turns of a soak are shorter. */
const DRAIN_LIMIT_MS = 30_000;
const LOG_CHARS_MAX = 20_000;

/** One home with one server at a time. */
export class AppServer {
  readonly #options: AppServerOptions;
  #child: Deno.ChildProcess | null = null;
  #port = 0;
  #log = "";
  #logEnd: Promise<void> = Promise.resolve();

  constructor(options: AppServerOptions) {
    this.#options = options;
  }

  /** Where it listens, or listened last. */
  get port(): number {
    return this.#port;
  }

  get pid(): number {
    if (!this.#child) throw new Error("No server is running");
    return this.#child.pid;
  }

  /** The end of what all servers have logged. */
  get log(): string {
    return this.#log;
  }

  async start(): Promise<void> {
    const { command: [program = "", ...args], root, modelUrl } = this.#options;
    await Deno.mkdir(`${root}/home`, { recursive: true });
    await Deno.writeTextFile(`${root}/home/config.toml`, configText(modelUrl));
    const child = new Deno.Command(program, {
      args: [...args, "app-server", "--listen", "ws://127.0.0.1:0"],
      cwd: root,
      env: {
        CODEX_HOME: `${root}/home`,
        // A packed file unpacks its runtime, which must not stay behind.
        CODEX_RUNTIME_DIR: `${root}/runtime`,
        MOCK_KEY: "soak",
        RUST_LOG: "warn",
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#child = child;
    const port = Promise.withResolvers<number>();
    this.#logEnd = this.#follow(child.stderr, port);
    this.#port = await port.promise;
  }

  /** No warning and no mercy. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    child?.kill("SIGKILL");
    await child?.status;
    await this.#logEnd;
  }

  /** Asks it to stop and says what was wrong with how it did. */
  async drain(): Promise<string | null> {
    const child = this.#child;
    if (!child) return null;
    this.#child = null;
    child.kill("SIGTERM");
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, DRAIN_LIMIT_MS);
    const { code } = await child.status;
    clearTimeout(timer);
    await this.#logEnd;
    if (isLate) return `SIGTERM did not end the server within ${DRAIN_LIMIT_MS / 1000} s`;
    return code === 0 ? null : `SIGTERM ended the server with exit code ${code}`;
  }

  async #follow(
    stderr: ReadableStream<Uint8Array>,
    port: PromiseWithResolvers<number>,
  ): Promise<void> {
    let banner = "";
    for await (const piece of stderr.pipeThrough(new TextDecoderStream())) {
      this.#log = (this.#log + piece).slice(-LOG_CHARS_MAX);
      banner = (banner + piece).slice(0, LOG_CHARS_MAX);
      const found = /listening on: ws:\/\/[^\s:]+:(\d+)/.exec(banner)?.[1];
      if (found !== undefined) port.resolve(Number(found));
    }
    port.reject(new Error(`The server did not start:\n${this.#log}`));
  }
}

function configText(modelUrl: string): string {
  return `model = "mock-model"
model_provider = "mock"
approval_policy = "untrusted"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[model_providers.mock]
name = "Mock"
base_url = "${modelUrl}"
wire_api = "responses"
env_key = "MOCK_KEY"
`;
}
