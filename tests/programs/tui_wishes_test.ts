/** Tests what of a command line reaches a server as wishes for its threads. */
import assert from "node:assert/strict";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { ownWishes, remoteWishes } from "../../src/programs/tui/wishes.ts";

function argsOf(words: readonly string[]) {
  const line = parseCommandLine(words);
  return line.type === "run" ? line.args : assert.fail(line.type);
}

function none(): Promise<null> {
  return Promise.resolve(null);
}

Deno.test("every flag about the agent is a wish for a server elsewhere", async () => {
  const quoted = 'projects."/a.b".trust_level="trusted"';
  const servers = 'mcp_servers={"a.b"={command="x"}}';
  for (
    const [words, wishes] of [
      [[], {}],
      [["-m", "m"], { model: "m" }],
      [["-c", "model=m", "-m", "n"], { model: "n" }],
      [["-s", "read-only"], { sandbox: "read-only" }],
      [["-a", "untrusted"], { approvalPolicy: "untrusted" }],
      [["--full-auto"], { sandbox: "workspace-write", approvalPolicy: "on-request" }],
      [["--yolo"], { sandbox: "danger-full-access", approvalPolicy: "never" }],
      [["-C", "box/src"], { cwd: "box/src" }],
      [["--search"], { config: { web_search: "live" } }],
      [["-p", "quick"], { config: { profile: "quick" } }],
      [["--add-dir", "/x", "--add-dir", "y"], {
        config: { "sandbox_workspace_write.writable_roots": ["/x", "y"] },
      }],
      [["--enable", "memories"], { config: { "features.memories": true } }],
      [["-c", "model_provider=p", "-c", "a.b=1"], {
        modelProvider: "p",
        config: { "a.b": 1 },
      }],
      [["-c", quoted], { config: { projects: { "/a.b": { trust_level: "trusted" } } } }],
      [["-c", servers], { config: { mcp_servers: { "a.b": { command: "x" } } } }],
      [["--local-provider", "lmstudio"], {
        model: "openai/gpt-oss-20b",
        modelProvider: "lmstudio",
      }],
      [["--oss", "-m", "m"], { model: "m", modelProvider: "ollama" }],
    ] as const
  ) {
    for (const program of [[], ["resume"], ["fork"]]) {
      assert.deepEqual(
        await remoteWishes(argsOf([...program, ...words]), none),
        wishes,
        words.join(" "),
      );
    }
  }
  const oss = await remoteWishes(argsOf(["--oss"]), () => Promise.resolve("lmstudio"));
  assert.deepEqual(oss, { model: "openai/gpt-oss-20b", modelProvider: "lmstudio" });
});

Deno.test("a value that no server would take is told before one is asked", async () => {
  await assert.rejects(
    remoteWishes(argsOf(["-c", "approval_policy=sometimes"]), none),
    /sometimes/,
  );
  await assert.rejects(remoteWishes(argsOf(["--enable", "nosuch"]), none), /nosuch/);
});

Deno.test("a server of our own is told again what an earlier thread would decide", async () => {
  const wishes = (words: readonly string[], overrides: readonly string[] = []) =>
    ownWishes(argsOf(words), { host: { cwd: "/here" }, overrides });
  assert.deepEqual(await wishes(["-m", "m", "-C", "in"]), {});
  assert.deepEqual(await wishes(["resume", "--last", "-s", "read-only"]), {});
  assert.deepEqual(await wishes(["resume", "-m", "m", "-C", "in"]), {
    model: "m",
    cwd: "/here/in",
  });
  assert.deepEqual(await wishes(["fork", "--last", "-c", "model_provider=p"]), {
    modelProvider: "p",
  });
  assert.deepEqual(await wishes(["resume", "--oss"], ['oss_provider="lmstudio"', 'model="x"']), {
    model: "x",
    modelProvider: "lmstudio",
  });
  assert.deepEqual(await wishes(["resume"], ['model_provider="demo"']), { modelProvider: "demo" });
});
