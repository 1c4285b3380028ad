/** Each program loads what it needs and nothing else: seen in the split bundle, by what still runs without the rest. */
import assert from "node:assert/strict";
import { PROGRAMS } from "../../main.ts";
import { VERSION } from "../../src/lib/version.ts";
import { SplitBundle } from "./split_bundle.ts";

type ProgramName = keyof typeof PROGRAMS;

/** The entry with what it imports, in bytes: read and compiled at every start. */
const ENTRY_BYTES_MAX = 3_400;
/** What reads the command line, knows the process and tells the final error. */
const COMMAND_LINE_BYTES_MAX = 34_500;
/** A program with all that loads at once because of it, in bytes. */
const PROGRAM_BYTES_MAX: Readonly<Record<ProgramName, number>> = {
  "exec": 79_000,
  "resume": 76_000,
  "fork": 76_000,
  "app-server": 67_000,
  "sandbox": 33_000,
  "exec-server": 20_000,
  "login": 12_500,
  "logout": 10_000,
  "completion": 20_500,
  "features": 9_000,
  "doctor": 2_000,
  "cache": 14_000,
  "none": 76_000,
};

const COMMAND_LINE = [
  "src/cli/parse.ts",
  "src/cli/help.ts",
  "src/programs/host.ts",
  "src/programs/failure.ts",
];

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let bundle: SplitBundle;
Deno.test.beforeAll(async () => {
  bundle = await SplitBundle.build();
});
Deno.test.afterAll(() => bundle[Symbol.asyncDispose]());

/** Runs words of `codex` where the bundle has been reduced to `chunks`. */
async function runWithOnly(
  chunks: Iterable<string>,
  words: readonly string[],
  stdin = "",
): Promise<Result> {
  const dir = await bundle.copy(chunks);
  const [deno = "", ...args] = bundle.command(dir);
  const child = new Deno.Command(deno, {
    args: [...args, ...words],
    env: { CODEX_HOME: `${dir}/home`, NO_COLOR: "1", RUST_LOG: "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function commandLineChunks(): ReadonlySet<string> {
  return bundle.closure("main.js", ...COMMAND_LINE.map((source) => bundle.lazyChunk(source)));
}

/** The source of a program, from the literal import in the table. */
function sourceOf(program: ProgramName): string {
  const path = /import\("\.\/([^"]+)"\)/.exec(PROGRAMS[program].load.toString())?.[1];
  return path ?? assert.fail(program);
}

function programChunks(program: ProgramName): ReadonlySet<string> {
  return bundle.closure(bundle.lazyChunk(sourceOf(program)));
}

function programNames(): ProgramName[] {
  const isName = (name: string): name is ProgramName => name in PROGRAMS;
  return Object.keys(PROGRAMS).filter(isName);
}

Deno.test("codex --version needs the entry alone", async () => {
  const entry = bundle.closure("main.js");
  const expected = { code: 0, stdout: `codex-cli ${VERSION}\n`, stderr: "" };
  assert.deepEqual(await runWithOnly(entry, ["--version"]), expected);
  assert.deepEqual(await runWithOnly(entry, ["-V"]), expected);
  assert.deepEqual(bundle.sourcesOf(entry).toSorted(), ["main.ts", "src/lib/version.ts"]);
  // Some modules of the runtime take longer to load than all of this.
  const builtIn = [...entry].flatMap((name) => bundle.chunks.get(name)?.imports ?? [])
    .filter((name) => !name.endsWith(".js"));
  assert.deepEqual(builtIn, []);
  const bytes = bundle.bytesOf(entry);
  assert.ok(bytes <= ENTRY_BYTES_MAX, `${bytes} bytes`);
});

Deno.test("codex help and usage errors need the chunks of the command line alone", async () => {
  const chunks = commandLineChunks();
  for (const words of [["--help"], ["help", "exec"], ["app-server", "--help"], ["-h"]]) {
    const { code, stdout, stderr } = await runWithOnly(chunks, words);
    assert.deepEqual([code, stderr], [0, ""], words.join(" "));
    assert.match(stdout, /\nUsage: codex/);
  }
  for (const words of [["login", "--nonsense"], ["app-server", "--listen", "x"], ["features"]]) {
    const { code, stdout, stderr } = await runWithOnly(chunks, words);
    assert.deepEqual([code, stdout], [2, ""], words.join(" "));
    assert.match(stderr, /\nUsage: codex |For more information, try '--help'/);
  }
  const bytes = bundle.bytesOf(chunks);
  assert.ok(bytes <= COMMAND_LINE_BYTES_MAX, `${bytes} bytes`);
  assert.deepEqual(bundle.sourcesOf(chunks).filter((source) => !isOfCommandLine(source)), []);
});

function isOfCommandLine(source: string): boolean {
  return source === "main.ts" || /^src\/(cli|lib)\//.test(source) ||
    /^src\/programs\/(host|packaging|failure)\.ts$/.test(source);
}

Deno.test("app-server answers initialize without any package, model client or agent", async () => {
  const chunks = new Set([...commandLineChunks(), ...programChunks("app-server")]);
  const request = {
    id: 1,
    method: "initialize",
    params: { clientInfo: { name: "t", version: "1" } },
  };
  const { stdout } = await runWithOnly(chunks, ["app-server"], `${JSON.stringify(request)}\n`);
  const answer = JSON.parse(stdout.split("\n")[0] ?? "");
  assert.equal(answer.id, 1);
  assert.match(answer.result.userAgent, /^t\//);
});

/** What a program must not load before somebody asks for something that needs it. */
const HEAVY =
  /^npm:|^src\/(tui|web|mcp)\/|^src\/agent\/(turn|model\/(responses|chat|demo))|^src\/server\/runtime\.ts/;

Deno.test("no program loads more at once than is stated, and none a package or the agent", () => {
  for (const program of programNames()) {
    const chunks = programChunks(program);
    const bytes = bundle.bytesOf(chunks);
    assert.ok(bytes <= PROGRAM_BYTES_MAX[program], `${program}: ${bytes} bytes`);
    const heavy = bundle.sourcesOf(chunks).filter((source) => HEAVY.test(source));
    assert.deepEqual(heavy, [], program);
  }
});

Deno.test("what programs load lazily is in the bundle: zod, LogTape, the model clients", () => {
  // Without this the test above could pass because sources go by other names.
  const all = bundle.sourcesOf(bundle.chunks.keys());
  for (const start of ["npm:zod/", "npm:@logtape/logtape/", "src/agent/model/responses.ts"]) {
    assert.ok(all.some((source) => source.startsWith(start)), start);
  }
});
