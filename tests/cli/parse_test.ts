/** Tests the command line parser against what clap prints for the same words. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { allFlags, CODEX, type Command, VERSION_FLAG } from "../../src/cli/commands.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { CliError } from "../../src/lib/errors.ts";
import { argsOf, errorOf } from "./parsed.ts";

const EXEC_USAGE = `Usage: codex exec [OPTIONS] [PROMPT]
       codex exec [OPTIONS] <COMMAND> [ARGS]`;
const ROOT_USAGE = `Usage: codex [OPTIONS] [PROMPT]
       codex [OPTIONS] <COMMAND> [ARGS]`;

/** Every text was printed by the real 0.120.0 for the same words. */
const goldenErrors: readonly (readonly [words: string, message: string])[] = [
  [
    "exec --jsn hi",
    `error: unexpected argument '--jsn' found\n\n  tip: a similar argument exists: '--json'\n\n${EXEC_USAGE}`,
  ],
  [
    "exec --jsn=3",
    `error: unexpected argument '--jsn' found\n\n  tip: a similar argument exists: '--json'\n\n${EXEC_USAGE}`,
  ],
  [
    "exec --nope",
    `error: unexpected argument '--nope' found\n\n  tip: to pass '--nope' as a value, use '-- --nope'\n\n${EXEC_USAGE}`,
  ],
  [
    "-Z",
    `error: unexpected argument '-Z' found\n\n  tip: to pass '-Z' as a value, use '-- -Z'\n\n${ROOT_USAGE}`,
  ],
  [
    "exec -Zq",
    `error: unexpected argument '-Z' found\n\n  tip: to pass '-Z' as a value, use '-- -Z'\n\n${EXEC_USAGE}`,
  ],
  [
    "exec --=x",
    `error: unexpected argument '--' found\n\n  tip: to pass '--' as a value, use '-- --'\n\n${EXEC_USAGE}`,
  ],
  [
    "--jsn exec",
    `error: unexpected argument '--jsn' found\n\n  tip: 'exec --json' exists\n\n${ROOT_USAGE}`,
  ],
  [
    "--with-api-ky login",
    `error: unexpected argument '--with-api-ky' found\n\n  tip: 'login --with-api-key' exists\n\n${ROOT_USAGE}`,
  ],
  [
    "--enbale x login status",
    `error: unexpected argument '--enbale' found\n\n  tip: a similar argument exists: '--enable'\n\n${ROOT_USAGE}`,
  ],
  [
    "login --with-api-ky",
    "error: unexpected argument '--with-api-ky' found\n\n  tip: a similar argument exists: '--with-api-key'\n\nUsage: codex login --with-api-key",
  ],
  [
    "login --hel",
    "error: unexpected argument '--hel' found\n\n  tip: a similar argument exists: '--help'\n\nUsage: codex login --help",
  ],
  [
    "app-server --listn off",
    "error: unexpected argument '--listn' found\n\n  tip: a similar argument exists: '--listen'\n\nUsage: codex app-server --listen <URL>",
  ],
  [
    "app-server --listen off --nope",
    "error: unexpected argument '--nope' found\n\nUsage: codex app-server --listen <URL>",
  ],
  [
    "app-server --nope",
    "error: unexpected argument '--nope' found\n\nUsage: codex app-server [OPTIONS] [COMMAND]",
  ],
  [
    "app-server extra",
    "error: unrecognized subcommand 'extra'\n\nUsage: codex app-server [OPTIONS] [COMMAND]",
  ],
  [
    "app-server --listen off extra",
    "error: unrecognized subcommand 'extra'\n\nUsage: codex app-server [OPTIONS] [COMMAND]",
  ],
  ["login foo", "error: unrecognized subcommand 'foo'\n\nUsage: codex login [OPTIONS] [COMMAND]"],
  [
    "login statsu",
    "error: unrecognized subcommand 'statsu'\n\n  tip: a similar subcommand exists: 'status'\n\nUsage: codex login [OPTIONS] [COMMAND]",
  ],
  [
    "features lst",
    "error: unrecognized subcommand 'lst'\n\n  tip: a similar subcommand exists: 'list'\n\nUsage: codex features [OPTIONS] <COMMAND>",
  ],
  [
    "login -- status",
    "error: unexpected argument 'status' found\n\n  tip: subcommand 'status' exists; to use it, remove the '--' before it\n\nUsage: codex login [OPTIONS] [COMMAND]",
  ],
  [
    "login status extra",
    "error: unexpected argument 'extra' found\n\nUsage: codex login status [OPTIONS]",
  ],
  ["logout --foo", "error: unexpected argument '--foo' found\n\nUsage: codex logout [OPTIONS]"],
  [
    "login status --model x",
    "error: unexpected argument '--model' found\n\nUsage: codex login status [OPTIONS]",
  ],
  [
    "login status --help=3",
    "error: unexpected value '3' for '--help' found; no more were expected\n\nUsage: codex login status --help",
  ],
  [
    "exec --json=true hi",
    `error: unexpected value 'true' for '--json' found; no more were expected\n\n${EXEC_USAGE}`,
  ],
  [
    "exec -s bogus hi",
    "error: invalid value 'bogus' for '--sandbox <SANDBOX_MODE>'\n  [possible values: read-only, workspace-write, danger-full-access]",
  ],
  [
    "exec --sandbox=read-only=x hi",
    "error: invalid value 'read-only=x' for '--sandbox <SANDBOX_MODE>'\n  [possible values: read-only, workspace-write, danger-full-access]\n\n  tip: a similar value exists: 'read-only'",
  ],
  [
    "exec --color=pink hi",
    "error: invalid value 'pink' for '--color <COLOR>'\n  [possible values: always, never, auto]",
  ],
  [
    "-a bogus",
    "error: invalid value 'bogus' for '--ask-for-approval <APPROVAL_POLICY>'\n  [possible values: untrusted, on-failure, on-request, never]",
  ],
  [
    "exec --sandbox",
    "error: a value is required for '--sandbox <SANDBOX_MODE>' but none was supplied\n  [possible values: read-only, workspace-write, danger-full-access]",
  ],
  ["exec -m", "error: a value is required for '--model <MODEL>' but none was supplied"],
  ["exec -m --json", "error: a value is required for '--model <MODEL>' but none was supplied"],
  ["exec -c", "error: a value is required for '--config <key=value>' but none was supplied"],
  [
    "exec -m -x",
    `error: unexpected argument '-x' found\n\n  tip: to pass '-x' as a value, use '-- -x'\n\n${EXEC_USAGE}`,
  ],
  [
    "app-server --ws-auth bogus",
    "error: invalid value 'bogus' for '--ws-auth <MODE>'\n  [possible values: capability-token, signed-bearer-token]",
  ],
  [
    "app-server --ws-max-clock-skew-seconds abc",
    "error: invalid value 'abc' for '--ws-max-clock-skew-seconds <SECONDS>': invalid digit found in string",
  ],
  [
    "app-server --ws-max-clock-skew-seconds=-1",
    "error: invalid value '-1' for '--ws-max-clock-skew-seconds <SECONDS>': invalid digit found in string",
  ],
  [
    "app-server --ws-max-clock-skew-seconds=",
    "error: invalid value '' for '--ws-max-clock-skew-seconds <SECONDS>': cannot parse integer from empty string",
  ],
  [
    "app-server --ws-max-clock-skew-seconds 99999999999999999999999",
    "error: invalid value '99999999999999999999999' for '--ws-max-clock-skew-seconds <SECONDS>': number too large to fit in target type",
  ],
  [
    "app-server --listen ws://localhost:9503",
    "error: invalid value 'ws://localhost:9503' for '--listen <URL>': invalid websocket --listen URL `ws://localhost:9503`; expected `ws://IP:PORT`",
  ],
  [
    "app-server --listen bogus",
    "error: invalid value 'bogus' for '--listen <URL>': unsupported --listen URL `bogus`; expected `stdio://`, `unix://`, `unix://PATH`, `ws://IP:PORT`, `wss://IP:PORT`, or `off`",
  ],
  [
    "app-server generate-ts",
    "error: the following required arguments were not provided:\n  --out <DIR>\n\nUsage: codex app-server generate-ts --out <DIR>",
  ],
  [
    "app-server generate-ts --nope",
    "error: unexpected argument '--nope' found\n\nUsage: codex app-server generate-ts [OPTIONS] --out <DIR>",
  ],
  [
    "app-server generate-ts --out a b",
    "error: unexpected argument 'b' found\n\nUsage: codex app-server generate-ts [OPTIONS] --out <DIR>",
  ],
  [
    "app-server generate-ts --out a --nope",
    "error: unexpected argument '--nope' found\n\nUsage: codex app-server generate-ts --out <DIR>",
  ],
  [
    "exec --json --json hi",
    `error: the argument '--json' cannot be used multiple times\n\n${EXEC_USAGE}`,
  ],
  [
    "exec -m a -m b hi",
    `error: the argument '--model <MODEL>' cannot be used multiple times\n\n${EXEC_USAGE}`,
  ],
  [
    "login --with-api-key --with-api-key",
    "error: the argument '--with-api-key' cannot be used multiple times\n\nUsage: codex login [OPTIONS] [COMMAND]",
  ],
  [
    "exec --full-auto --yolo",
    `error: the argument '--full-auto' cannot be used with '--dangerously-bypass-approvals-and-sandbox'\n\n${EXEC_USAGE}`,
  ],
  [
    "app-server --stdio --listen off",
    "error: the argument '--stdio' cannot be used with '--listen <URL>'\n\nUsage: codex app-server --stdio",
  ],
  [
    "exec resume --full-auto --yolo",
    "error: the argument '--full-auto' cannot be used with '--dangerously-bypass-approvals-and-sandbox'\n\nUsage: codex exec resume --full-auto [SESSION_ID] [PROMPT]",
  ],
  [
    "exec resume --lst",
    "error: unexpected argument '--lst' found\n\n  tip: a similar argument exists: '--last'\n\nUsage: codex exec resume --last [SESSION_ID] [PROMPT]",
  ],
  [
    "exec resume a b c",
    "error: unexpected argument 'c' found\n\nUsage: codex exec resume [OPTIONS] [SESSION_ID] [PROMPT]",
  ],
  ["exec a b", `error: unexpected argument 'b' found\n\n${EXEC_USAGE}`],
  ["exec -- --nope --foo", `error: unexpected argument '--foo' found\n\n${EXEC_USAGE}`],
  ["help nope", `error: unrecognized subcommand 'nope'\n\n${ROOT_USAGE}`],
  [
    "help exec resume nope",
    "error: unrecognized subcommand 'nope'\n\nUsage: codex exec resume [OPTIONS] [SESSION_ID] [PROMPT]",
  ],
];

