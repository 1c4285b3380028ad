/** The terminal interface as a whole: what there is, and who is told of what; must not know how anything is drawn. */
import { setKeybindings } from "pi-tui";
import type { ConnectionState, ReconnectingClient } from "../client/reconnect.ts";
import { messageOf } from "../lib/errors.ts";
import { VERSION } from "../lib/version.ts";
import { AppKeys } from "./app_keys.ts";
import { type AppStart, begin } from "./app_start.ts";
import { Attention } from "./attention.ts";
import { BottomPane } from "./bottom_pane.ts";
import { beginCommand, slashEntries } from "./commands.ts";
import type { CommandContext } from "./commands/context.ts";
import { Composer } from "./composer/composer.ts";
import { ServerFileSearch } from "./composer/server_file_search.ts";
import { Conversation } from "./conversation.ts";
import type { PaneView } from "./pane/view.ts";
import { Pace } from "./pace.ts";
import type { TuiPorts } from "./ports.ts";
import { RateLimitNews } from "./rate_limits.ts";
import { QuestionViews } from "./question_views.ts";
import { Questions } from "./questions.ts";
import { settlementText } from "./settlement.ts";
import { Session, type ThreadWishes } from "./session.ts";
import type { Draft } from "./session_port.ts";
import { ScreenKeys } from "./screen_keys.ts";
import { SideLines } from "./side_lines.ts";
import { Screen } from "./terminal.ts";
import type { LiveTheme, Theme } from "./theme.ts";
import { ThreadTitle } from "./thread_title.ts";
import { Transcript } from "./transcript.ts";

export type { AppStart } from "./app_start.ts";

export interface AppOptions {
  readonly ports: TuiPorts;
  readonly client: ReconnectingClient;
  /** The address of the server; null for one of our own on this machine. */
  readonly remote: string | null;
  /** Home folder of the person where the server is on this machine, else null. */
  readonly home: string | null;
  readonly wishes: ThreadWishes;
  readonly mode: "alternate" | "inline";
  readonly look: LiveTheme;
  readonly start: AppStart;
  /** Sent as soon as there is a thread. */
  readonly draft: Draft | null;
  /** Whether a connection that was closed with this code is not waited for. */
  isOver(code: number | null): boolean;
}

/** Why the interface ended. */
export type AppEnd =
  | { readonly type: "quit" }
  | { readonly type: "disconnected"; readonly reason: string; readonly code: number | null }
  | { readonly type: "failed"; readonly message: string };

/** What is left when it has ended. */
export interface AppExit {
  readonly end: AppEnd;
  /** The thread that was open, if anything was said in it. */
  readonly threadId: string | null;
  readonly totalTokens: number | null;
  /** What was written and has not reached the server. */
  readonly unsent: readonly string[];
}

/** Rows that the composer's replacement may take of the screen. */
const PANE_PART = 0.6;
const PANE_ROWS_MIN = 6;
/** Between two frames of what streams: nobody reads faster, and each one costs. Keys are answered at once. */
const STREAM_FRAME_MS = 33;

/** Invariant: it ends once, for the first reason that comes. */
export class App {
  readonly #options: AppOptions;
  readonly #theme: Theme;
  readonly #conversation: Conversation;
  readonly #session: Session;
  readonly #questions: Questions;
  readonly #transcript: Transcript;
  readonly #composer: Composer;
  readonly #pane: BottomPane;
  readonly #screen: Screen;
  readonly #lines: SideLines;
  readonly #rateLimits: RateLimitNews;
  readonly #attention: Attention;
  readonly #context: CommandContext;
  readonly #ended = Promise.withResolvers<AppEnd>();
  readonly #stops: (() => void)[];

