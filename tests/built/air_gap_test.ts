/**
 * The built file where nothing can be reached or written: as an unknown user on a read-only file system, in a
 * network that leads nowhere and tells of every attempt to leave it (`air_gap_setup.ts` says how).
 */
import assert from "node:assert/strict";
import { RUNTIME_FLAGS } from "../../src/programs/packaging.ts";
import { stdioTransport } from "../../src/rpc/stdio.ts";
import { FORMS, testEachForm } from "../support/forms.ts";
import { checkedClient, converse, readConversation } from "./air_gap_client.ts";
import { type AirGap, airGapProblem, openAirGap, type Traffic } from "./air_gap_world.ts";

const BUILT = Deno.env.get("CODEX_BUILT") ?? "";
const SEARCH_PATH = { PATH: Deno.env.get("PATH") ?? "" };
const PROBLEM = airGapProblem ?? (BUILT === "" ? "CODEX_BUILT not set" : null);
/** What the message of the file says it needs. */
const MEGABYTES = 120;
const SILENCE: Traffic = { destinations: [], connections: 0, datagrams: 0 };
/** Takes longer than the half second after which the runtime looks for updates unless it is told not to. */
const SLOW = "count slowly to 3";
const FULL_ACCESS = ["exec", "-c", "model_provider=demo", "-s", "danger-full-access"];

/** The variables of a process beside its search path. */
type Env = Readonly<Record<string, string>>;

/** One world for most tests, so that only the first start unpacks. */
let world: AirGap;
Deno.test.beforeAll(async () => {
  if (PROBLEM === null) world = await openWorld();
});
Deno.test.afterAll(async () => {
  if (PROBLEM === null) await world[Symbol.asyncDispose]();
});

function testHere(name: string, fn: () => Promise<void>, problem = PROBLEM): void {
  const why = problem === null ? "" : ` (ignored: ${problem})`;
  Deno.test({ name: `air gap: ${name}${why}`, ignore: problem !== null, fn });
}

function hasProgram(name: string): boolean {
  const args = ["-c", `command -v ${name}`];
  return new Deno.Command("sh", { args, stdout: "null" }).outputSync().success;
}

function hasIpv6(): boolean {
  return new Deno.Command("test", { args: ["-d", "/proc/sys/net/ipv6"] }).outputSync().success;
}

async function openWorld(): Promise<AirGap> {
  const made = await openAirGap({ file: BUILT, megabytes: MEGABYTES });
  const { code } = await run(made.inside(["mkdir", "-p", "project/.git", "tmp"]));
  assert.equal(code, 0);
  return made;
}

/** Without HOME; the folder is the one that is used without this variable, too. */
function withoutHome(): Env {
  return { ...atHome(), CODEX_RUNTIME_DIR: `${world.writable}/tmp/codex-runtime-${world.uid}` };
}

/** With a HOME that is read-only, so that the runtime lies among temporary files and is verified each time. */
function withReadOnlyHome(): Env {
  return { ...atHome(), HOME: world.readOnly, TMPDIR: `${world.writable}/tmp` };
}

function atHome(): Env {
  return { CODEX_HOME: `${world.writable}/home`, NO_COLOR: "1" };
}

