/** What was shown for approval is what runs: attacks on the time between the question and its answer. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { call, say } from "../support/scripted_model.ts";
import { startServer, type TestServer, text } from "../support/server.ts";
import { exists } from "../support/exists.ts";

/** Runs one command that is accepted after `meanwhile`; gives what the model was told. */
async function accepted(
  server: TestServer,
  options: { readonly input: Record<string, unknown>; meanwhile(): Promise<void> },
): Promise<string> {
  server.model.push(call("exec_command", options.input), say("Done"));
  const client = await server.connect();
  const shown: string[] = [];
  client.onRequest("item/commandExecution/requestApproval", async ({ cwd }) => {
    shown.push(String(cwd));
    await options.meanwhile();
    return { decision: "accept" };
  });
  const { thread } = await client.request("thread/start", {});
  await client.request("turn/start", { threadId: thread.id, input: text("go") });
  await client.next("turn/completed");
  assert.equal(shown.length, 1);
  return JSON.stringify((await server.model.request(1)).input.at(-1));
}

Deno.test("a folder that is replaced by a link while a person thinks runs nothing", async () => {
  await using server = await startServer();
  const [inside, outside] = [join(server.project, "inside"), join(server.home, "outside")];
  await Deno.mkdir(inside);
  await Deno.mkdir(outside);
  const told = await accepted(server, {
    input: { cmd: "touch made", workdir: "inside" },
    meanwhile: async () => {
      await Deno.remove(inside);
      await Deno.symlink(outside, inside);
    },
  });
  assert.match(told, /The working directory was replaced while the user was asked/);
  assert.equal(await exists(join(outside, "made")), false);
});

Deno.test("a folder on the way that is replaced counts as well", async () => {
  await using server = await startServer();
  const [above, elsewhere] = [join(server.project, "above"), join(server.home, "elsewhere")];
  await Deno.mkdir(join(above, "inside"), { recursive: true });
  await Deno.mkdir(join(elsewhere, "inside"), { recursive: true });
  const told = await accepted(server, {
    input: { cmd: "touch made", workdir: "above/inside" },
    meanwhile: async () => {
      await Deno.rename(above, join(server.project, "moved"));
      await Deno.symlink(elsewhere, above);
    },
  });
  assert.match(told, /The working directory was replaced/);
  assert.equal(await exists(join(elsewhere, "inside", "made")), false);
});

Deno.test("a configuration that changes while a person thinks changes neither shell nor environment", async () => {
  await using server = await startServer({
    config: '[shell_environment_policy]\nset = { NAME = "shown" }\n',
  });
  const told = await accepted(server, {
    input: { cmd: "echo name=$NAME" },
    meanwhile: async () => {
      const path = join(server.home, "home", "config.toml");
      const config = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, config.replace('"shown"', '"other"'));
    },
  });
  assert.match(told, /name=shown/);
});