Deno.test("parseCommandLine prints the error of clap for each mistake", () => {
  for (const [words, message] of goldenErrors) {
    assert.equal(errorOf(...words.split(" ")), message, words);
  }
});

Deno.test("parseCommandLine says which shells there are", () => {
  assert.equal(
    errorOf("completion", "tcsh"),
    "error: invalid value 'tcsh' for '[SHELL]'\n  [possible values: bash, zsh, fish]\n\n  tip: a similar value exists: 'zsh'",
  );
});

Deno.test("parseCommandLine says what was meant by a mistyped program", () => {
  assert.equal(
    errorOf("exce"),
    `error: unrecognized subcommand 'exce'\n\n  tip: some similar subcommands exist: 'exec-server', 'exec'\n\n${ROOT_USAGE}`,
  );
  assert.match(errorOf("appserver"), /a similar subcommand exists: 'app-server'/);
  // A prompt of several words, or one that is like nothing, is a prompt.
  assert.equal(argsOf("exce the tests").text("PROMPT"), "exce the tests");
  for (const word of ["refactor", "monitor"]) {
    assert.equal(argsOf(word).text("PROMPT"), word);
  }
  assert.match(errorOf("doctr"), /a similar subcommand exists: 'doctor'/);
});

Deno.test("parseCommandLine reads values in every spelling", () => {
  const spellings = [["-m", "gpt"], ["-mgpt"], ["-m=gpt"], ["--model", "gpt"], ["--model=gpt"]];
  for (const words of spellings) {
    assert.equal(argsOf("exec", ...words, "hi").text("model"), "gpt");
    assert.equal(argsOf(...words, "exec", "hi").text("model"), "gpt", "before the program");
  }
  assert.equal(argsOf("exec", "--model=-x").text("model"), "-x");
  assert.equal(argsOf("exec", "--model=").text("model"), "");
  assert.equal(argsOf("exec", "-m", "-").text("model"), "-");
  assert.equal(argsOf("exec", "-c", "a=b=c").text("config"), "a=b=c");
});

