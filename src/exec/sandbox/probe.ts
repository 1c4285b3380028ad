/** Tries the backends on this machine, best first; must not know what is confined. */
import { messageOf } from "../../lib/errors.ts";
import { type Backend, BACKEND_NAMES, type BackendName, type Probe } from "./backend.ts";

/** One trial per backend. Each runs the backend for real. */
export type Probes = Readonly<Record<BackendName, () => Promise<Probe>>>;

/** The trials, loaded when they are made. */
export const PROBES: Probes = {
  launcher: async () => (await import("./launcher.ts")).probeLauncher(),
  bubblewrap: async () => (await import("./bubblewrap.ts")).probeBubblewrap(),
  landlock: async () => (await import("./landlock.ts")).probeLandlock(),
  seatbelt: async () => (await import("./seatbelt.ts")).probeSeatbelt(),
};

/** The backends of this machine. Each is tried at most once, and none before somebody asks. */
export class Backends {
  readonly #probes: Probes;
  readonly #tried = new Map<BackendName, Promise<Probe>>();
  #best: Promise<Backend | null> | null = null;

  constructor(probes: Probes = PROBES) {
    this.#probes = probes;
  }

  /** The best that works; the worse ones are not tried. Null: none works. */
  best(): Promise<Backend | null> {
    return this.#best ??= this.#findBest();
  }

  /** Every backend with what came of trying it, best first. */
  all(): Promise<readonly Probe[]> {
    return Promise.all(BACKEND_NAMES.map((name) => this.#try(name)));
  }

  /** Why none works, as one sentence. */
  async whyNone(): Promise<string> {
    const reasons = (await this.all()).flatMap((probe) =>
      probe.type === "unusable" ? [`${probe.name}: ${probe.reason}`] : []
    );
    return `No sandbox works here (${reasons.join("; ")})`;
  }

  async #findBest(): Promise<Backend | null> {
    for (const name of BACKEND_NAMES) {
      const probe = await this.#try(name);
      if (probe.type === "works") return probe.backend;
    }
    return null;
  }

  #try(name: BackendName): Promise<Probe> {
    let probe = this.#tried.get(name);
    if (probe === undefined) {
      // A trial that breaks says that the backend does not work, never that commands run without one.
      probe = this.#probes[name]().catch((error: unknown) => ({
        type: "unusable",
        name,
        reason: messageOf(error),
      }));
      this.#tried.set(name, probe);
    }
    return probe;
  }
}
