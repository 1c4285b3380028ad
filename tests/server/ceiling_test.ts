/** `max_sandbox` over the wire: every way in which a client could reach more than the server allows. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Client } from "../../src/client/client.ts";
import type { SandboxMode, SandboxPolicy } from "../../src/protocol/policy.ts";
import { workingBackends } from "../exec/sandbox/test_sandbox.ts";
import { call, custom, say, type ScriptedAnswer } from "../support/scripted_model.ts";
import { startServer, type TestServer, text } from "../support/server.ts";
import { Recorder } from "./recorder.ts";
import { exists } from "./turn_steps.ts";

const HAS_SANDBOX = (await workingBackends()).length > 0;
const READ_ONLY: SandboxPolicy = { type: "readOnly", networkAccess: false };
const WORKSPACE: SandboxPolicy = {
  type: "workspaceWrite",
  writableRoots: [],
  networkAccess: false,
  excludeTmpdirEnvVar: false,
  excludeSlashTmp: false,
};

/** A server whose clients reach at most `mode`; its own configuration asks for full access. */
function capped(mode: SandboxMode, responses: readonly ScriptedAnswer[] = [], more = "") {
  return startServer({ responses, config: `app_server.max_sandbox = "${mode}"\n${more}` });
}

/** What a wish comes to: the policy that the thread then has, or the reason why it was refused. */
type Outcome = SandboxPolicy | RegExp;

/** One way to ask for a policy. Each gets a thread of its own, which is read-only before. */
interface Path {
  readonly name: string;
  ask(
    client: Client,
    context: { readonly threadId: string; readonly project: string },
  ): Promise<SandboxPolicy>;
}

const FULL: SandboxPolicy = { type: "dangerFullAccess" };
const EXTERNAL: SandboxPolicy = { type: "externalSandbox", networkAccess: "enabled" };

/** The policy that the next turn of a thread would have, as a resume of it tells. */
async function policyOf(client: Client, threadId: string): Promise<SandboxPolicy> {
  return (await client.request("thread/resume", { threadId })).sandbox;
}

function turnWith(sandboxPolicy: SandboxPolicy): Path["ask"] {
  return async (client, { threadId }) => {
    const recorder = new Recorder(client);
    const params = { threadId, input: text("hi"), sandboxPolicy };
    const { turn } = await client.request("turn/start", params);
    await recorder.until("turn/completed", (completed) => completed.turn.id === turn.id);
    return await policyOf(client, threadId);
  };
}

