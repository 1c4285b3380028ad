/** What each program may do once it is entered: what the table says, no more, and no less than it works with. */
import assert from "node:assert/strict";
import { ALL_KINDS, type Kind, PROGRAMS } from "../../main.ts";
import { CODEX } from "../../src/cli/commands.ts";
import { SOURCE } from "../support/forms.ts";
import { type Screen, startScreen } from "../support/screen.ts";
import { MARK, type ProbeReport, type ProbeRequest } from "./permission_probe.ts";
import { SplitBundle } from "./split_bundle.ts";

type ProgramName = keyof typeof PROGRAMS;

const PROBE = new URL("permission_probe.ts", import.meta.url).pathname;
/** Deno opens what is in there only for whoever holds everything. Not every system has one. */
const MEMORY_DIR = "/dev/shm";
const hasMemoryDir = isDirectory(MEMORY_DIR);

/** What a program is for, in one command line. */
interface Job {
  readonly words: readonly string[];
  readonly stdin?: string;
  /** The standard input stays open until this was printed. */
  readonly until?: RegExp;
  /** Files of the home folder; `$PORT` in them is where the test listens. */
  readonly files?: Readonly<Record<string, string>>;
  /** There is a `git`, also where the system has none. */
  readonly hasGit?: true;
  /** The home folder lies in memory, where there is such a folder. */
  readonly isInMemory?: true;
  /** The program must believe to be somebody else, so that it leaves the caches of whoever runs the tests alone. */
  readonly uid?: number;
  /** It has a terminal, in front of which somebody does this. */
  readonly atTerminal?: (screen: Screen) => Promise<void>;
  /** Throws unless it did its work. */
  works(done: Done): void;
}

interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Names of the files in the home folder. */
  readonly files: readonly string[];
  readonly report: ProbeReport;
}

const FAKE_GIT = "#!/bin/sh\necho git version 2.39.5\n";
const KEY = `{"auth_mode":"apikey","OPENAI_API_KEY":"sk-test-abcdef1234567890"}`;
const REQUESTS = [
  { id: 1, method: "initialize", params: { clientInfo: { name: "t", version: "1" } } },
  { method: "initialized" },
  { id: 2, method: "config/read", params: {} },
].map((one) => `${JSON.stringify(one)}\n`).join("");

const EXEC_REQUESTS = [
  { id: 1, method: "initialize", params: { clientName: "t" } },
  { method: "initialized" },
  {
    id: 2,
    method: "process/start",
    params: { processId: "p", argv: ["/bin/echo", "x"], cwd: "/tmp", env: {}, tty: true },
  },
].map((one) => `${JSON.stringify(one)}\n`).join("");

/** The interface up to where something could be typed. It has its server in a process of its own. */
function interfaceJob(words: readonly string[]): Job {
  return {
    words: ["-c", "model_provider=demo", ...words],
    isInMemory: true,
    files: { "config.toml": '[projects."$CWD"]\ntrust_level = "trusted"\n' },
    async atTerminal(screen) {
      await screen.until(/Ask for anything|Do you trust/);
      screen.press("ctrl+c");
      await screen.until(/again|Do you trust/);
      screen.press("ctrl+c");
    },
    works({ code, stdout }) {
      assert.equal(code, 0, stdout);
      assert.match(stdout, /Ask for anything/);
    },
  };
}

