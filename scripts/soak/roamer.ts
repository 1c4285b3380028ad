/** One client with a bad line and much to do; must not know what breaks its line. */
import { connectRemote } from "../../src/client/connect.ts";
import type { AnyNotification } from "../../src/client/inbox.ts";
import { ReconnectingClient } from "../../src/client/reconnect.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { systemClock } from "../../src/programs/host.ts";
import { EXTENSIONS } from "../../src/protocol/extensions.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import type { Ledger } from "./ledger.ts";
import { Picture } from "./picture.ts";

/** What a roamer needs. */
export interface RoamerOptions {
  readonly name: string;
  /** Of the proxy. */
  readonly port: number;
  readonly root: string;
  readonly ledger: Ledger;
  /** The threads that run now, for those who watch others work. */
  readonly board: Set<string>;
  random(): number;
}

/** How much faster the time of clients goes, so that heartbeats and backoffs happen often. */
const HASTE = 10;
/** Whatever is not over by then hangs. */
const PATIENCE_MS = 90_000;
/** A thread is archived after so many tasks, and another one begun. */
const TASKS_PER_THREAD = 12;
const OFFLINE_MS = 400;

/** A client, as long as nobody closes it. */
export class Roamer {
  readonly #options: RoamerOptions;
  readonly #pictures = new Map<string, Picture>();
  #client: ReconnectingClient | null = null;
  #thread: Picture | null = null;
  #watched: string | null = null;
  #tasks = 0;
  #number = 0;

  constructor(options: RoamerOptions) {
    this.#options = options;
  }

  /** Does one thing after the other until it is enough, then compares, cleans up and leaves. */
  async live(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      await this.#step();
      if (this.#tasks >= TASKS_PER_THREAD) await this.#do("archive", () => this.#archive());
    }
    await this.#do("archive", () => this.#archive());
    this.#client?.close();
    this.#client = null;
  }

  async #step(): Promise<void> {
    const tasks = [
      ...[this.#say, this.#say, this.#run, this.#run, this.#interrupt, this.#large],
      ...[this.#rename, this.#files, this.#terminal, this.#leave, this.#watchOther, this.#list],
    ];
    const task = tasks[Math.floor(this.#options.random() * tasks.length)] ?? this.#say;
    this.#tasks++;
    await this.#do(task.name.replace("#", ""), () => task.call(this));
  }

  /** A refusal or an outcome that nobody can know is told and counted; what hangs is a problem. */
  async #do(name: string, task: () => Promise<void>): Promise<void> {
    const { ledger, name: who } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const state = `${JSON.stringify(this.#client?.state)}, ${this.#client?.waitingCount} waiting`;
      ledger.problem(`${who}: ${name} of ${this.#thread?.threadId} hangs; connection: ${state}`);
      late.reject(new Error("It hangs"));
    }, PATIENCE_MS);
    try {
      await Promise.race([task(), late.promise]);
      ledger.count(name);
    } catch (error) {
      const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      ledger.count(`${name}: ${text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|"[a-c]\d+-\d+"/g, "ID")}`);
    } finally {
      clearTimeout(timer);
    }
  }

  async #turn(order: string): Promise<{ readonly picture: Picture; readonly turnId: string }> {
    const { ledger } = this.#options;
    const [client, picture] = [await this.#online(), await this.#own()];
    const prompt = `[${this.#unique()}]`;
    const { threadId } = picture;
    ledger.sent(threadId, prompt);
    const { turn } = await client.request("turn/start", {
      threadId,
      input: [{ type: "text", text: `${prompt} ${order}`, text_elements: [] }],
    });
    ledger.acknowledged(threadId, prompt, turn.id);
    return { picture, turnId: turn.id };
  }

