/**
 * The backend that needs nothing installed: commands start through a generated executable of a few kilobytes,
 * which puts them into namespaces of their own; must not know which policies there are.
 *
 * What that executable does, call by call, is the list in `launcher/operations.ts` (and `mounts.ts`,
 * `seccomp.ts`, which belong to it). `launcher/interpreter.ts` is the machine code that carries lists out,
 * written once for x86-64 and arm64; `launcher/plan.ts` decides what is mounted where; `placeholders.ts`
 * protects what does not exist yet. For each specification one executable is made and kept in memory.
 *
 * What a command meets:
 * - Nothing can be written but the writable roots, no device opened but the harmless ones; `/dev/shm`,
 *   `/dev/pts` and `/proc` are its own. Read-only paths inside writable roots cannot be changed, renamed,
 *   removed or made; neither can the folders on the way to them.
 * - Hidden files are empty, hidden folders too: those that are there when it starts. That holds for the paths
 *   and for other mounts of the same files; a hidden file with hard links elsewhere is refused. Those in a
 *   read-only folder, such as credentials, are not there at all, nor is what replaces them while it runs: of such
 *   a folder a command sees what was in it at the start.
 * - It sees no process but its own, cannot signal, trace or read others, and has no capability and no way
 *   to get one. When it ends, whatever it started has ended before the end is reported.
 * - With the network off there are no sockets but unix sockets. Those are reached by path: what may not be
 *   connected to must be hidden.
 *
 * It takes a Linux of 5.12 or newer, and the right to make namespaces; the probe tells.
 */
import { findProgram } from "../session_leader.ts";
import { InvariantError, messageOf } from "../../lib/errors.ts";
import type {
  Backend,
  Command,
  ConfinedCommand,
  Guarantees,
  Probe,
  Refused,
  StartTrouble,
} from "./backend.ts";
import type { SandboxSpec } from "./spec.ts";
import {
  followLink,
  listFolder,
  type Look,
  lookAt,
  mountedNamesFinder,
  resolvePath,
} from "./launcher/disk.ts";
import { shareNamespaces } from "./launcher/namespaces.ts";
import { buildExecutable, RECORDS_ADDRESS } from "./launcher/elf.ts";
import { errorText } from "./launcher/errno.ts";
import { explainOperations } from "./launcher/explain.ts";
import { ImageCache, type ImageLease } from "./launcher/image_cache.ts";
import { Journal } from "./launcher/journal.ts";
import { launchOperations } from "./launcher/operations.ts";
import { Placeholders } from "./launcher/placeholders.ts";
import { type Disk, type Input, type Plan, planLaunch, type Planned } from "./launcher/plan.ts";
import { SELF_TEST, SELF_TEST_PLAN } from "./launcher/self_test.ts";
import { flatten, type Operation, RECORD_BYTES } from "./launcher/script.ts";
import { readTraits, type Traits } from "./launcher/traits.ts";

/** Executables that are kept for the next command. */
const IMAGE_LIMIT = 32;

/** Tries the launcher on this machine, with a command that checks from inside what is enforced. */
export async function probeLauncher(): Promise<Probe> {
  const unusable = (reason: string): Probe => ({ type: "unusable", name: "launcher", reason });
  let journal: Journal | null = null;
  try {
    journal = new Journal();
    const traits = readTraits(journal.path);
    if (traits === null) {
      journal.close();
      return unusable("It can be generated for Linux on x86-64 and arm64 only");
    }
    const held = await holdNamespaces(traits);
    const sharing = held && await tryLauncher({ ...traits, shared: held.shared }, journal);
    if (sharing instanceof Launcher) return { type: "works", backend: sharing };
    held?.close();
    const launcher = await tryLauncher(traits, journal);
    if (launcher instanceof Launcher) return { type: "works", backend: launcher };
    journal.close();
    return unusable(launcher);
  } catch (error) {
    journal?.close();
    // No C library, no permission to load it, no files in memory: all the same to the caller.
    return unusable(messageOf(error));
  }
}

/** Without them every command makes its own, which takes longer and does as well. */
async function holdNamespaces(traits: Traits): ReturnType<typeof shareNamespaces> {
  try {
    return await shareNamespaces(traits);
  } catch {
    // What may be in the way is in the way of the launcher itself, most of the time, and then that will say so.
    return null;
  }
}

/** A launcher that works, or why it does not. */
async function tryLauncher(traits: Traits, journal: Journal): Promise<Launcher | string> {
  const launcher = new Launcher(traits, journal);
  const trouble = await launcher.test();
  if (trouble === null) return launcher;
  launcher.close();
  return trouble;
}

/** What was generated: the operations, by which a failure is named. */
type Notes = readonly Operation[];

function inputOf({ terminal, stdin }: Command): Input {
  if (terminal !== undefined) return { terminal };
  return stdin === "null" ? "empty" : null;
}