const JOBS: Readonly<Record<ProgramName, readonly Job[]>> = {
  "exec": [{
    // `/dev/stderr` stands for all that agents are asked to use there: `/dev/fd/63`, `/dev/shm/project`.
    words: [
      ...["exec", "-c", "model_provider=demo", "-s", "danger-full-access"],
      ...["--skip-git-repo-check", "--json", "-o", "/dev/stderr", "run echo $((6*7))"],
    ],
    works({ code, stdout, stderr }) {
      assert.equal(code, 0, stderr);
      assert.match(stdout, /"aggregated_output":"42\\n"/);
    },
  }],
  "app-server": [{
    words: ["app-server"],
    stdin: REQUESTS,
    until: /"id":2\b.*\n/,
    isInMemory: true,
    files: { "config.toml": `model = "of-the-config"\n` },
    works({ code, stdout }) {
      assert.equal(code, 0);
      assert.match(stdout, /"model":"of-the-config"/);
    },
  }],
  "exec-server": [{
    // Without tasks it gives up the network by itself, which a test of its own looks at.
    words: ["exec-server", "--tasks", "--listen", "stdio"],
    stdin: EXEC_REQUESTS,
    until: /"exitCode":0/,
    isInMemory: true,
    works({ code, stdout }) {
      assert.equal(code, 0);
      assert.match(stdout, /"stream":"pty"/);
    },
  }],
  "sandbox": [{
    words: ["sandbox", "--full-auto", "sh", "-c", "touch made.txt; mkdir .git || exit 7"],
    files: { "config.toml": "[sandbox_workspace_write]\nexclude_slash_tmp = true\n" },
    works({ code, stderr }) {
      assert.equal(code, 7, stderr);
      assert.match(stderr, /File exists/);
    },
  }, {
    words: ["sandbox", "--network", "sh", "-c", 'test -n "$HTTP_PROXY" && exit 7'],
    files: { "config.toml": '[permissions.network]\nallow_domains = ["example.com"]\n' },
    works({ code, stderr }) {
      assert.equal(code, 7, stderr);
    },
  }],
  "login": [
    {
      words: ["login", "--with-api-key"],
      stdin: "sk-test-abcdef1234567890",
      works({ code, files, stderr }) {
        assert.deepEqual([code, files], [0, ["auth.json"]], stderr);
      },
    },
    {
      words: ["login"],
      async atTerminal(screen) {
        await screen.until("└");
        screen.type("sk-test-abcdef1234567890\n");
      },
      works({ code, files, stdout }) {
        assert.deepEqual([code, files], [0, ["auth.json"]], stdout);
      },
    },
    {
      words: ["login", "status"],
      files: { "auth.json": KEY },
      works({ code, stderr }) {
        assert.deepEqual([code, stderr], [0, "Logged in using an API key - sk-test-***67890\n"]);
      },
    },
  ],
  "logout": [{
    words: ["logout"],
    files: { "auth.json": KEY },
    works({ code, files }) {
      assert.deepEqual([code, files], [0, []]);
    },
  }],
  "completion": [{
    words: ["completion", "fish"],
    works({ code, stdout }) {
      assert.equal(code, 0);
      assert.match(stdout, /^complete -c codex/m);
    },
  }],
  "features": [{
    words: ["features", "list"],
    files: { "config.toml": "[features]\nmemories = true\n" },
    works({ code, stdout }) {
      assert.equal(code, 0);
      assert.match(stdout, /^memories +no effect +true$/m);
    },
  }],
  "doctor": [{
    words: ["doctor", "--json"],
    hasGit: true,
    files: {
      "config.toml": `model_provider = "own"
[model_providers.own]
name = "Own"
base_url = "http://127.0.0.1:$PORT/v1"
`,
    },
    works({ stdout, stderr }) {
      assert.match(stdout, /^\{/, stderr);
      const { checks } = JSON.parse(stdout);
      const names = ["config", "endpoint", "kernel", "open-files", "git"];
      const found = checks.filter(({ name }: { name: string }) => names.includes(name))
        .map(({ name, status }: Record<string, string>) => `${name}: ${status}`);
      assert.deepEqual(found.toSorted(), names.map((name) => `${name}: ok`).toSorted());
    },
  }],
  "cache": [{
    words: ["cache", "clean"],
    isInMemory: true,
    // Never the number of a real user.
    uid: 4_000_000_123,
    files: { "runtime/.keep": "" },
    works({ code, stdout }) {
      assert.equal(code, 0);
      assert.match(stdout, /^Kept .*\/runtime: it belongs to another user$/m);
    },
  }],
  "none": [interfaceJob([])],
  "resume": [interfaceJob(["resume", "--last"])],
  "fork": [interfaceJob(["fork", "--last"])],
};

let bundle: SplitBundle;
Deno.test.beforeAll(async () => {
  bundle = await SplitBundle.build();
});
Deno.test.afterAll(() => bundle[Symbol.asyncDispose]());

/** The words that start `codex`, with the probe in front of it. */
function commandOf(form: "source" | "bundle"): readonly string[] {
  const [deno = "", run = "", ...rest] = form === "source" ? SOURCE.command : bundle.command();
  return [deno, run, `--preload=${PROBE}`, ...rest];
}

/** Does one job in a home of its own. */
async function doJob(
  job: Job,
  options: Pick<ProbeRequest, "drop" | "when"> & {
    readonly form: "source" | "bundle";
    readonly home?: string;
  },
): Promise<Done> {
  const { form, home: givenHome, ...drop } = options;
  const root = await Deno.makeTempDir({
    prefix: "codex_permissions_",
    ...(job.isInMemory && hasMemoryDir ? { dir: MEMORY_DIR } : {}),
  });
  const world = await Deno.makeTempDir({ prefix: "codex_permissions_" });
  const hits: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    hits.push(request.url);
    return new Response("export {};", { headers: { "content-type": "text/javascript" } });
  });
  try {
    const home = givenHome ?? `${root}/home`;
    await Deno.mkdir(`${home}/runtime`, { recursive: true });
    for (const [name, text] of Object.entries(job.files ?? {})) {
      const content = text.replace("$PORT", String(server.addr.port)).replace("$CWD", world);
      await Deno.writeTextFile(`${home}/${name}`, content);
    }
    const file = `${world}/probe.txt`;
    await Deno.writeTextFile(file, "untouched");
    if (job.hasGit) {
      await Deno.mkdir(`${world}/bin`);
      await Deno.writeTextFile(`${world}/bin/git`, FAKE_GIT, { mode: 0o755 });
    }
    const request: ProbeRequest = {
      ...drop,
      port: server.addr.port,
      file,
      ...(job.uid === undefined ? {} : { uid: job.uid }),
    };
    const ended = await run([...commandOf(form), ...job.words], {
      job,
      cwd: world,
      env: {
        ...SOURCE.env,
        ...form === "bundle" && job.atTerminal ? await packedIn(world) : {},
        ...{ CODEX_HOME: home, CODEX_RUNTIME_DIR: `${home}/runtime`, XDG_CACHE_HOME: world },
        PATH: `${world}/bin:${Deno.env.get("PATH")}`,
        ...{ TMPDIR: world, NO_COLOR: "1", RUST_LOG: "", CODEX_PROBE: JSON.stringify(request) },
      },
    });
    const [stderr = "", report = ""] = ended.stderr.split(MARK);
    assert.equal(await Deno.readTextFile(file), "untouched");
    const done: ProbeReport = report === "" ? NO_REPORT : JSON.parse(report);
    if (!done.granted.includes("net")) assert.deepEqual(hits, []);
    const files = [];
    for await (const { name } of Deno.readDir(home)) if (name !== "runtime") files.push(name);
    return { ...ended, stderr, files, report: done };
  } finally {
    await server.shutdown();
    await Deno.remove(root, { recursive: true });
    await Deno.remove(world, { recursive: true });
  }
}