  constructor(options: AppOptions) {
    this.#options = options;
    const { ports, client, wishes, remote, home } = options;
    const { clock } = ports;
    const theme = this.#theme = options.look.theme;
    const requestRender = () => this.#screen.requestRender();
    const conversation = this.#conversation = new Conversation({ clock });
    const session = this.#session = new Session({ client, conversation, clock, wishes });
    const questions = this.#questions = new Questions(client, {
      notice: (text) => conversation.notice("warning", text),
    });
    this.#transcript = this.#createTranscript();
    this.#composer = this.#createComposer();
    const facts = { session, conversation, questions, theme, clock, remote, home };
    this.#lines = new SideLines({ ...facts, requestRender });
    this.#pane = this.#createPane();
    this.#screen = this.#createScreen();
    this.#rateLimits = new RateLimitNews(client);
    this.#context = this.#commandContext();
    const views = new QuestionViews({ ...this.#context, questions, remote });
    const setTitle = (text: string) => this.#screen.setTitle(text);
    const title = new ThreadTitle({ session, questions, setTitle });
    this.#attention = this.#createAttention();
    const keys = this.#createKeys();
    const stream = new Pace({ clock, periodMs: STREAM_FRAME_MS, run: requestRender });
    this.#stops = [
      this.#screen.onInput((data) => {
        this.#attention.keyPressed();
        return keys.handle(data);
      }),
      conversation.onChange(() => stream.ask()),
      session.onChange(() => this.#transcript.setCwd(session.settings?.cwd ?? null)),
      questions.onChange(() => conversation.setAsked(questions.subjects)),
      questions.onSettled((question, settlement) => {
        const text = settlementText(question, settlement);
        if (text !== null) conversation.notice("info", text);
      }),
      client.onState((state) => this.#stateChanged(state)),
      () => stream.stop(),
      () => keys.stop(),
      () => views.stop(),
      () => title.stop(),
      () => this.#lines.stop(),
      () => this.#rateLimits.stop(),
      () => this.#attention.stop(),
    ];
  }

  /** Draws, and works until it ends; the terminal is restored then. */
  async run(): Promise<AppExit> {
    this.#screen.start();
    this.#screen.focus(this.#pane);
    void this.#askBackground();
    void this.#begin();
    const end = await this.#ended.promise;
    const exit = this.#exit(end);
    this.#close();
    this.#transcript.setFinal(true);
    await this.#screen.stop();
    return exit;
  }

  /** Ends it, from wherever that is noticed; the first reason counts. */
  end(end: AppEnd): void {
    this.#ended.resolve(end);
  }

  /** It matters for shades only, so nothing waits for the answer. */
  async #askBackground(): Promise<void> {
    const background = await this.#screen.background();
    if (background === null) return;
    this.#options.look.setBackground(background);
    this.#transcript.invalidate();
    this.#screen.renderNow({ everything: true });
  }

  /** Another program has the terminal while it runs. */
  async lendTerminal<T>(run: () => Promise<T>): Promise<T> {
    return await this.#screen.paused(run);
  }

  #close(): void {
    for (const stop of this.#stops) stop();
    this.#questions.close();
    this.#composer.close();
    this.#session.close();
    this.#transcript.dispose();
  }

  #exit(end: AppEnd): AppExit {
    const { thread, usage, unsent } = this.#session;
    const hasTurns = this.#conversation.blocks.some(({ turnId }) => turnId !== null);
    const written = this.#composer.text;
    return {
      end,
      threadId: hasTurns ? thread?.id ?? null : null,
      totalTokens: usage?.total.totalTokens ?? null,
      unsent: unsent.map(({ text }) => text).concat(written === "" ? [] : written),
    };
  }

  async #begin(): Promise<void> {
    const { start, draft } = this.#options;
    try {
      await begin(start, { session: this.#session, context: this.#context });
    } catch (error) {
      return this.end({ type: "failed", message: messageOf(error) });
    }
    if (draft) this.#send(draft);
  }

  #createTranscript(): Transcript {
    const { ports, mode } = this.#options;
    return new Transcript({
      list: this.#conversation,
      theme: this.#theme,
      clock: ports.clock,
      requestRender: () => this.#screen.requestRender(),
      history: mode === "alternate" ? "all" : "end",
      onShift: (lines) => this.#screen.shift(lines),
    });
  }

  #createScreen(): Screen {
    const { ports, mode } = this.#options;
    return new Screen({
      terminal: ports.terminal,
      env: ports.env,
      mode,
      transcript: this.#transcript,
      pane: this.#pane,
      suspend: () => ports.suspend(),
      copy: (text) => ports.desk.copy(text),
      focusChanged: (isFocused) => this.#attention.focusChanged(isFocused),
    });
  }

  #createAttention(): Attention {
    const { ports } = this.#options;
    return new Attention({
      session: this.#session,
      conversation: this.#conversation,
      questions: this.#questions,
      clock: ports.clock,
      settings: () => ports.attention(),
      notify: (text, method) => this.#screen.notify(text, method),
    });
  }

  #createPane(): BottomPane {
    const pane = new BottomPane({
      home: this.#composer,
      above: (width) => this.#lines.above(width),
      below: (width) => this.#lines.below(width),
      rule: (width) => this.#theme.dim("─".repeat(width)),
    });
    setKeybindings(new ScreenKeys(() => pane.takesScrollKeys));
    return pane;
  }

  #createKeys(): AppKeys {
    const { ports } = this.#options;
    const keys = new AppKeys({
      composer: this.#composer,
      transcript: this.#transcript,
      context: this.#context,
      suspend: () => this.#screen.paused(() => ports.suspend()),
    });
    this.#composer.onUnused = (data) => keys.handleUnused(data);
    return keys;
  }

  #createComposer(): Composer {
    const { ports, client } = this.#options;
    const theme = this.#theme;
    const { clock, desk, history } = ports;
    const session = this.#session;
    const composer = new Composer({
      tui: { terminal: ports.terminal, requestRender: () => this.#screen.requestRender() },
      theme,
      history,
      desk,
      clock,
      files: new ServerFileSearch({
        client,
        clock,
        roots: () => session.settings ? [session.settings.cwd] : [],
        has: (method) => session.has(method),
        randomId: () => ports.randomId(),
      }),
      commands: () => slashEntries(session),
      notice: (level, text) => this.#conversation.notice(level, text),
      threadId: () => session.thread?.id ?? "",
      placeholder: "Ask for anything · ? for help · / commands · @ files · ! shell",
      standingHint: () => session.running ? "Enter steers · Tab queues" : "",
    });
    composer.onSubmit = (kind, draft) => {
      if (kind === "queue") session.queue(draft);
      else this.#send(draft);
      return true;
    };
    composer.onShell = (command) => this.#shell(command);
    composer.onSlash = (name, args) => beginCommand(this.#context, { name, args });
    return composer;
  }

  #commandContext(): CommandContext {
    const { ports, remote } = this.#options;
    const screen = this.#screen;
    return {
      theme: this.#theme,
      requestRender: () => screen.requestRender(),
      maxRows: () => Math.max(PANE_ROWS_MIN, Math.floor(screen.rows * PANE_PART)),
      show: (view) => this.#show(view),
      session: this.#session,
      conversation: this.#conversation,
      desk: ports.desk,
      clock: ports.clock,
      composer: this.#composer,
      serverName: remote ?? "a server of its own",
      version: VERSION,
      rateLimits: this.#rateLimits,
      copyByTerminal: (text) => screen.copy(text),
      redraw: () => screen.renderNow({ everything: true }),
      quit: () => this.end({ type: "quit" }),
    };
  }

  #show(view: PaneView): () => void {
    const unmount = this.#pane.mount(view);
    this.#screen.requestRender();
    return () => {
      unmount();
      this.#screen.requestRender();
    };
  }

  /** What could not be sent comes back to where it was written. */
  #send(draft: Draft): void {
    this.#session.submit(draft).catch((error: unknown) => {
      this.#conversation.notice("error", `Not sent: ${messageOf(error)}`);
      if (this.#composer.isEmpty) this.#composer.setDraft(draft);
      else this.#session.keep(draft);
    });
  }

  #shell(command: string): void {
    this.#session.shell(command).catch((error: unknown) => {
      this.#conversation.notice("error", `Not run: ${messageOf(error)}`);
      if (this.#composer.isEmpty) this.#composer.setText(`!${command}`);
    });
  }

  #stateChanged(state: ConnectionState): void {
    if (state.type === "connected") return;
    const { type, reason, code } = state;
    if (type === "closed" || this.#options.isOver(code)) {
      this.end({ type: "disconnected", reason, code });
    }
  }
}
