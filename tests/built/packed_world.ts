/** A place to start packed files in, by different shells, with nothing of the caller's environment; knows no test. */
import { RUNTIME_FLAGS } from "../../src/programs/packaging.ts";
import { unshareCommand } from "../server/child_server.ts";
import { makeStandIn, type StandIn, type StandInOptions } from "./stand_in.ts";

/** One way of running the script at the head of a packed file. */
export interface Shell {
  readonly name: string;
  /** Words before the path of the file; none where the kernel picks the shell. */
  readonly command: readonly string[];
  /** A folder of programs, or the one program that is all of them. */
  readonly tools: string;
}

/** The shells that people have. `busybox` brings its own programs as well. */
export const SHELLS: readonly Shell[] = [
  { name: "sh", command: [], tools: "" },
  { name: "busybox sh", command: ["busybox", "sh"], tools: "busybox" },
  { name: "bash --posix", command: ["bash", "--posix"], tools: "" },
];

/** What an unpacking needs of the system. */
const TOOLS = "cat chmod gzip id ls mkdir mv readlink rm rmdir sha256sum sleep tail tar uname wc"
  .split(" ");

/** How a file is started. */
export interface StartOptions {
  readonly words?: readonly string[];
  /** Variables beside PATH, HOME and TMPDIR; null takes one of those away. */
  readonly env?: Readonly<Record<string, string | null>>;
  /** Another path for the file. */
  readonly file?: string;
  /** Words in front of everything, which change the world that it sees. */
  readonly prefix?: readonly string[];
  readonly cwd?: string;
  readonly stdin?: "null" | "piped";
}

/** What came of it. */
export interface Ended {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temp folder with a packed file in it. */
export class World implements AsyncDisposable {
  /** Where version folders go when nothing else is said. */
  readonly cache: string;
  /** Where they go without a home. */
  readonly fallback: string;
  readonly file: string;
  readonly home: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(readonly root: string, readonly shell: Shell, readonly standIn: StandIn) {
    this.file = `${root}/codex`;
    this.home = `${root}/home`;
    this.cache = `${root}/home/.cache/codex-runtime`;
    this.fallback = `${root}/tmp/codex-runtime-${Deno.uid()}`;
    this.#env = { PATH: this.toolFolder, HOME: this.home, TMPDIR: `${root}/tmp` };
  }

  /** The only folder of programs that the file sees. */
  get toolFolder(): string {
    return `${this.root}/bin`;
  }

  /** The version folder in the cache. */
  get folder(): string {
    return `${this.cache}/${this.standIn.name}`;
  }

