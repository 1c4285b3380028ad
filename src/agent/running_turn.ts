/** The turn that runs in a thread: what it shows, what was said to it meanwhile, its abort; must not know the thread. */
import type { ResponseItem } from "../protocol/response_item.ts";
import { LiveTurn } from "./live_turn.ts";
import type { ActiveTurn, PreparedInput } from "./thread_parts.ts";
import type { ThreadSettings } from "./thread_settings.ts";

/** What a turn starts with. */
export interface RunningTurnOptions {
  readonly id: string;
  readonly startedAtMs: number;
  readonly settings: ThreadSettings;
  readonly outputSchema: unknown;
  /** False for a turn of a command of the user. */
  readonly asksModel: boolean;
}

/** Invariant: what is queued is taken once, in the order in which it came. */
export class RunningTurn implements ActiveTurn {
  readonly id: string;
  readonly live: LiveTurn;
  /** A person has said "cancel". */
  isCancelled = false;
  #settings: ThreadSettings;
  #outputSchema: unknown;
  #asksModel: boolean;
  readonly #abort = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #inputs: PreparedInput[] = [];
  /** What commands of the user have to tell the model. */
  #records: ResponseItem[] = [];

  constructor(options: RunningTurnOptions) {
    this.id = options.id;
    this.live = new LiveTurn(options.id, options.startedAtMs);
    this.#settings = options.settings;
    this.#outputSchema = options.outputSchema;
    this.#asksModel = options.asksModel;
  }

  get settings(): ThreadSettings {
    return this.#settings;
  }

  get outputSchema(): unknown {
    return this.#outputSchema;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** A turn of a command of the user asks no model, unless the user says something meanwhile. */
  get asksModel(): boolean {
    return this.#asksModel;
  }

  /** Resolves once it is over and everybody was told. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Input for the turn as it is: no context is said again in the middle. */
  steer(prepared: PreparedInput): void {
    this.#inputs.push({ ...prepared, context: [] });
    this.#asksModel = true;
  }

  /** The turn of a command becomes one that asks the model, with the settings of the input. */
  goOn(
    prepared: PreparedInput,
    wish: { readonly settings: ThreadSettings; readonly outputSchema: unknown },
  ): void {
    this.#settings = wish.settings;
    this.#outputSchema = wish.outputSchema;
    this.#inputs.push(prepared);
    this.#asksModel = true;
  }

  addRecord(record: ResponseItem): void {
    this.#records.push(record);
  }

  /** What came since this was last asked. */
  takeQueued(): { readonly records: ResponseItem[]; readonly inputs: PreparedInput[] } {
    const queued = { records: this.#records, inputs: this.#inputs };
    this.#records = [];
    this.#inputs = [];
    return queued;
  }

  /** Interrupts it; its end comes later. */
  abort(reason: string): void {
    this.#abort.abort(new DOMException(reason, "AbortError"));
  }

  /** It is over. */
  end(): void {
    this.#ended.resolve();
  }
}
