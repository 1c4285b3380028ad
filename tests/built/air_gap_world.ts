/** A world without a way out, which sees every attempt to leave it; must not know what is tested in it. */
import { PROBE, SETUP } from "./air_gap_setup.ts";

/** A world of its own for some processes, as long as it is not disposed. */
export interface AirGap extends AsyncDisposable {
  /** Who runs in it; no system file knows this user. */
  readonly uid: number;
  /** The file under test, as it is seen inside. */
  readonly file: string;
  /** A folder that nobody can write to. */
  readonly readOnly: string;
  /** The one folder that can be written to, and where it is seen from outside. */
  readonly writable: string;
  readonly writableFromOutside: string;
  /** Words that run a program inside as that user, in the folder that can be written to unless said otherwise. */
  inside(command: readonly string[], cwd?: string): string[];
  /** Words that run a program of the tests inside, with the rights of the tests. */
  beside(command: readonly string[]): string[];
  /** Words that run a program of the tests on the network of this world, but with their own files. */
  onItsNetwork(command: readonly string[]): string[];
  /** What was sent so far. */
  traffic(): Promise<Traffic>;
}

/** What the kernel has counted in one world. */
export interface Traffic {
  /** Addresses outside that something tried to reach, sorted. */
  readonly destinations: readonly string[];
  /** TCP connections that were begun, those within the world too. */
  readonly connections: number;
  /** UDP datagrams that were sent, those within the world too. */
  readonly datagrams: number;
}

/** How a world differs from the usual one. */
export interface AirGapOptions {
  /** The file under test; without one there is none inside. */
  readonly file?: string;
  /** Size of the writable folder in MiB. */
  readonly megabytes?: number;
  /** Mounts all that can be written to so that no program runs from it, `/tmp` and its like included. */
  readonly noexec?: boolean;
}

/** A way to get namespaces. */
interface Way {
  readonly unshare: readonly string[];
  /** More words for `nsenter`. */
  readonly enter: readonly string[];
  /** The owner of the writable folder, as `mount` knows it. */
  owner(uid: number): number;
  become(uid: number): readonly string[];
}

/** As root there are real users; anybody else is root in a user namespace, and one user in another below it. */
const WAYS: readonly Way[] = [{
  unshare: ["unshare"],
  enter: [],
  owner: (uid) => uid,
  become: (uid) => [
    ...["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", "--no-new-privs"],
    ...["--inh-caps=-all", "--bounding-set=-all"],
  ],
}, {
  unshare: ["unshare", "--user", "--map-root-user"],
  enter: ["--user", "--preserve-credentials"],
  owner: () => 0,
  become: (uid) => [
    ...["unshare", "--user", `--map-user=${uid}`, `--map-group=${uid}`],
    ...["setpriv", "--no-new-privs"],
  ],
}];

const NAMESPACES = ["--mount", "--net", "--propagation", "private"];
/** Nobody answers there: a range for documentation. Impatient, for the sake of the positive controls. */
const RESOLVER = "nameserver 192.0.2.53\noptions timeout:1 attempts:1\n";

const found = findWay();

/** Why no such world can be made here, or null. */
export const airGapProblem: string | null = typeof found === "string" ? found : null;

