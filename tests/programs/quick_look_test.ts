/** Tests that the cheap look before the screen never overlooks a question, and spares the common starts one. */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import type { Args } from "../../src/cli/args.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { configFromArgs } from "../../src/programs/config_options.ts";
import { askForModel } from "../../src/programs/first_questions/model.ts";
import { askForTrust } from "../../src/programs/first_questions/trust.ts";
import { isSettled } from "../../src/programs/tui/quick_look.ts";
import { realClock } from "../exec/real_clock.ts";
import { withTempDir } from "../store/temp_dir.ts";

interface Start {
  readonly config?: string | undefined;
  readonly auth?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly words?: readonly string[];
}

/** The command line, home and folder of a start. */
function prepare(
  dir: string,
  { config, auth, env = {}, words = [] }: Start,
): { readonly args: Args; readonly host: { env: Record<string, string>; cwd: string } } {
  const home = join(dir, "home");
  Deno.mkdirSync(join(dir, "project", ".git"), { recursive: true });
  Deno.mkdirSync(join(dir, "project", "in"), { recursive: true });
  Deno.mkdirSync(home, { recursive: true });
  Deno.removeSync(home, { recursive: true });
  Deno.mkdirSync(home);
  for (const [name, text] of [["config.toml", config], ["auth.json", auth]] as const) {
    if (text !== undefined) Deno.writeTextFileSync(join(home, name), text);
  }
  const line = parseCommandLine(words);
  if (line.type !== "run") return assert.fail();
  return {
    args: line.args,
    host: { env: { ...env, CODEX_HOME: home }, cwd: join(dir, "project", "in") },
  };
}

const KEY = '{"auth_mode":"apikey","OPENAI_API_KEY":"sk-x"}';
function trust(path: string, level = "trusted"): string {
  return `[projects.${JSON.stringify(path)}]\ntrust_level = "${level}"\n`;
}

Deno.test("common starts need no second look", () =>
  withTempDir(async (dir) => {
    const root = await Deno.realPath(dir);
    const trusted = trust(`${root}/project`);
    const settled: readonly Start[] = [
      { config: trusted, env: { OPENAI_API_KEY: "sk-x" } },
      { config: trusted, env: { CODEX_API_KEY: "sk-x" } },
      { config: `# c\nmodel = "x"\n\n${trusted}`, auth: KEY },
      { config: `model_provider = "demo"\n${trust(`${root}/project/in`, "untrusted")}` },
      { config: `model_provider="ollama" # c\n[tui]\nx = 1\n${trusted}`, words: ["-c", "model=y"] },
      { config: 'model_provider = "lmstudio"', words: ["--yolo"] },
      { auth: KEY, config: "", words: ["-a", "never", "-s", "read-only", "hello"] },
    ];
    for (const start of settled) {
      const { args, host } = prepare(root, start);
      assert.ok(isSettled(args, host), JSON.stringify(start));
    }
    const open: readonly Start[] = [
      {},
      { auth: KEY, config: "" },
      { auth: "{}", config: trusted },
      { auth: KEY, config: trust("/elsewhere") },
      { auth: KEY, config: trust(`${root}/project`).replace('trusted"', 'other"') },
      { auth: KEY, config: trusted, words: ["-c", "model_provider=x"] },
      { auth: KEY, config: trusted, words: ["-p", "x"] },
      { auth: KEY, config: trusted, words: ["-C", root] },
      { config: `[model_providers.openai]\nenv_key = "X"\n${trusted}`, auth: KEY },
    ];
    for (const start of open) {
      const { args, host } = prepare(root, start);
      assert.ok(!isSettled(args, host), JSON.stringify(start));
    }
  }));

Deno.test("where the cheap look finds nothing to ask, the configuration has nothing to ask either", () =>
  withTempDir(async (dir) => {
    const root = await Deno.realPath(dir);
    const line = fc.constantFrom(
      ...['model_provider = "demo"', "model_provider = 'openai'", 'model_provider = "own"'],
      ...['model = "x"', '# model_provider = "demo"', "", "[tui]", "[profiles.p]", 'profile = "p"'],
      ...[trust(`${root}/project`), trust(`${root}/project/in`, "untrusted"), trust("/other")],
      ...['project_root_markers = ["other"]', '[model_providers.own]\nbase_url = "http://x"'],
      ...['env_key = "KEY"', "requires_openai_auth = true", `# ${trust(`${root}/project`)}`],
    );
    const words = fc.constantFrom<readonly string[]>(
      ...[[], ["--yolo"], ["--oss"], ["-p", "p"], ["-c", "model_provider=openai"], ["-C", root]],
      ...[["-c", "projects={}"], ["-s", "read-only"], ["-s", "read-only", "-a", "never"]],
    );
    let settledCount = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 5 }),
        fc.constantFrom(undefined, KEY, "{}", "nonsense"),
        fc.constantFrom({}, { OPENAI_API_KEY: "sk-x" }, { OPENAI_API_KEY: " " }),
        words,
        async (lines, auth, env, words) => {
          const { args, host } = prepare(root, { config: lines.join("\n"), auth, env, words });
          if (!isSettled(args, host)) return;
          settledCount++;
          const config = await configFromArgs(args, host).catch(() => null);
          // What is wrong with it is told by the server.
          if (config === null) return;
          const prompt = () => assert.fail("asked");
          await askForModel(config, { host: { env: host.env, clock: realClock }, prompt });
          await askForTrust(config, { args, prompt });
        },
      ),
      { numRuns: 400 },
    );
    assert.ok(settledCount > 20, String(settledCount));
  }));
