/** The name of the open thread, in the title of the terminal and with the server; must not know how it is drawn. */
import { lineStart } from "../lib/sanitize.ts";
import type { Questions } from "./questions.ts";
import type { SessionPort } from "./session_port.ts";
import { suggestTitle } from "./title.ts";

const TITLE_CHARS = 60;
/** Its rules answer prompts, not questions about prompts. */
const DEMO_PROVIDER = "demo";

/** Invariant: a thread is given a name at most once, and only while nobody else has given it one. */
export class ThreadTitle {
  readonly #session: SessionPort;
  readonly #questions: Pick<Questions, "count" | "onChange">;
  readonly #setTitle: (text: string) => void;
  readonly #stops: (() => void)[];
  /** Threads that were empty when they were opened. */
  readonly #fresh = new Set<string>();
  #shown = "";

  constructor({ session, questions, setTitle }: {
    readonly session: SessionPort;
    /** What the person is asked. */
    readonly questions: Pick<Questions, "count" | "onChange">;
    readonly setTitle: (text: string) => void;
  }) {
    this.#session = session;
    this.#questions = questions;
    this.#setTitle = setTitle;
    this.#stops = [
      session.onChange(() => this.#update()),
      questions.onChange(() => this.#update()),
      session.client.on("item/completed", ({ threadId, item }) => {
        if (item.type !== "userMessage") return;
        const text = item.content.find((part) => part.type === "text")?.text;
        if (text) void this.#name(threadId, text);
      }),
    ];
    this.#update();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  /** Shows what it is called now, and whether it works or waits, with the signs of the list of threads. */
  #update(): void {
    const { thread, settings } = this.#session;
    if (thread?.preview === "" && thread.name === null) this.#fresh.add(thread.id);
    const folder = settings?.cwd.split("/").findLast((part) => part !== "");
    const text = thread?.name || thread?.preview || folder || "codex";
    const name = lineStart(text, TITLE_CHARS);
    const title = `${this.#questions.count > 0 ? "! " : this.#session.running ? "● " : ""}${name}`;
    if (title === this.#shown) return;
    this.#shown = title;
    this.#setTitle(title);
  }

  async #name(threadId: string, prompt: string): Promise<void> {
    const { settings, client } = this.#session;
    if (!this.#fresh.delete(threadId) || !settings) return;
    if (settings.modelProvider === DEMO_PROVIDER || !this.#session.has("thread/name/set")) return;
    const { model, modelProvider } = settings;
    const name = await suggestTitle(client, { prompt, model, modelProvider });
    const now = this.#session.thread;
    if (name === null || (now?.id === threadId && now.name !== null)) return;
    // A name that is not stored is a pity, no error.
    await client.request("thread/name/set", { threadId, name }).catch(() => null);
  }
}