Deno.test("parseCommandLine keeps prompts as they are written", () => {
  assert.equal(argsOf("exec", "").text("PROMPT"), "");
  assert.equal(argsOf("exec", "-").text("PROMPT"), "-");
  assert.equal(argsOf("exec", "--", "--nope").text("PROMPT"), "--nope");
  assert.equal(argsOf("exec", "--", "resume").text("PROMPT"), "resume");
  assert.equal(argsOf("exec").text("PROMPT"), null);
});

Deno.test("parseCommandLine merges the flags of all levels, the deepest winning", () => {
  const args = argsOf(
    ..."-m a -c x=1 exec -m b -c y=2 --json resume -c z=3 --last again".split(" "),
  );
  assert.deepEqual(args.path, ["exec", "resume"]);
  assert.equal(args.text("model"), "b");
  assert.deepEqual(args.texts("config"), ["x=1", "y=2", "z=3"]);
  assert.ok(args.isSet("json") && args.isSet("last") && !args.isSet("all"));
  assert.equal(args.text("SESSION_ID"), "again");
  assert.equal(args.text("PROMPT"), null);
});

Deno.test("parseCommandLine accepts what the TypeScript SDK passes", () => {
  const args = argsOf(
    "exec",
    "--experimental-json",
    "--config",
    'model_reasoning_effort="high"',
    "--model",
    "m",
    "--thread-source",
    "sdk",
    "--sandbox",
    "workspace-write",
    "--cd",
    "/w",
    "--add-dir",
    "/a",
    "--add-dir",
    "/b",
    "--skip-git-repo-check",
    "--output-schema",
    "/s.json",
    "--cyber-access-program",
    "x",
    "resume",
    "id",
    "--image",
    "/1.png",
    "--image",
    "/2.png",
  );
  assert.ok(args.isSet("json"));
  assert.deepEqual(args.texts("add-dir"), ["/a", "/b"]);
  assert.deepEqual(args.texts("image"), ["/1.png", "/2.png"]);
  assert.equal(args.text("SESSION_ID"), "id");
  assert.equal(args.text("output-schema"), "/s.json");
});