  /** Starts the file. */
  spawn(options: StartOptions = {}): Deno.ChildProcess {
    const { words = [], file = this.file, prefix = [], env = {}, stdin = "null" } = options;
    const [program = "", ...args] = [...prefix, ...shellCommand(this.shell), file, ...words];
    const variables = Object.entries({ ...this.#env, ...env })
      .flatMap(([name, value]) => value === null ? [] : [[name, value] as const]);
    return new Deno.Command(program, {
      args,
      clearEnv: true,
      env: Object.fromEntries(variables),
      cwd: options.cwd ?? this.root,
      stdin,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Starts the file and waits for its end. */
  async run(options: StartOptions = {}): Promise<Ended> {
    return await endOf(this.spawn(options));
  }

  /** What a start that works ends with. */
  ran({ folder = this.folder, file = this.file, words = [], isVerified = false }: {
    readonly folder?: string;
    readonly file?: string;
    readonly words?: readonly string[];
    readonly isVerified?: boolean;
  } = {}): Ended {
    const flags = isVerified ? [...RUNTIME_FLAGS, "--no-code-cache"] : RUNTIME_FLAGS;
    const lines = [
      "program genuine",
      `dir ${folder}`,
      `file ${file}`,
      `verified ${isVerified ? "1" : "no"}`,
      `deno_dir ${isVerified ? "/dev/null" : `${folder}/denodir`}`,
      `flags ${flags.join(" ")}`,
      ...words.map((word) => `word ${word}`),
    ];
    return { code: 0, signal: null, stdout: `${lines.join("\n")}\n`, stderr: "" };
  }

  /** What a start ends with that finds no private cache, but a folder for temporary files. */
  ranOutside(): Ended {
    return this.ran({ folder: `${this.fallback}/${this.standIn.name}`, isVerified: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

/** How a process ended. */
export async function endOf(child: Deno.ChildProcess): Promise<Ended> {
  const { code, signal, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, signal, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Made once per process: they do not change, and some are large. */
const standIns = new Map<string, StandIn>();

async function standInOf(options: StandInOptions): Promise<StandIn> {
  const key = JSON.stringify(options);
  const standIn = standIns.get(key) ?? await makeStandIn(options);
  standIns.set(key, standIn);
  return standIn;
}

/** Makes a world around a packed file, by default the same for all. */
export async function makeWorld(shell: Shell, packed: StandInOptions = {}): Promise<World> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_built_" }));
  // Other users look in, where a test plays one.
  await Deno.chmod(root, 0o755);
  const world = new World(root, shell, await standInOf(packed));
  for (const name of ["home", "tmp", "bin"]) await Deno.mkdir(`${root}/${name}`);
  await Deno.chmod(`${root}/home`, 0o700);
  for (const tool of TOOLS) {
    await Deno.symlink(findProgram(shell.tools || tool) ?? "", `${world.toolFolder}/${tool}`);
  }
  await writeExecutable(world.file, world.standIn.bytes);
  return world;
}

/** Writes a program. */
export async function writeExecutable(path: string, content: Uint8Array | string): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.writeFile(path, bytes, { mode: 0o755 });
}

/** Declares a test once per shell; one that is missing here is ignored, and the name says so. */
export function testEachShell(
  name: string,
  test: (world: World) => Promise<void>,
  { needs = null, packed }: {
    /** Why it cannot be tried on this machine, or null if it can. */
    readonly needs?: string | null;
    /** The packed file, if it is not the usual one. */
    readonly packed?: StandInOptions;
  } = {},
): void {
  for (const shell of SHELLS) {
    const missing = [shell.command[0], shell.tools].find((tool) => tool && !findProgram(tool));
    const why = needs ?? (missing ? `no ${missing} here` : null);
    Deno.test({
      name: `${name} [${shell.name}${why === null ? "" : `, ignored: ${why}`}]`,
      ignore: why !== null,
      async fn() {
        await using world = await makeWorld(shell, packed);
        await test(world);
      },
    });
  }
}

function shellCommand({ command: [program, ...args] }: Shell): readonly string[] {
  return program === undefined ? [] : [findProgram(program) ?? program, ...args];
}

/** The path of a program of this machine, or null. */
export function findProgram(name: string): string | null {
  for (const folder of ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"]) {
    try {
      if (Deno.statSync(`${folder}/${name}`).isFile) return `${folder}/${name}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

/** Why file systems cannot be mounted for one process here, or null. */
export const NO_MOUNTS: string | null = unshareCommand === null ? "mounting is not allowed" : null;

/** Words that run a program in file systems of its own; `mount` in the script is the program of that name. */
export function withMounts(script: string): readonly string[] {
  const [unshare = "", ...flags] = unshareCommand ?? [];
  const mount = findProgram("mount") ?? "mount";
  const text = `set -e\nmount() { ${mount} "$@"; }\n${script}\nexec "$@"`;
  return [findProgram(unshare) ?? unshare, ...flags, "/bin/sh", "-c", text, "sh"];
}

/** All paths below a folder, sorted; empty when it does not exist. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (at: string) => {
    for await (const { name, isDirectory } of Deno.readDir(`${folder}/${at}`)) {
      found.push(`${at}${name}`);
      if (isDirectory) await visit(`${at}${name}/`);
    }
  };
  try {
    await visit("");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}

/** The permission bits of a path, as octal text. */
export async function modeOf(path: string): Promise<string> {
  return (((await Deno.lstat(path)).mode ?? 0) & 0o7777).toString(8);
}
