/**
 * Loaded in front of `codex` by a test (`--preload`): when the program has ended, says on stderr which permissions
 * are left, and what became of attempts without them. Must not change what a program sees before that.
 */

const KINDS = ["read", "write", "net", "env", "run", "sys", "ffi", "import"] as const;
type Kind = (typeof KINDS)[number];

/** What the test wants, as JSON in the variable `CODEX_PROBE`. */
export interface ProbeRequest {
  /** Where the test listens. */
  readonly port: number;
  /** A file that the test has made. */
  readonly file: string;
  /** A kind to take away as well, as soon as the others go; at once where none goes. */
  readonly drop?: Kind;
  readonly when?: "atOnce" | "withOthers";
  /** Who the program shall believe to be. */
  readonly uid?: number;
}

/** What it says, as JSON behind the mark. */
export interface ProbeReport {
  readonly granted: readonly string[];
  /** Of the other kinds: those with which the attempt was not refused for want of them. */
  readonly notRefused: readonly string[];
}

/** Stands before the report. */
export const MARK = "\nprobe: ";

const LIBC = Deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so.6";

const text = Deno.env.get("CODEX_PROBE");
if (text !== undefined) install(JSON.parse(text));

function install(request: ProbeRequest): void {
  Deno.env.delete("CODEX_PROBE");
  const { drop: name, uid } = request;
  if (name && request.when === "atOnce") Deno.permissions.revokeSync({ name });
  const revokeSync = Deno.permissions.revokeSync.bind(Deno.permissions);
  if (name && request.when === "withOthers") {
    Deno.permissions.revokeSync = (descriptor) => {
      revokeSync({ name });
      return revokeSync(descriptor);
    };
  }
  if (uid !== undefined) {
    const realUid = Deno.uid;
    Deno.uid = () => realUid() === null ? null : uid;
  }
  const { exit } = Deno;
  // It returns, against its type: nothing follows it in the programs.
  const value = (code?: number) => void report(request).then(() => exit(code));
  Object.defineProperty(Deno, "exit", { value });
}

async function report(request: ProbeRequest): Promise<void> {
  const isGranted = (name: Kind) => Deno.permissions.querySync({ name }).state === "granted";
  const notRefused: string[] = [];
  for (const kind of KINDS.filter((kind) => !isGranted(kind))) {
    const refusal = new RegExp(`^Requires ${kind} access`);
    const message = await attempt(kind, request);
    if (!refusal.test(message)) notRefused.push(`${kind}: ${message}`);
  }
  const found: ProbeReport = { granted: KINDS.filter(isGranted), notRefused };
  Deno.stderr.writeSync(new TextEncoder().encode(`${MARK}${JSON.stringify(found)}\n`));
}

/** Why the attempt failed; empty when it did not. */
async function attempt(kind: Kind, { port, file }: ProbeRequest): Promise<string> {
  try {
    await ATTEMPTS[kind]({ port, file });
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const ATTEMPTS: Readonly<
  Record<Kind, (world: { readonly port: number; readonly file: string }) => unknown>
> = {
  read: ({ file }) => Deno.readTextFile(file),
  write: ({ file }) => Deno.writeTextFile(file, "written by the probe"),
  net: async ({ port }) => (await Deno.connect({ hostname: "127.0.0.1", port })).close(),
  env: () => Deno.env.get("PATH"),
  run: () => new Deno.Command("true").output(),
  sys: () => Deno.osRelease(),
  ffi: () => Deno.dlopen(LIBC, { getpid: { parameters: [], result: "i32" } }).close(),
  import: ({ port }) => import(`http://127.0.0.1:${port}/module.js`),
};