Deno.test("parseCommandLine lets --image take several files", () => {
  const args = argsOf("exec", "-i", "a.png,b.png", "c.png", "--json", "look");
  assert.deepEqual(args.texts("image"), ["a.png", "b.png", "c.png"]);
  assert.equal(args.text("PROMPT"), "look");
  assert.equal(argsOf("exec", "resume", "id", "-i", "a.png", "look").text("PROMPT"), "look");
});

Deno.test("parseCommandLine finds help and version wherever they stand", () => {
  const pathOf = (...words: readonly string[]) => {
    const line = parseCommandLine(words);
    return line.type === "help" ? line.at.names.join(" ") : line.type;
  };
  assert.equal(pathOf("--help"), "codex");
  assert.equal(pathOf("help"), "codex");
  assert.equal(pathOf("help", "e", "resume"), "codex exec resume");
  assert.equal(pathOf("exec", "help", "resume"), "codex exec resume");
  assert.equal(pathOf("exec", "-hZ"), "codex exec");
  assert.equal(pathOf("login", "-h", "status"), "codex login");
  assert.equal(pathOf("--model=", "--version"), "version");
  assert.equal(pathOf("exec", "-Vh"), "version");
});

Deno.test("parseCommandLine takes --verbose beside --version only", () => {
  const verbose = { type: "version", isVerbose: true };
  for (
    const line of ["--version --verbose", "-V --verbose", "--verbose -V", "--verbose --version"]
  ) {
    assert.deepEqual(parseCommandLine(line.split(" ")), verbose, line);
  }
  assert.deepEqual(parseCommandLine(["-V"]), { type: "version", isVerbose: false });
  const told = /^error: the following required arguments were not provided:\n {2}--version\n/;
  for (const line of ["--verbose", "--verbose hello", "--verbose login status"]) {
    assert.throws(
      () => parseCommandLine(line.split(" ")),
      { name: "CliError", message: told },
      line,
    );
  }
});

Deno.test("parseCommandLine shows the help of a program that needs a subcommand", () => {
  assert.throws(() => parseCommandLine(["features"]), (error) => {
    assert.ok(error instanceof CliError && error.exitCode === 2);
    assert.match(
      error.message,
      /^Show feature flags\n\nUsage: codex features \[OPTIONS\] <COMMAND>/,
    );
    return true;
  });
});