/** The backend, once the probe has found that it works. */
class Launcher implements Backend {
  readonly name = "launcher";
  readonly guarantees: Guarantees;
  readonly #traits: Traits;
  readonly #journal: Journal;
  readonly #images = new ImageCache<Notes>(IMAGE_LIMIT);
  readonly #placeholders = new Placeholders();

  constructor(traits: Traits, journal: Journal) {
    this.#traits = traits;
    this.#journal = journal;
    this.guarantees = {
      writesConfined: true,
      metadataConfined: true,
      carvesOut: true,
      carvesOutMissing: true,
      hides: true,
      limitsReading: traits.landlockAbi > 0,
      networkOff: true,
      networkProxy: true,
      processesApart: true,
    };
  }

  confine(command: Command, spec: SandboxSpec): ConfinedCommand | Refused {
    const [name = "", ...args] = command.argv;
    const program = findProgram(name, command);
    if (program === null) {
      return { type: "refused", reason: errorText(2), isProgramMissing: true };
    }
    const planned = this.#plan(spec, inputOf(command));
    if (planned.type === "refused") return planned;
    const releases: (() => void)[] = [];
    const release = () => releases.splice(0).forEach((each) => each());
    for (const path of planned.placeholders) {
      const kept = this.#placeholders.keep(path);
      if (kept.type === "refused") {
        release();
        return kept;
      }
      releases.push(kept.release);
    }
    const image = this.#lease(planned.plan);
    if (typeof image === "string") {
      release();
      return { type: "refused", reason: image };
    }
    releases.push(image.release);
    const mark = this.#journal.nextMark();
    return {
      argv: [image.path, mark, program, name, ...args],
      cwd: command.cwd,
      env: command.env,
      leads: true,
      failure: () => this.#troubleOf(mark, { operations: image.notes, program }),
      release,
    };
  }

  explain(spec: SandboxSpec): string {
    const planned = this.#plan(spec, null);
    if (planned.type === "refused") return `${planned.reason}\n`;
    return explainOperations(launchOperations(planned.plan, this.#traits));
  }

  /** Why the launcher does not work here, or null when it does. */
  async test(): Promise<string | null> {
    const operations = launchOperations(SELF_TEST_PLAN, this.#traits, { finale: SELF_TEST });
    const image = this.#images.lease("self test", () => this.#build(operations));
    const mark = this.#journal.nextMark();
    try {
      const { code } = await new Deno.Command(image.path, {
        args: [mark],
        cwd: "/",
        clearEnv: true,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).output();
      if (code === 0) return null;
      const trouble = this.#troubleOf(mark, { operations: image.notes, program: "" });
      return trouble?.message ?? `The sandbox ended with code ${code} before it was set up`;
    } finally {
      image.release();
    }
  }

  /** Gives back what is held; commands that run go on. */
  close(): void {
    this.#images.clear();
  }

  #plan(spec: SandboxSpec, input: Input): Planned {
    if (spec.readable !== null && !this.guarantees.limitsReading) {
      const reason = "Reading cannot be limited here: this kernel has no Landlock";
      return { type: "refused", reason };
    }
    // A plan asks for most paths several times.
    const looks = new Map<string, Look>();
    const disk: Disk = {
      look: (path) => {
        let look = looks.get(path);
        if (look === undefined) looks.set(path, look = lookAt(path));
        return look;
      },
      resolve: resolvePath,
      follow: followLink,
      // Reads the table of mounts once, and only if something is to be hidden.
      otherNames: mountedNamesFinder(),
      list: listFolder,
      isPlaceholder: (path) => this.#placeholders.isPlaceholder(path),
    };
    return planLaunch(spec, { disk, input });
  }

  /** The executable for a plan, or why it cannot be made, such as too many open files. */
  #lease(plan: Plan): ImageLease<Notes> | string {
    try {
      return this.#images.lease(
        JSON.stringify(plan),
        () => this.#build(launchOperations(plan, this.#traits)),
      );
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      return messageOf(error);
    }
  }

  #build(operations: readonly Operation[]): { bytes: Uint8Array<ArrayBuffer>; notes: Notes } {
    const bytes = buildExecutable(operations, this.#traits.architecture);
    return { bytes, notes: flatten(operations) };
  }

  #troubleOf(
    mark: string,
    { operations, program }: { readonly operations: Notes; readonly program: string },
  ): StartTrouble | null {
    const report = this.#journal.reportOf(mark);
    if (report === null) return null;
    const operation = operations[(report.record - RECORDS_ADDRESS) / RECORD_BYTES];
    const errno = report.result < 0 ? -report.result : 0;
    const reason = errno > 0 ? errorText(errno) : `Unexpected result ${report.result}`;
    if (operation?.type === "execute") {
      return { at: "program", message: `Cannot start ${program}: ${reason}`, errno };
    }
    const step = operation?.name ?? "unknown step";
    return { at: "sandbox", message: `The sandbox could not be set up: ${step}: ${reason}`, errno };
  }
}