function findWay(): Way | string {
  if (Deno.build.os !== "linux") return "needs the namespaces of Linux";
  const reasons = [];
  for (const way of WAYS) {
    const [program = "", ...args] = [...way.unshare, ...NAMESPACES, "sh", "-c", PROBE];
    try {
      const { success, stderr } = new Deno.Command(program, { args, stdout: "null" }).outputSync();
      if (success) return way;
      reasons.push(new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return `no ${program} here`;
    }
  }
  return `namespaces are refused: ${reasons.join("; ")}`;
}

/** Makes a world. */
export async function openAirGap(options: AirGapOptions = {}): Promise<AirGap> {
  if (typeof found === "string") throw new Error(found);
  const root = await makeFolders();
  const uid = await unknownUid();
  const owner = found.owner(uid);
  const mountOptions = [
    ...[`size=${options.megabytes ?? 1}m`, "mode=0755", `uid=${owner}`, `gid=${owner}`],
    ...options.noexec ? ["noexec"] : [],
  ];
  const arguments_ = [root, options.file ?? "", mountOptions.join(",")];
  const [program = "", ...args] = [
    ...[...found.unshare, ...NAMESPACES],
    ...["sh", "-c", SETUP, "sh", ...arguments_],
  ];
  const holder = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
  const said = await holder.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
  const close = async () => {
    await holder.stdin.close().catch(() => undefined);
    await holder.status;
    await Deno.remove(root, { recursive: true });
  };
  if (said.value !== "ready\n") {
    await close();
    throw new Error("The world for this test could not be made; what failed is printed above");
  }
  return new World(found, { root, uid, holder: holder.pid, close });
}

class World implements AirGap {
  readonly uid: number;
  readonly file: string;
  readonly readOnly: string;
  readonly writable: string;
  readonly writableFromOutside: string;
  readonly #way: Way;
  readonly #holder: number;
  readonly #close: () => Promise<void>;

  constructor(
    way: Way,
    { root, uid, holder, close }: {
      readonly root: string;
      readonly uid: number;
      readonly holder: number;
      close(): Promise<void>;
    },
  ) {
    this.uid = uid;
    this.file = `${root}/codex`;
    this.readOnly = `${root}/readonly`;
    this.writable = `${root}/writable`;
    this.writableFromOutside = `/proc/${holder}/root${this.writable}`;
    this.#way = way;
    this.#holder = holder;
    this.#close = close;
  }

  inside(command: readonly string[], cwd: string = this.writable): string[] {
    const move = ["sh", "-c", 'cd "$0" && exec "$@"', cwd];
    return this.beside([...this.#way.become(this.uid), ...move, ...command]);
  }

  beside(command: readonly string[]): string[] {
    return this.onItsNetwork(["--mount", ...command]);
  }

  onItsNetwork(command: readonly string[]): string[] {
    return ["nsenter", "--target", `${this.#holder}`, ...this.#way.enter, "--net", ...command];
  }

  async traffic(): Promise<Traffic> {
    const net = `/proc/${this.#holder}/net`;
    const [neighbours, counters, counters6] = await Promise.all([
      this.#neighbours(),
      Deno.readTextFile(`${net}/snmp`),
      Deno.readTextFile(`${net}/snmp6`).catch(emptyIfNotFound),
    ]);
    const datagrams6 = /^Udp6OutDatagrams\s+(\d+)$/m.exec(counters6)?.[1] ?? "0";
    return {
      destinations: destinationsOf(neighbours),
      // One counter for both versions of the protocol.
      connections: counterOf(counters, "Tcp", "ActiveOpens"),
      datagrams: counterOf(counters, "Udp", "OutDatagrams") + Number(datagrams6),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }

  async #neighbours(): Promise<string> {
    const [program = "", ...args] = this.onItsNetwork(
      ["ip", "neighbour", "show", "nud", "all", "dev", "air0"],
    );
    const output = await new Deno.Command(program, { args, stderr: "inherit" }).output();
    if (!output.success) throw new Error("Cannot read the neighbour table");
    return new TextDecoder().decode(output.stdout);
  }
}

/** The kernel's own questions: for members of groups (ff02::16), and for the neighbours themselves. */
const OF_THE_KERNEL = /^ff02::(16$|1:ff)/;

function destinationsOf(table: string): string[] {
  const addresses = table.split("\n").map((line) => line.split(" ")[0] ?? "");
  return addresses.filter((address) => address !== "" && !OF_THE_KERNEL.test(address)).sort();
}

/** A value of `/proc/net/snmp`, where a line of names comes before a line of values. */
function counterOf(text: string, protocol: string, name: string): number {
  const lines = text.split("\n").filter((line) => line.startsWith(`${protocol}: `));
  const [names = [], values = []] = lines.map((line) => line.split(" "));
  const value = values[names.indexOf(name)];
  if (value === undefined) throw new Error(`The kernel does not count ${protocol} ${name}`);
  return Number(value);
}

async function makeFolders(): Promise<string> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_air_gap_" }));
  await Deno.chmod(root, 0o755);
  for (const folder of ["readonly", "writable"]) await Deno.mkdir(`${root}/${folder}`);
  await Deno.writeTextFile(`${root}/codex`, "");
  await Deno.writeTextFile(`${root}/resolv.conf`, RESOLVER);
  return root;
}

/** Below 65534, so that it also exists where a container has few users. */
async function unknownUid(): Promise<number> {
  const known = await Deno.readTextFile("/etc/passwd");
  for (;;) {
    const uid = 20_000 + Math.floor(Math.random() * 40_000);
    if (!known.includes(`:${uid}:`)) return uid;
  }
}

function emptyIfNotFound(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "";
  throw error;
}
