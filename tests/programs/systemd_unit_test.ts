/** Tests the systemd unit: what it starts, how it is quoted, what it refuses; and systemd's own opinion of it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { absolutePath } from "../../src/lib/absolute_path.ts";
import { CliError, CodexError } from "../../src/lib/errors.ts";
import { run as runAppServer } from "../../src/programs/app_server.ts";
import { systemdUnit } from "../../src/programs/systemd_unit.ts";
import { type FakeWorld, runInFakeHost } from "./fake_host.ts";

async function printed(words: readonly string[], world: FakeWorld = {}): Promise<string> {
  const all = ["app-server", "--print-systemd-unit", ...words];
  const { code, stdout, stderr } = await runInFakeHost(all, world, runAppServer);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

/** The values of a key, in order. */
function valuesOf(unit: string, key: string): readonly string[] {
  return unit.split("\n").filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
}

/** The words that a command line of a unit means to systemd, variables and specifiers included. */
function wordsOf(line: string): readonly string[] {
  return parseWords(line).map((word) => {
    assert.doesNotMatch(word.replaceAll("$$", ""), /\$/, "a variable");
    return word.replaceAll("$$", "$");
  });
}

/** As systemd.syntax(7): words, double quotes, C escapes, specifiers. */
function parseWords(line: string): readonly string[] {
  const words: string[] = [];
  const pattern = /\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"'\\]+))(?=\s|$)/gy;
  let end = 0;
  for (let match = pattern.exec(line); match; match = pattern.exec(line)) {
    const [, quoted, plain] = match;
    words.push(quoted === undefined ? plain ?? "" : unescape(quoted));
    end = pattern.lastIndex;
  }
  assert.equal(end, line.length, `unreadable: ${line}`);
  return words.map((word) => {
    assert.doesNotMatch(word.replaceAll("%%", ""), /%/, "a specifier");
    return word.replaceAll("%%", "%");
  });
}

function unescape(text: string): string {
  return text.replaceAll(
    /\\(?:u([0-9a-f]{4})|(.))/g,
    (_, hex?: string, letter?: string) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      assert.ok(letter && 'n\\"'.includes(letter), `an unknown escape: ${letter}`);
      return letter === "n" ? "\n" : letter;
    },
  );
}