/** Variables with which the bundle starts itself again as an unpacked file does, through a script in the folder. */
async function packedIn(folder: string): Promise<Readonly<Record<string, string>>> {
  const file = `${folder}/codex`;
  const words = bundle.command().map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(file, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  return { CODEX_PACKED_FILE: file, CODEX_PACKED_DIR: folder };
}

/** Of a process that failed before the end. */
const NO_REPORT: ProbeReport = { granted: [], notRefused: [] };

async function run(
  [program = "", ...args]: readonly string[],
  { job, cwd, env }: {
    readonly job: Job;
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
  },
): Promise<Pick<Done, "code" | "stdout" | "stderr">> {
  if (job.atTerminal) {
    await using screen = await startScreen([program], args, { cwd, env });
    // One that lacks a kind may end before; what came of it is looked at below.
    await job.atTerminal(screen).catch(() => undefined);
    const { code } = await screen.exit;
    const text = screen.raw.replaceAll("\r\n", "\n");
    return { code: code ?? -1, stdout: text, stderr: text };
  }
  const child = new Deno.Command(program, {
    args,
    cwd,
    env: { ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const stdin = child.stdin.getWriter();
  // One that has ended already does not read it.
  await stdin.write(new TextEncoder().encode(job.stdin ?? "")).catch(() => undefined);
  if (!job.until) await stdin.close().catch(() => undefined);
  let stdout = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const isNew = job.until && !job.until.test(stdout);
    stdout += text;
    if (isNew && job.until?.test(stdout)) await stdin.close().catch(() => undefined);
  }
  // One that ended without that answer leaves it open.
  await stdin.close().catch(() => undefined);
  return { code: (await child.status).code, stdout, stderr: await stderr };
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    // Most systems have none.
    return false;
  }
}

/** The table with its keys as what they are. */
function programs(): [ProgramName, readonly Kind[]][] {
  const isName = (name: string): name is ProgramName => name in PROGRAMS;
  return Object.keys(PROGRAMS).filter(isName).map((name) => [name, PROGRAMS[name].holds]);
}

for (const [program, holds] of programs()) {
  for (const form of ["source", "bundle"] as const) {
    Deno.test(`${program} works with what it holds and nothing else [${form}]`, async () => {
      for (const job of JOBS[program]) {
        const done = await doJob(job, { form });
        job.works(done);
        assert.deepEqual(done.report, { granted: holds, notRefused: [] }, job.words.join(" "));
      }
    });
  }
  if (holds.length > 0) {
    Deno.test({
      name: `${program} does not work with less than it holds`,
      // Elsewhere nothing is closed to a program that lacks a kind.
      ignore: !hasMemoryDir,
      fn: async () => {
        const when = holds.length === ALL_KINDS.length ? "atOnce" : "withOthers";
        for (const drop of holds) {
          const results = await Promise.all(
            JOBS[program].map(async (job) =>
              works(job, await doJob(job, { form: "bundle", drop, when }))
            ),
          );
          assert.ok(results.includes(false), `${program} needs no ${drop}`);
        }
      },
    });
  }
}

function works(job: Job, done: Done): boolean {
  try {
    job.works(done);
    return true;
  } catch (error) {
    if (error instanceof assert.AssertionError) return false;
    throw error;
  }
}

Deno.test({
  name: "a program keeps everything where its home lies in memory, also behind a link",
  ignore: !hasMemoryDir,
  fn: async () => {
    const memory = await Deno.makeTempDir({ dir: MEMORY_DIR });
    const outside = await Deno.makeTempDir();
    try {
      await Deno.symlink(memory, `${outside}/home`);
      for (const home of [`${memory}/new`, `${outside}/home`]) {
        const [job = assert.fail()] = JOBS.login;
        const done = await doJob(job, { form: "bundle", home });
        assert.equal(done.code, 0, done.stderr);
        assert.ok(done.files.includes("auth.json"));
        assert.deepEqual(done.report.granted, ALL_KINDS);
      }
    } finally {
      await Deno.remove(memory, { recursive: true });
      await Deno.remove(outside, { recursive: true });
    }
  },
});

Deno.test("every command of the command line is a program", () => {
  const commands = (CODEX.commands ?? []).map(({ name }) => name);
  assert.deepEqual(
    Object.keys(PROGRAMS).toSorted(),
    [...commands, "none"].toSorted(),
  );
});