/** Every command with the words that lead to it. */
function commandsOf(
  command: Command = CODEX,
  words: readonly string[] = [],
): readonly (readonly [readonly string[], Command])[] {
  const inner = (command.commands ?? []).flatMap((one) => commandsOf(one, [...words, one.name]));
  return [[words, command], ...inner];
}

function requiredWords(command: Command | undefined): readonly string[] {
  return (command?.positionals ?? []).flatMap(({ required }) => required ? ["x"] : []);
}

Deno.test("every flag of the table is accepted in each spelling and has a doc", () => {
  for (const [words, command] of commandsOf()) {
    const names = allFlags(command).flatMap((flag) => [flag.name, ...(flag.aliases ?? [])]);
    const shorts = allFlags(command).flatMap((flag) => flag.short ?? []);
    assert.equal(new Set(names).size, names.length, `${words}: two flags of one name`);
    assert.equal(new Set(shorts).size, shorts.length, `${words}: two flags of one letter`);
    for (const flag of command.flags) {
      assert.ok(flag.doc !== "" && !flag.doc.endsWith("."), flag.name);
      // `--version` ends every parse, so there are no arguments to look at.
      if (flag.requires === VERSION_FLAG || flag.refused !== undefined) continue;
      const value = flag.value === undefined
        ? []
        : [flag.choices?.[0] ?? ["1", "1h", "stdio://"].find((text) => flag.check?.(text) === null)]
          .map((text) => text ?? "x");
      const required = command.flags.filter((one) => one.required && one !== flag)
        .flatMap((one) => [`--${one.name}`, "x"]);
      if (flag.requires) required.push(`--${flag.requires.name}`);
      const child = command.requiresCommand
        ? [command.commands?.[0]?.name ?? "", ...requiredWords(command.commands?.[0])]
        : requiredWords(command);
      const spellings = [flag.name, ...(flag.aliases ?? [])].map((name) => `--${name}`);
      if (flag.short) spellings.push(`-${flag.short}`);
      for (const spelling of spellings) {
        const args = argsOf(...words, ...required, spelling, ...value, ...child);
        assert.deepEqual(args.texts(flag.name), flag.value === undefined ? [""] : value, spelling);
      }
      if (flag.value !== undefined) {
        const attached = argsOf(...words, ...required, `--${flag.name}=${value[0]}`, ...child);
        assert.deepEqual(attached.texts(flag.name), value);
      }
    }
  }
});

Deno.test("a command of the sandbox takes all words from the first that is no flag", () => {
  const commandOf = (...words: string[]) => argsOf("sandbox", ...words).texts("COMMAND");
  assert.deepEqual(commandOf("ls", "-la", "--", "--help"), ["ls", "-la", "--", "--help"]);
  assert.deepEqual(commandOf("--full-auto", "ls", "--full-auto"), ["ls", "--full-auto"]);
  assert.deepEqual(commandOf("--", "--full-auto"), ["--full-auto"]);
  assert.deepEqual(commandOf("--", "linux", "x"), ["linux", "x"]);
  assert.deepEqual(commandOf("linux", "--full-auto", "linux", "-x"), ["linux", "-x"]);
  assert.deepEqual(commandOf("seatbelt"), []);
  assert.deepEqual(commandOf("-"), ["-"]);
  assert.deepEqual(argsOf("sandbox", "linux", "x").path, ["sandbox", "linux"]);
  assert.ok(!argsOf("sandbox", "ls", "--full-auto").isSet("full-auto"));
});

Deno.test("parseCommandLine gives a result or a usage error for any words", () => {
  const vocabulary = commandsOf().flatMap(([words, command]) => [
    ...words,
    ...allFlags(command).flatMap((flag) => [
      `--${flag.name}`,
      `--${flag.name}=`,
      `-${flag.short ?? "?"}x`,
      ...(flag.choices ?? []),
    ]),
  ]);
  const word = fc.oneof(
    fc.constantFrom(...vocabulary, "--", "-", "", "--=", "-=", "help", "constructor", "__proto__"),
    fc.string({ unit: "binary", maxLength: 6 }).map((text) => `-${text}`),
    fc.string({ unit: "binary", maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      try {
        parseCommandLine(words);
      } catch (error) {
        assert.ok(error instanceof CliError && error.exitCode === 2, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("Args refuses the name of a flag that does not exist", () => {
  assert.throws(() => argsOf("login").text("modle"), /no flag or argument named modle/);
});