Deno.test("--print-systemd-unit prints a unit that serves where the README connects to", async () => {
  const unit = await printed([]);
  assert.deepEqual(valuesOf(unit, "ExecStart"), [
    "/opt/codex app-server --listen=ws://127.0.0.1:4500",
  ]);
  assert.deepEqual(valuesOf(unit, "Restart"), ["on-failure"]);
  assert.deepEqual(valuesOf(unit, "KillMode"), ["mixed"]);
  assert.deepEqual(valuesOf(unit, "TimeoutStopSec"), ["120"]);
  assert.deepEqual(valuesOf(unit, "WantedBy"), ["default.target"]);
  assert.deepEqual(valuesOf(unit, "Environment"), []);
  const head = unit.slice(0, unit.indexOf("[Unit]"));
  assert.match(head, /^(#.*\n)+\n$/);
  for (
    const command of [
      "mkdir -p ~/.config/systemd/user",
      "> ~/.config/systemd/user/codex.service",
      "systemctl --user enable --now codex",
      "loginctl enable-linger",
    ]
  ) assert.ok(head.includes(command), command);
  assert.match(unit, /^#EnvironmentFile=/m);
});

Deno.test("--print-systemd-unit keeps every other flag and makes paths absolute", async () => {
  const unit = await printed([
    ..."-c model=a --listen ws://127.0.0.1:4501 --config model_provider=demo".split(" "),
    ..."--listen ws://[::1]:4501 -C project --add-dir=../more --search".split(" "),
  ], { packaging: { command: ["/usr/bin/deno", "run", "/src/main.ts"] } });
  const [line = ""] = valuesOf(unit, "ExecStart");
  const [deno, run, main, program, ...flags] = wordsOf(line);
  assert.deepEqual([deno, run, main, program], [
    "/usr/bin/deno",
    "run",
    "/src/main.ts",
    "app-server",
  ]);
  assert.deepEqual(flags.sort(), [
    "--add-dir=/more",
    "--cd=/work/project",
    "--config=model=a",
    "--config=model_provider=demo",
    "--listen=ws://127.0.0.1:4501",
    "--listen=ws://[::1]:4501",
    "--search",
  ]);
});

Deno.test("--print-systemd-unit listens where the server would, and makes sockets absolute", async () => {
  const listens = async (words: readonly string[], world: FakeWorld = {}) => {
    const [line = ""] = valuesOf(await printed(words, world), "ExecStart");
    return wordsOf(line).filter((word) => word.startsWith("--listen"));
  };
  const env = { CODEX_APP_SERVER_LISTEN: "unix://own.sock,wss://127.0.0.1:4501" };
  assert.deepEqual(await listens([], { env }), [
    "--listen=unix:///work/own.sock",
    "--listen=wss://127.0.0.1:4501",
  ]);
  assert.deepEqual(await listens(["--listen", "unix://a b"], { env }), [
    "--listen=unix:///work/a b",
  ]);
  assert.deepEqual(await listens(["--listen", "unix://"]), ["--listen=unix://"]);
  // It stays in the command line as it is.
  assert.deepEqual(
    await listens(["-c", 'app_server.listen="unix://"'], {
      env: { CODEX_HOME: "/nowhere" },
    }),
    [],
  );
});

Deno.test("--print-systemd-unit passes on the folders that are set, and no other variable", async () => {
  const env = {
    CODEX_HOME: "my codex",
    XDG_CACHE_HOME: "relative",
    CODEX_RUNTIME_DIR: "/run/codex",
    OPENAI_API_KEY: "sk-secret",
    PATH: "/bin",
  };
  const unit = await printed([], { env });
  assert.deepEqual(valuesOf(unit, "Environment").map(parseWords), [
    ["CODEX_HOME=/work/my codex"],
    ["CODEX_RUNTIME_DIR=/run/codex"],
  ]);
  assert.doesNotMatch(unit, /sk-secret/);
});

Deno.test("--print-systemd-unit refuses what cannot be a service", async () => {
  const refused: readonly [readonly string[], RegExp][] = [
    [["--stdio"], /^A service has no client on stdio; use --listen ws:/],
    [["--listen", "stdio://"], /^A service has no client on stdio/],
    [["--listen", "ws://127.0.0.1:1", "--listen", "stdio://"], /^A service has no client on stdio/],
    [["--listen", "off"], /^A service without a listener has no clients/],
    [["-c", "model_providers.mine.experimental_bearer_token=sk-1"], /experimental_bearer_token/],
    [["-c", 'mcp_servers.a={command="x",env={KEY="sk-1"}}'], /`-c mcp_servers\.a\.env`/],
  ];
  for (const [words, message] of refused) {
    await assert.rejects(printed(words), (error) => {
      assert.ok(error instanceof CliError && message.test(error.message), String(error));
      assert.doesNotMatch(error.message, /sk-1/);
      return true;
    });
  }
  await assert.rejects(printed(["-c", "nonsense"]), CodexError);
});

Deno.test("systemdUnit quotes so that systemd reads the same words again", () => {
  const word = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."aé%$\"'\\ \t\n;{}hH💥\u0001\u0085") }),
  ).filter((text) => text !== "" && !text.includes("\0") && text.isWellFormed());
  fc.assert(
    fc.property(word, fc.array(fc.oneof(word, fc.constant(""))), word, (name, rest, home) => {
      const command = [`/opt/${name}`, ...rest];
      const unit = systemdUnit({ command, env: { CODEX_HOME: home }, cwd: "/h" });
      const words = wordsOf(valuesOf(unit, "ExecStart")[0] ?? "");
      // A name that systemd refuses is started by a shell.
      const started = words[0] === "/bin/sh" ? words.slice(3) : words;
      assert.deepEqual(started, command);
      assert.doesNotMatch(words[0] ?? "", /["'\\$\p{Cc}]/u);
      assert.deepEqual(parseWords(valuesOf(unit, "Environment")[0] ?? ""), [
        `CODEX_HOME=${absolutePath(home, "/h")}`,
      ]);
      // Nothing that was passed in starts a line of its own.
      assert.equal(unit.split("\n").length, UNIT_LINES + 1);
    }),
  );
});

const UNIT_LINES = systemdUnit({ command: ["/a"], env: {}, cwd: "/" }).split("\n").length;

Deno.test("the shell in a unit starts a program with an odd name and all its words", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const program = join(dir, `it's "a" $HOME\\x`);
    await Deno.writeTextFile(program, '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
    const unit = systemdUnit({
      command: [program, "app-server", "a b", "$HOME"],
      env: {},
      cwd: "/",
    });
    const [shell = "", ...args] = wordsOf(valuesOf(unit, "ExecStart")[0] ?? "");
    const { stdout } = await new Deno.Command(shell, { args }).output();
    assert.equal(new TextDecoder().decode(stdout), "app-server\na b\n$HOME\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test({
  name: `systemd accepts the unit${hasSystemd() ? "" : ", ignored: no systemd-analyze"}`,
  ignore: !hasSystemd(),
  fn: async () => {
    const dir = await Deno.makeTempDir();
    try {
      for (const name of ["codex", `a b%c$d'e"f\\`]) {
        const program = join(dir, name);
        await Deno.writeTextFile(program, "#!/bin/sh\n", { mode: 0o755 });
        const unit = await printed(["-c", 'model="a b"', "-c", "model_provider=$x%h;"], {
          packaging: { command: [program] },
          env: { CODEX_HOME: `/home/x y/%h$z"` },
        });
        assert.deepEqual(await verify(dir, unit), { success: true, said: "" });
        const broken = await verify(dir, unit.replace(/^KillMode=.*$/m, "KillMode=nonsense"));
        assert.match(broken.said, /KillMode|nonsense/, "the verification finds mistakes");
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

async function verify(dir: string, unit: string): Promise<{ success: boolean; said: string }> {
  const file = join(dir, "codex.service");
  await Deno.writeTextFile(file, unit);
  const { success, stderr } = await new Deno.Command("systemd-analyze", {
    args: ["--user", "--man=no", "verify", file],
    env: { XDG_RUNTIME_DIR: dir, HOME: dir },
  }).output();
  return { success, said: new TextDecoder().decode(stderr) };
}

function hasSystemd(): boolean {
  try {
    return new Deno.Command("systemd-analyze", { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