/** Each way, with what it comes to under a ceiling of read-only and of workspace-write. */
const PATHS: readonly (Path & { readonly readOnly: Outcome; readonly workspace: Outcome })[] = [
  {
    name: "the configuration alone is cut down",
    ask: async (client) => (await client.request("thread/start", {})).sandbox,
    readOnly: READ_ONLY,
    workspace: WORKSPACE,
  },
  {
    name: "thread/start sandbox",
    ask: async (client) =>
      (await client.request("thread/start", { sandbox: "danger-full-access" })).sandbox,
    readOnly: /read-only at most, which excludes the sandbox policy dangerFullAccess/,
    workspace: /workspace-write at most, which excludes the sandbox policy dangerFullAccess/,
  },
  {
    name: "thread/start sandbox workspace-write",
    ask: async (client) =>
      (await client.request("thread/start", { sandbox: "workspace-write" })).sandbox,
    readOnly:
      /the sandbox policy workspaceWrite; ask for less, or start the server with a wider --max-/,
    workspace: WORKSPACE,
  },
  {
    name: "thread/start config",
    ask: async (client) =>
      (await client.request("thread/start", { config: { sandbox_mode: "danger-full-access" } }))
        .sandbox,
    readOnly: /excludes the sandbox policy dangerFullAccess/,
    workspace: /excludes the sandbox policy dangerFullAccess/,
  },
  {
    name: "thread/start config max_sandbox",
    ask: async (client) => {
      const config = { "app_server.max_sandbox": "danger-full-access" };
      return (await client.request("thread/start", { config, sandbox: "danger-full-access" }))
        .sandbox;
    },
    readOnly: /excludes the sandbox policy dangerFullAccess/,
    workspace: /excludes the sandbox policy dangerFullAccess/,
  },
  {
    name: "thread/start config writable_roots and network",
    ask: async (client) => {
      const config = {
        "sandbox_workspace_write.writable_roots": ["/var"],
        "sandbox_workspace_write.network_access": true,
      };
      return (await client.request("thread/start", { config, sandbox: "workspace-write" })).sandbox;
    },
    readOnly: /excludes the sandbox policy workspaceWrite/,
    workspace: /excludes writing in \/var \(writable at most: .*excludes network access/,
  },
  {
    name: "thread/start cwd",
    ask: async (client) =>
      (await client.request("thread/start", { sandbox: "workspace-write", cwd: "/var" })).sandbox,
    readOnly: /excludes the sandbox policy workspaceWrite/,
    workspace: /excludes writing in \/var \(/,
  },
  {
    name: "thread/start cwd without a word about the sandbox is cut down",
    ask: async (client) => (await client.request("thread/start", { cwd: "/var" })).sandbox,
    readOnly: READ_ONLY,
    workspace: READ_ONLY,
  },
  {
    name: "thread/fork sandbox",
    ask: async (client, { threadId }) => {
      await turnWith(READ_ONLY)(client, { threadId, project: "" });
      return (await client.request("thread/fork", { threadId, sandbox: "danger-full-access" }))
        .sandbox;
    },
    readOnly: /excludes the sandbox policy dangerFullAccess/,
    workspace: /excludes the sandbox policy dangerFullAccess/,
  },
  {
    name: "thread/fork config",
    ask: async (client, { threadId }) => {
      await turnWith(READ_ONLY)(client, { threadId, project: "" });
      const config = { "sandbox_workspace_write.writable_roots": ["/"] };
      return (await client.request("thread/fork", { threadId, config, sandbox: "workspace-write" }))
        .sandbox;
    },
    readOnly: /excludes the sandbox policy workspaceWrite/,
    workspace: /excludes writing in \/ \(/,
  },
  {
    name: "turn/start dangerFullAccess",
    ask: turnWith(FULL),
    readOnly: /excludes the sandbox policy dangerFullAccess/,
    workspace: /excludes the sandbox policy dangerFullAccess/,
  },
  {
    name: "turn/start externalSandbox",
    ask: turnWith(EXTERNAL),
    readOnly: /excludes the sandbox policy externalSandbox/,
    workspace: /excludes the sandbox policy externalSandbox/,
  },
  {
    name: "turn/start readOnly with the network",
    ask: turnWith({ type: "readOnly", networkAccess: true }),
    readOnly: /excludes network access/,
    workspace: /excludes network access/,
  },
  {
    name: "turn/start workspaceWrite with a root outside",
    ask: turnWith({ ...WORKSPACE, writableRoots: ["/etc"] }),
    readOnly: /excludes the sandbox policy workspaceWrite/,
    workspace: /excludes writing in \/etc \(/,
  },
  {
    name: "turn/start workspaceWrite",
    ask: turnWith(WORKSPACE),
    readOnly: /excludes the sandbox policy workspaceWrite/,
    workspace: WORKSPACE,
  },
  {
    name: "turn/start readOnly",
    ask: turnWith(READ_ONLY),
    readOnly: READ_ONLY,
    workspace: READ_ONLY,
  },
];

for (const mode of ["read-only", "workspace-write"] as const) {
  for (const path of PATHS) {
    Deno.test(`under a ceiling of ${mode}: ${path.name}`, async () => {
      await using server = await capped(mode, [say("one"), say("two")]);
      const client = await server.connect();
      const { thread } = await client.request("thread/start", { sandbox: "read-only" });
      const expected = mode === "read-only" ? path.readOnly : path.workspace;
      const asked = path.ask(client, { threadId: thread.id, project: server.project });
      if (!(expected instanceof RegExp)) return assert.deepEqual(await asked, expected);
      await assert.rejects(asked, (error: Error & { code?: number; data?: unknown }) => {
        assert.match(error.message, expected);
        assert.equal(error.code, -32600);
        assert.deepEqual(error.data, { reason: "aboveCeiling" });
        return true;
      });
      assert.deepEqual(await policyOf(client, thread.id), READ_ONLY, "nothing has changed");
    });
  }
}

Deno.test("without a ceiling, on a listener of this machine, everything can be reached", async () => {
  await using server = await startServer({ responses: [say("one")] });
  const client = await server.connect();
  const opened = await client.request("thread/start", { cwd: "/var" });
  assert.deepEqual(opened.sandbox, FULL);
  const { thread } = await client.request("thread/start", { sandbox: "read-only" });
  assert.deepEqual(await turnWith(FULL)(client, { threadId: thread.id, project: "" }), FULL);
});

Deno.test("a thread of an earlier server is resumed within the ceiling of this one", async () => {
  const home = await Deno.makeTempDir({ prefix: "codex-test-" });
  try {
    const config = 'app_server.max_sandbox = "workspace-write"\n';
    let threadId = "";
    {
      await using server = await startServer({ home, config: "", responses: [say("one")] });
      const client = await server.connect();
      const { thread, sandbox } = await client.request("thread/start", {});
      assert.deepEqual(sandbox, FULL);
      threadId = thread.id;
      await new Recorder(client).turn(threadId, "hi");
    }
    await using server = await startServer({ home, config });
    const client = await server.connect();
    const wish = client.request("thread/resume", { threadId, sandbox: "danger-full-access" });
    await assert.rejects(wish, /excludes the sandbox policy dangerFullAccess/);
    assert.deepEqual(await policyOf(client, threadId), WORKSPACE);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

/** One turn in which the model asks for more, with a person who accepts everything. */
async function acceptedTurn(
  server: TestServer,
  sandbox: SandboxMode,
): Promise<{ readonly asked: number; readonly outputs: readonly string[] }> {
  const client = await server.connect();
  let asked = 0;
  client.onRequest("item/commandExecution/requestApproval", () => {
    asked++;
    const execpolicy_amendment = ["touch"];
    return { decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment } } };
  });
  client.onRequest("item/fileChange/requestApproval", () => {
    asked++;
    return { decision: "accept" };
  });
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", {
    approvalPolicy: "on-request",
    sandbox,
  });
  await recorder.turn(thread.id, "work");
  const input = server.model.requests.at(-1)?.input ?? [];
  const outputs = input.flatMap((item) =>
    "output" in item && typeof item.output === "string" ? [item.output] : []
  );
  return { asked, outputs };
}

function escalated(cmd: string): ScriptedAnswer {
  return call("exec_command", {
    cmd,
    login: false,
    sandbox_permissions: "require_escalated",
    justification: "May I?",
  });
}

Deno.test({
  name: "an escalation never passes the ceiling, whoever accepts it and whatever the rules say",
  ignore: !HAS_SANDBOX,
  fn: async () => {
    const outside = await Deno.makeTempDir({ dir: "/var/tmp" });
    try {
      const commands = [escalated(`touch ${outside}/made`), escalated("touch made")];
      const cases: [
        SandboxMode,
        SandboxMode,
        { asked: number; inside: boolean; outside: boolean },
      ][] = [
        ["read-only", "read-only", { asked: 0, inside: false, outside: false }],
        // Wider than the thread, so it is worth asking; the first answer is a rule for the second.
        ["workspace-write", "read-only", { asked: 1, inside: true, outside: false }],
        ["workspace-write", "workspace-write", { asked: 0, inside: false, outside: false }],
        ["danger-full-access", "read-only", { asked: 1, inside: true, outside: true }],
      ];
      for (const [ceiling, sandbox, expected] of cases) {
        await using server = await capped(ceiling, [...commands, say("Done")]);
        const { asked } = await acceptedTurn(server, sandbox);
        const inside = await exists(join(server.project, "made"));
        const name = `${sandbox} under ${ceiling}`;
        assert.deepEqual(
          { asked, inside, outside: await exists(join(outside, "made")) },
          expected,
          name,
        );
        await Deno.remove(join(outside, "made")).catch(() => undefined);
      }
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  },
});

/** What clients let run and write without a model: each tries to make files inside and outside. */
const DIRECT: readonly {
  readonly name: string;
  make(client: Client, path: string): Promise<unknown>;
}[] = [
  {
    name: "command/exec without a policy",
    make: (client, path) => client.request("command/exec", { command: ["touch", path] }),
  },
  {
    name: "command/exec with full access",
    make: (client, path) =>
      client.request("command/exec", { command: ["touch", path], sandboxPolicy: FULL }),
  },
  {
    name: "command/exec with a root outside",
    make: (client, path) =>
      client.request("command/exec", {
        command: ["touch", path],
        sandboxPolicy: { ...WORKSPACE, writableRoots: ["/"] },
      }),
  },
  {
    name: "command/exec with a preloaded library",
    make: (client, path) =>
      client.request("command/exec", {
        command: ["touch", path],
        env: { LD_PRELOAD: path, BASH_ENV: path, ENV: path },
      }),
  },
  {
    name: "thread/shellCommand",
    make: async (client, path) => {
      const recorder = new Recorder(client);
      const { thread } = await client.request("thread/start", { sandbox: "read-only" });
      await client.request("thread/shellCommand", {
        threadId: thread.id,
        command: `touch ${path}`,
      });
      await recorder.until("turn/completed");
    },
  },
  {
    name: "fs/writeFile",
    make: (client, path) => client.request("fs/writeFile", { path, dataBase64: "" }),
  },
];

for (const { name, make } of DIRECT) {
  Deno.test({
    name: `${name} never passes the ceiling`,
    ignore: !HAS_SANDBOX,
    fn: async () => {
      const outside = await Deno.makeTempDir({ dir: "/var/tmp" });
      try {
        for (const mode of ["read-only", "workspace-write", "danger-full-access"] as const) {
          await using server = await capped(mode);
          const client = await server.connect();
          const made = async (folder: string) => {
            // Some refuse, some run and fail: the disk tells.
            await make(client, join(folder, "made")).catch(() => undefined);
            const isMade = await exists(join(folder, "made"));
            if (isMade) await Deno.remove(join(folder, "made"));
            return isMade;
          };
          const found = [await made(server.project), await made(outside)];
          const isOpen = mode === "danger-full-access";
          // What asks for more than there is gets nothing at all.
          const isRefused = /full access|root outside/.test(name);
          const inside = isOpen || (mode === "workspace-write" && !isRefused);
          assert.deepEqual(found, [inside, isOpen], mode);
        }
      } finally {
        await Deno.remove(outside, { recursive: true });
      }
    },
  });
}

Deno.test("a patch never passes the ceiling, also when a person would accept it", async () => {
  const outside = await Deno.makeTempDir({ dir: "/var/tmp" });
  const patch = (name: string) => `*** Begin Patch\n*** Add File: ${name}\n+x\n*** End Patch`;
  try {
    for (const mode of ["read-only", "workspace-write"] as const) {
      const calls = [
        custom("apply_patch", patch(`${outside}/made`)),
        custom("apply_patch", patch("made")),
      ];
      await using server = await capped(mode, [...calls, say("Done")]);
      const { asked, outputs } = await acceptedTurn(server, "read-only");
      assert.match(outputs[0] ?? "", /^patch rejected: the server lets nobody write there/);
      assert.equal(await exists(join(outside, "made")), false);
      const isInside = mode === "workspace-write";
      assert.equal(asked, isInside ? 1 : 0);
      assert.equal(await exists(join(server.project, "made")), isInside);
    }
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});

Deno.test({
  name: "a turn or a resume that moves to another folder takes no writing along",
  ignore: !HAS_SANDBOX,
  fn: async () => {
    const outside = await Deno.makeTempDir({ dir: "/var/tmp" });
    const patch = "*** Begin Patch\n*** Add File: patched\n+x\n*** End Patch";
    const ways: readonly ((client: Client, threadId: string) => Promise<unknown>)[] = [
      (client, threadId) =>
        client.request("turn/start", { threadId, input: text("go"), cwd: outside }),
      (client, threadId) =>
        client.request("turn/start", {
          threadId,
          input: text("go"),
          cwd: outside,
          sandboxPolicy: WORKSPACE,
        }),
      async (client, threadId) => {
        await client.request("thread/unsubscribe", { threadId });
        await client.request("thread/resume", {
          threadId,
          cwd: outside,
          sandbox: "workspace-write",
        });
        await client.request("turn/start", { threadId, input: text("go") });
      },
      async (client, threadId) => {
        const forked = { threadId, cwd: outside };
        const { thread } = await client.request("thread/fork", forked);
        await client.request("turn/start", { threadId: thread.id, input: text("go") });
      },
    ];
    try {
      for (const [index, way] of ways.entries()) {
        await using server = await capped("workspace-write", [
          say("Hello"),
          call("exec_command", { cmd: `touch ran ${outside}/ran`, login: false }),
          custom("apply_patch", patch),
          say("Done"),
        ]);
        const client = await server.connect();
        client.onRequest("item/fileChange/requestApproval", () => ({ decision: "accept" }));
        client.onRequest("item/commandExecution/requestApproval", () => ({ decision: "accept" }));
        const recorder = new Recorder(client);
        const { thread } = await client.request("thread/start", {
          approvalPolicy: "on-request",
          sandbox: "workspace-write",
        });
        await recorder.turn(thread.id, "hello");
        const isRefused = await way(client, thread.id).then(() => false, () => true);
        const wasAsked = () => server.model.requests.length === 4;
        if (!isRefused) await recorder.until("turn/completed", wasAsked);
        assert.deepEqual([...Deno.readDirSync(outside)], [], `way ${index}`);
      }
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  },
});

Deno.test({
  name: "a folder that becomes a link after it was accepted is not written through",
  ignore: !HAS_SANDBOX,
  fn: async () => {
    const outside = await Deno.makeTempDir({ dir: "/var/tmp" });
    try {
      const command = call("exec_command", { cmd: "touch made", login: false });
      let folder = "";
      const swap = () => {
        Deno.removeSync(folder);
        Deno.symlinkSync(outside, folder);
        return command;
      };
      await using server = await capped("workspace-write", [swap, say("Done")]);
      folder = join(server.project, "work");
      await Deno.mkdir(folder);
      const client = await server.connect();
      const recorder = new Recorder(client);
      const never = { approvalPolicy: "never", sandbox: "workspace-write" } as const;
      const { thread } = await client.request("thread/start", { ...never, cwd: folder });
      await recorder.turn(thread.id, "work");
      assert.match(
        JSON.stringify(server.model.requests[1]?.input),
        /workspace-write at most, which excludes writing in \/var\/tmp\//,
      );
      assert.equal(await exists(join(outside, "made")), false);
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  },
});
