/** The lines above and below the composer: gathers what they say, and has them drawn while they move; must not know how. */
import type { Clock } from "../lib/clock.ts";
import { FRAME_MS, renderActivity } from "./activity.ts";
import type { BlockList } from "./blocks.ts";
import { doingOf } from "./doing.ts";
import { LatencyProbe } from "./latency.ts";
import type { Questions } from "./questions.ts";
import type { Session } from "./session.ts";
import { renderStatusLine } from "./status_line.ts";
import type { Theme } from "./theme.ts";

export interface SideLinesOptions {
  readonly session: Session;
  readonly conversation: BlockList;
  readonly questions: Pick<Questions, "count" | "onChange">;
  readonly theme: Theme;
  readonly clock: Clock;
  /** The address of the server; null for one of our own on this machine. */
  readonly remote: string | null;
  /** Home folder of the person where the server is on this machine, else null. */
  readonly home: string | null;
  requestRender(): void;
}

/** Between two looks at a countdown. */
const SECOND_MS = 1000;

/** Invariant: there is a timer only while a turn runs or there is no connection. */
export class SideLines {
  readonly #options: SideLinesOptions;
  /** Of a server on this machine nobody is told. */
  readonly #latency: LatencyProbe | null;
  readonly #stops: (() => void)[];
  #cancelTick: (() => void) | null = null;

  constructor(options: SideLinesOptions) {
    this.#options = options;
    const { session, questions, clock, remote, requestRender } = options;
    const { client } = session;
    const onChange = requestRender;
    this.#latency = remote === null ? null : new LatencyProbe({ client, clock, onChange });
    this.#stops = [
      session.onChange(() => this.#changed()),
      client.onState(() => this.#changed()),
      questions.onChange(requestRender),
      () => this.#latency?.stop(),
      () => this.#cancelTick?.(),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  /** What goes on, and what waits. */
  above(width: number): string[] {
    const { session, conversation, questions, theme, clock } = this.#options;
    const { client, running, sending, steered, queued } = session;
    const isAsked = questions.count > 0;
    return renderActivity({
      running,
      sending,
      steered,
      queued,
      doing: isAsked ? "Waiting for your approval" : doingOf(conversation.blocks),
      isConnected: client.state.type === "connected",
      nowMs: clock.now(),
      moves: theme.isColored,
    }, { width, theme });
  }

  /** Where one is, and whether the server hears. */
  below(width: number): string {
    const { session, remote, home, theme, clock } = this.#options;
    const { client, settings, usage, clients } = session;
    return renderStatusLine({
      connection: client.state,
      remote,
      home,
      settings,
      usage,
      latencyMs: this.#latency?.latencyMs ?? null,
      nowMs: clock.now(),
      clientCount: clients.length,
    }, { width, theme });
  }

  #changed(): void {
    this.#options.requestRender();
    this.#tick();
  }

  /** Draws again and again as long as something moves by itself. */
  #tick(): void {
    const { session, clock, requestRender } = this.#options;
    const isOffline = session.client.state.type !== "connected";
    const periodMs = session.running ? FRAME_MS : isOffline ? SECOND_MS : null;
    if (periodMs === null || this.#cancelTick) return;
    this.#cancelTick = clock.after(periodMs, () => {
      this.#cancelTick = null;
      requestRender();
      this.#tick();
    });
  }
}