function codex(words: readonly string[]): string[] {
  return world.inside([world.file, ...words], `${world.writable}/project`);
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function command(words: readonly string[], env: Env, stdin: "piped" | "null"): Deno.Command {
  const [program = "", ...args] = words;
  return new Deno.Command(program, {
    args,
    clearEnv: true,
    env: { ...SEARCH_PATH, ...env },
    stdin,
    stdout: "piped",
    stderr: "piped",
  });
}

async function run(words: readonly string[], env: Env = {}): Promise<Ended> {
  const { code, stdout, stderr } = await command(words, env, "null").output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs `steps`, during which nothing may be sent but the connections that the test makes itself. */
async function silently<T>(steps: () => Promise<T>, { connections = 0 } = {}): Promise<T> {
  const before = await world.traffic();
  const result = await steps();
  const after = await world.traffic();
  assert.deepEqual(after, { ...before, connections: before.connections + connections });
  assert.deepEqual(after.destinations, []);
  return result;
}

function evalWords(script: string): string[] {
  return [Deno.execPath(), "eval", "--quiet", "--no-config", script];
}

testHere("what tries to leave is seen, with where it wanted to go", async () => {
  await using other = await openAirGap();
  assert.deepEqual(await other.traffic(), SILENCE);
  const attempts = [
    `await Deno.connect({ hostname: "192.0.2.1", port: 443 })`,
    `await Deno.connect({ hostname: "2001:db8::1", port: 443 })`,
    `await fetch("https://updates.example.com/")`,
    `const { createSocket } = await import("node:dgram");
     const socket = createSocket("udp4");
     for (const address of ["192.0.2.4", "224.0.0.251"]) {
       await new Promise((done) => socket.send("hi", 53, address, done));
     }
     socket.close();`,
  ];
  const ends = await Promise.all(
    attempts.map((attempt) => run(other.beside(evalWords(attempt)), { NO_COLOR: "1" })),
  );
  assert.match(ends[0]?.stderr ?? "", /No route to host/);
  const { destinations, connections, datagrams } = await other.traffic();
  const over6 = hasIpv6() ? ["2001:db8::1"] : [];
  const over4 = ["192.0.2.1", "192.0.2.4", "192.0.2.53"];
  assert.deepEqual(destinations, [...over4, ...over6, "224.0.0.251"]);
  assert.equal(connections, 1 + over6.length);
  assert.ok(datagrams >= 3, `${datagrams} datagrams`);
}, airGapProblem);

testHere("what stays on loopback is counted, and is no attempt to leave", async () => {
  await using other = await openAirGap();
  const script = `const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept();
    (await Deno.connect(listener.addr)).close();
    (await accepted).close();
    listener.close();`;
  assert.deepEqual(await run(other.beside(evalWords(script))), { code: 0, stdout: "", stderr: "" });
  assert.deepEqual(await other.traffic(), { ...SILENCE, connections: 1 });
}, airGapProblem);

testHere("nothing but one folder can be written, by a user whom nobody knows", async () => {
  const script = `id -u; grep -c ":$(id -u):" /etc/passwd
    for folder in / /tmp /var/tmp /dev/shm /run "${world.readOnly}" .; do
      [ ! -d "$folder" ] || ! touch "$folder/written" 2>/dev/null || echo "$folder"
    done
    rm written`;
  const { stdout } = await run(world.inside(["sh", "-c", script]));
  assert.equal(stdout, `${world.uid}\n0\n.\n`);
});

testHere("the first start unpacks and runs a turn with a command, without HOME", async () => {
  await silently(async () => {
    const version = await run(codex(["--version"]), withoutHome());
    assert.match(version.stdout, /^codex-cli \d+\.\d+\.\d+\n$/);
    assert.deepEqual(await names("tmp"), []);
    const prompt = "run `id -u; echo done > proof.txt`";
    const { code, stdout, stderr } = await run(codex([...FULL_ACCESS, prompt]), withoutHome());
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^${world.uid}$`, "m"));
    assert.deepEqual(await names("project"), [".git", "proof.txt"]);
  });
});

const LATER: readonly (readonly [words: readonly string[], code: number, output: RegExp])[] = [
  [["--version"], 0, /^codex-cli \d/],
  [["--version", "--verbose"], 0, /^codex-cli \d/],
  [["--help"], 0, /app-server/],
  [["completion", "bash"], 0, /^# bash completion/],
  [["features", "list"], 0, /\b(true|false)$/m],
  [["login", "status"], 1, /Not logged in/],
  [[...FULL_ACCESS, "run `echo $((6*7))`"], 0, /^42$/m],
];

testHere("later starts work without HOME", async () => {
  await silently(() => startEach(LATER, withoutHome()));
});

testHere(
  "later starts work with a read-only HOME, from what was unpacked and is verified",
  async () => {
    await silently(() => startEach(LATER.slice(-2), withReadOnlyHome()));
  },
);

async function startEach(starts: typeof LATER, env: Env): Promise<void> {
  for (const [words, code, output] of starts) {
    const ended = await run(codex(words), env);
    assert.match(ended.stdout + ended.stderr, output);
    assert.equal(ended.code, code, words.join(" "));
  }
}

testHere("RUST_LOG=debug has nobody else listen", async () => {
  const env = { ...withoutHome(), RUST_LOG: "debug" };
  const { code, stderr } = await silently(() => run(codex([...FULL_ACCESS, "run `true`"]), env));
  assert.equal(code, 0, stderr);
});

testHere(
  "a terminal does not make it look for updates",
  async () => {
    const line = [world.file, ...FULL_ACCESS, SLOW].map((word) => `'${word}'`).join(" ");
    const words = ["script", "--quiet", "--return", "--command", line, "/dev/null"];
    const { code, stdout } = await silently(() =>
      run(world.inside(words, `${world.writable}/project`), { ...withoutHome(), TERM: "xterm" })
    );
    assert.equal(code, 0, stdout);
    assert.match(stdout, /1 2 3 - done/);
  },
  PROBLEM ?? (hasProgram("script") ? null : "no script here"),
);

testHere("variables that make its runtime call elsewhere do not reach it", async () => {
  const env = {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://192.0.2.8:4318",
    DENO_CONNECTED: "1",
    DENO_DEPLOY_TUNNEL_ENDPOINT: "192.0.2.9:443",
    DENO_DEPLOY_TOKEN: "token",
    DENO_DEPLOY_ORG: "org",
    DENO_DEPLOY_APP: "app",
    DENO_UNSTABLE_CONTROL_SOCK: "tcp:192.0.2.10:80",
    DENO_UNSTABLE_CRON_SOCK: "tcp:192.0.2.12:80",
    DENO_PERMISSION_BROKER_PATH: `${world.writable}/broker`,
    DENO_AUDIT_PERMISSIONS: `${world.writable}/audit`,
    DENO_COVERAGE_DIR: `${world.writable}/coverage`,
    HTTPS_PROXY: "http://192.0.2.11:3128",
    HTTP_PROXY: "http://192.0.2.11:3128",
  };
  const { code, stderr } = await silently(() =>
    run(codex([...FULL_ACCESS, "run `true`"]), { ...withoutHome(), ...env })
  );
  assert.equal(code, 0, stderr);
});

testHere("app-server over stdio serves a conversation", async () => {
  await silently(async () => {
    const server = command(
      codex(["app-server", "-c", "model_provider=demo"]),
      withoutHome(),
      "piped",
    )
      .spawn();
    const log = new Response(server.stderr).text();
    const { client, assertClean } = await checkedClient(
      stdioTransport({ input: server.stdout, output: server.stdin }),
    );
    const threadId = await converse(client, "id -u");
    assert.deepEqual(await readConversation(client, threadId), {
      statuses: ["completed", "completed"],
      outputs: [`${world.uid}\n`],
    });
    client.close();
    assert.equal((await server.status).code, 0, await log);
    assert.equal(await log, "");
    assertClean();
  });
});

testHere("app-server over a WebSocket serves one client after another", async () => {
  // The two connections are those of the client.
  await silently(async () => {
    const words = ["app-server", "-c", "model_provider=demo", "--listen", "ws://127.0.0.1:0"];
    const server = command(codex(words), withoutHome(), "null").spawn();
    const log = server.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    let url: string | undefined;
    for (let part = await log.read(); !part.done; part = await log.read()) {
      text += part.value;
      url = /listening on: (ws:\S+)\n/.exec(text)?.[1];
      if (url) break;
    }
    assert.ok(url, text);
    const client = await run(world.onItsNetwork(clientWords(url, "id -u")), {
      ...Deno.env.toObject(),
      NO_COLOR: "1",
      // It is the runtime of the tests that would ask, after half a second.
      DENO_NO_UPDATE_CHECK: "1",
    });
    server.kill("SIGTERM");
    for (let part = await log.read(); !part.done; part = await log.read()) text += part.value;
    await server.stdout.cancel();
    assert.equal((await server.status).code, 0, text);
    assert.equal(client.code, 0, client.stderr);
    assert.deepEqual(JSON.parse(client.stdout), {
      statuses: ["completed", "completed"],
      outputs: [`${world.uid}\n`],
    });
  }, { connections: 2 });
});

function clientWords(url: string, commandLine: string): string[] {
  const path = (name: string) => new URL(name, import.meta.url).pathname;
  const flags = ["-A", "--no-check", "--quiet", "--config", path("../../deno.json")];
  return [Deno.execPath(), "run", ...flags, path("air_gap_client.ts"), url, commandLine];
}

testHere("nothing is left but the home, one runtime and what commands wrote", async () => {
  assert.deepEqual(await names(""), ["home", "project", "tmp"]);
  assert.deepEqual(await names("project"), [".git", "proof.txt"]);
  assert.deepEqual(await names("project/.git"), []);
  const base = `codex-runtime-${world.uid}`;
  assert.deepEqual(await names("tmp"), [base]);
  const [name = "", ...others] = await names(`tmp/${base}`);
  assert.match(name, /^\d+\.\d+\.\d+-[0-9a-f]+$/);
  assert.deepEqual(others, []);
  assert.deepEqual(await names(`tmp/${base}/${name}`), [
    "MANIFEST",
    "app",
    "deno",
    "denodir",
    "ready",
  ]);
  const entries = await modes("");
  // What can be run cannot be written.
  const isProgram = ([, mode]: Mode) => (mode & 0o111) !== 0;
  assert.deepEqual(entries.filter(isProgram), [[`tmp/${base}/${name}/deno`, 0o500]]);
  for (const folder of ["home", `tmp/${base}`, `tmp/${base}/${name}`]) {
    const { mode } = await Deno.stat(`${world.writableFromOutside}/${folder}`);
    assert.equal((mode ?? 0) & 0o777, 0o700, folder);
  }
});

testHere("the same runtime is seen to look for updates once nothing tells it not to", async () => {
  const [unpacked = ""] = await names(`tmp/codex-runtime-${world.uid}`);
  const runtime = `${world.writable}/tmp/codex-runtime-${world.uid}/${unpacked}`;
  const words = [`${runtime}/deno`, ...RUNTIME_FLAGS, `${runtime}/app/main.js`];
  const env = { ...atHome(), DENO_DIR: `${runtime}/denodir` };
  const { code, stderr } = await run(world.inside([...words, ...FULL_ACCESS, SLOW]), env);
  assert.equal(code, 0, stderr);
  assert.deepEqual((await world.traffic()).destinations, ["192.0.2.53"]);
});

testHere("the same file is seen to leave once it is told to", async () => {
  const provider = `{name="Other",base_url="http://192.0.2.7/v1",wire_api="responses",` +
    "request_max_retries=0,stream_max_retries=0}";
  const words = ["exec", "-c", "model_provider=other", "-c", `model_providers.other=${provider}`];
  const { code, stdout, stderr } = await run(codex([...words, "hello"]), withoutHome());
  assert.equal(code, 1, stdout + stderr);
  assert.ok((await world.traffic()).destinations.includes("192.0.2.7"));
});

testHere("folders from which no program runs are named, with what to do", async () => {
  await using other = await openAirGap({ file: BUILT, noexec: true });
  const folders = { CODEX_RUNTIME_DIR: "runtime", HOME: "home", TMPDIR: "tmp" };
  const env = Object.fromEntries(
    Object.entries(folders).map(([name, folder]) => [name, `${other.writable}/${folder}`]),
  );
  const { code, stdout, stderr } = await run(other.inside([other.file, "features", "list"]), env);
  assert.equal(code, 126, stderr);
  assert.equal(stdout, "");
  const reason = (folder: string) => `  ${folder}: programs cannot run from there (mounted noexec)`;
  const lines = stderr.split("\n");
  assert.equal(lines[0], "codex: cannot unpack its runtime:");
  assert.deepEqual(lines.slice(1, 4), [
    reason(`${other.writable}/runtime`),
    reason(`${other.writable}/home/.cache/codex-runtime`),
    reason(`${other.writable}/tmp/codex-runtime-${other.uid}`),
  ]);
  assert.match(stderr, /\nIt needs \d+ MB in a folder .*: set CODEX_RUNTIME_DIR to one\n$/);
  assert.match(stderr, new RegExp(`It needs ${MEGABYTES} MB`));
  const left = await run(other.inside(["find", ".", "-type", "f"]));
  assert.equal(left.stdout, "");
  assert.deepEqual(await other.traffic(), SILENCE);
});

testEachForm("a start leaves nothing beside the file, and the file as it was", async (form) => {
  const root = await Deno.makeTempDir({ prefix: "codex_beside_" });
  const [built = ""] = form.command;
  const file = `${root}/bin/codex`;
  await Deno.mkdir(`${root}/bin`);
  await Deno.copyFile(built, file);
  await Deno.chmod(file, 0o755);
  const before = await Deno.stat(file);
  const env = { ...form.env, CODEX_HOME: `${root}/home`, HOME: root };
  const { code, stderr } = await run([file, ...FULL_ACCESS, "-C", root, "hello"], env);
  const after = await Deno.stat(file);
  const left = await Array.fromAsync(Deno.readDir(`${root}/bin`));
  await Deno.remove(root, { recursive: true });
  assert.equal(code, 0, stderr);
  assert.deepEqual(left.map(({ name }) => name), ["codex"]);
  assert.deepEqual([after.mtime, after.size, after.mode], [before.mtime, before.size, before.mode]);
}, { forms: FORMS.filter(({ name }) => name !== "source") });

/** Path and mode of a file. */
type Mode = readonly [path: string, mode: number];

/** All files below a folder. */
async function modes(folder: string): Promise<Mode[]> {
  const found: Mode[] = [];
  for (const name of await names(folder)) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const { mode, isDirectory } = await Deno.lstat(`${world.writableFromOutside}/${path}`);
    if (isDirectory) found.push(...await modes(path));
    else found.push([path, (mode ?? 0) & 0o7777]);
  }
  return found;
}

async function names(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(`${world.writableFromOutside}/${folder}`));
  return entries.map(({ name }) => name).sort();
}