  async #say(): Promise<void> {
    const { picture, turnId } = await this.#turn(`say ${Math.ceil(this.#options.random() * 400)}`);
    await picture.over(turnId);
  }

  async #run(): Promise<void> {
    const { ledger, root } = this.#options;
    const mark = this.#unique();
    ledger.mark(mark, false);
    const { picture, turnId } = await this.#turn(`run \`echo ${mark} >> ${root}/marks\``);
    await picture.over(turnId);
    const hasRun = picture.itemsOf(turnId).some((item) =>
      item.type === "commandExecution" && item.exitCode === 0
    );
    ledger.mark(mark, hasRun);
  }

  /** More than a slow line takes at once. */
  async #large(): Promise<void> {
    const { picture, turnId } = await this.#turn("run `seq 1 30000`");
    await picture.over(turnId);
  }

  async #interrupt(): Promise<void> {
    const { picture, turnId } = await this.#turn("slowly 100");
    await this.#pause(OFFLINE_MS);
    const client = await this.#online();
    const asked = client.request("turn/interrupt", { threadId: picture.threadId, turnId });
    await Promise.all([asked, picture.over(turnId)]);
  }

  async #rename(): Promise<void> {
    const { threadId } = await this.#own();
    const name = this.#unique();
    await (await this.#online()).request("thread/name/set", { threadId, name });
    this.#options.ledger.named(threadId, name);
  }

  async #files(): Promise<void> {
    const { root, ledger } = this.#options;
    const client = await this.#online();
    const [watchId, content] = [this.#unique(), this.#unique()];
    // Watches of one folder are one in the kernel, and could not be counted.
    const folder = `${root}/files/${watchId}`;
    const path = `${folder}/${content}`;
    await Deno.mkdir(folder);
    await client.request("fs/watch", { watchId, path: folder });
    await client.request("fs/writeFile", { path, dataBase64: btoa(content) });
    ledger.written(path, content);
    // Those that are not ended must end with their connection.
    if (this.#options.random() < 0.5) await client.request("fs/unwatch", { watchId });
  }

  async #terminal(): Promise<void> {
    const client = await this.#online();
    const processId = this.#unique();
    const run = client.request("command/exec", {
      command: ["sh", "-c", "echo ready; read line; echo got $line; exit 3"],
      processId,
      tty: true,
      timeoutMs: 5000,
    });
    run.catch(() => "It is told below.");
    if (this.#options.random() < 0.7) {
      // Nothing is known of a command before its first output, which another connection does not get.
      await this.#pause(OFFLINE_MS);
      await client.request("command/exec/write", { processId, deltaBase64: btoa("word\n") });
    }
    const { exitCode } = await run;
    // 143: it was ended with its connection, and the answer was asked for again.
    if (![3, 124, 143].includes(exitCode)) {
      throw new Error(`A command on a terminal ended with ${exitCode}`);
    }
  }

  /** Away in the middle of a turn, and back as somebody else. */
  async #leave(): Promise<void> {
    const { turnId } = await this.#turn("slowly 50");
    await this.#pause(OFFLINE_MS);
    this.#client?.close();
    this.#client = null;
    await this.#pause(OFFLINE_MS);
    await this.#online();
    await this.#thread?.over(turnId);
  }

  async #watchOther(): Promise<void> {
    const { board } = this.#options;
    const client = await this.#online();
    if (this.#watched !== null) {
      const threadId = this.#watched;
      this.#watched = null;
      this.#pictures.delete(threadId);
      await client.request("thread/unsubscribe", { threadId });
    }
    const others = [...board].filter((id) => id !== this.#thread?.threadId);
    const threadId = others[Math.floor(this.#options.random() * others.length)];
    if (threadId === undefined) return;
    this.#watched = threadId;
    await client.request("thread/resume", { threadId });
  }

  async #list(): Promise<void> {
    const client = await this.#online();
    await client.request("thread/loaded/list", {});
    await client.request("thread/list", { limit: 5 });
  }

  /** The end of a thread: what was seen, what is there and what was promised must be the same. */
  async #archive(): Promise<void> {
    const { board, ledger } = this.#options;
    this.#tasks = 0;
    const picture = this.#thread;
    if (!picture) return;
    const { threadId } = picture;
    const client = await this.#online();
    const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
    picture.compare(thread.turns);
    ledger.settle(thread);
    this.#thread = null;
    this.#pictures.delete(threadId);
    board.delete(threadId);
    await client.request("thread/archive", { threadId });
  }

  async #own(): Promise<Picture> {
    if (this.#thread) return this.#thread;
    const { root, board } = this.#options;
    const client = await this.#online();
    const { thread } = await client.request("thread/start", { cwd: root });
    board.add(thread.id);
    return this.#thread = this.#picture(thread.id);
  }

  #picture(threadId: string): Picture {
    const known = this.#pictures.get(threadId);
    if (known) return known;
    const picture = new Picture(threadId, this.#options.ledger);
    this.#pictures.set(threadId, picture);
    return picture;
  }

  async #online(): Promise<ReconnectingClient> {
    while (!this.#client) {
      try {
        this.#client = await this.#connect();
      } catch {
        // The line is bad, or the server is away: that is what this is about.
        await this.#pause(OFFLINE_MS);
      }
    }
    return this.#client;
  }

  async #connect(): Promise<ReconnectingClient> {
    const { port, name, random } = this.#options;
    const clock = hastyClock();
    const client = await ReconnectingClient.connect({
      connect: (signal) => connectThrough(port, { signal, clock }),
      client: {
        clientInfo: { name, version: "1" },
        capabilities: { experimentalApi: true, sessionExtensions: EXTENSIONS },
      },
      clock,
      random,
      newKey: () => crypto.randomUUID(),
    });
    this.#listen(client);
    this.#watched = null;
    for (const threadId of [...this.#pictures.keys()]) {
      if (threadId !== this.#thread?.threadId) this.#pictures.delete(threadId);
    }
    if (this.#thread) await this.#rejoin(client, this.#thread.threadId);
    return client;
  }

  async #rejoin(client: ReconnectingClient, threadId: string): Promise<void> {
    try {
      await client.request("thread/resume", { threadId });
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.#lost(error.message);
    }
  }

  #lost(reason: string): void {
    const { board, ledger } = this.#options;
    const threadId = this.#thread?.threadId ?? "";
    this.#thread = null;
    board.delete(threadId);
    ledger.lost(threadId, reason);
  }

  #listen(client: ReconnectingClient): void {
    client.onAny((notification) => this.#event(notification));
    client.onNews((news) => {
      if (news.type === "watchLost") return;
      if (news.type !== "lost") return this.#picture(news.threadId).opened(news.result);
      this.#pictures.delete(news.threadId);
      if (news.threadId === this.#thread?.threadId) this.#lost(news.reason);
    });
    client.onRequest("item/commandExecution/requestApproval", async () => {
      await this.#pause(OFFLINE_MS * this.#options.random());
      return { decision: this.#options.random() < 0.8 ? "accept" : "decline" };
    });
  }

  #event(notification: AnyNotification): void {
    const params = Object(notification.params);
    this.#pictures.get(params.threadId ?? params.thread?.id)?.event(notification);
  }

  #unique(): string {
    return `${this.#options.name}-${++this.#number}`;
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}

function hastyClock(): Clock {
  const clock = systemClock();
  return {
    now: () => clock.now() * HASTE,
    after: (delayMs, callback, options) => clock.after(delayMs / HASTE, callback, options),
  };
}

function connectThrough(port: number, { signal, clock }: {
  readonly signal: AbortSignal;
  readonly clock: Clock;
}) {
  return connectRemote({ type: "tcp", host: "127.0.0.1", port, isSecure: false }, {
    token: () => Promise.resolve(null),
    trust: {
      fingerprint: null,
      known: { fingerprintOf: () => null, remember: () => undefined },
      acceptNew: () => Promise.resolve(false),
    },
    authorities: [],
    proxyFor: () => null,
    signal,
    clock,
  });
}
