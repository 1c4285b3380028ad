/** The sandbox in real turns: what a client is told is what a command meets, tried by attack. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Client, Notification } from "../../src/client/client.ts";
import type { ModelRequest } from "../../src/agent/model/port.ts";
import { BACKEND_NAMES, type BackendName } from "../../src/exec/sandbox/backend.ts";
import type { SandboxMode, SandboxPolicy } from "../../src/protocol/policy.ts";
import type { Params } from "../../src/protocol/mod.ts";
import { onlyBackends, workingBackends } from "../exec/sandbox/test_sandbox.ts";
import { call, say } from "../support/scripted_model.ts";
import { startServer, type TestServer, type TestServerOptions } from "../support/server.ts";
import { completedItems, paramsOf, Recorder } from "./recorder.ts";
import { exists } from "./turn_steps.ts";

const WORKING = await workingBackends();
const KEY = "sk-test-of-the-home-1234567890";

interface Ran {
  /** What the model reads of each call. */
  readonly outputs: readonly string[];
  readonly events: readonly Notification[];
  /** What the client was told when the thread began. */
  readonly told: SandboxPolicy;
  readonly server: TestServer;
}

/** One turn in which the model runs scripts one after the other; the server is up while `check` looks around. */
async function runScripts(
  scripts: readonly (string | Record<string, unknown>)[],
  options: TestServerOptions & {
    readonly start: Params<"thread/start"> | ((server: TestServer) => Params<"thread/start">);
    readonly prepare?: (server: TestServer) => Promise<void>;
    readonly answer?: (client: Client) => void;
    readonly check: (ran: Ran) => Promise<void> | void;
  },
): Promise<void> {
  const { start, prepare, answer, check, ...rest } = options;
  const calls = scripts.map((script) =>
    call("exec_command", typeof script === "string" ? { cmd: script, login: false } : script)
  );
  await using server = await startServer({ ...rest, responses: [...calls, say("Done")] });
  await Deno.writeTextFile(join(server.home, "home/auth.json"), `{"OPENAI_API_KEY":"${KEY}"}`);
  await prepare?.(server);
  const client = await server.connect();
  answer?.(client);
  const recorder = new Recorder(client);
  const params = typeof start === "function" ? start(server) : start;
  const opened = await client.request("thread/start", params);
  await recorder.until("thread/started");
  const events = await recorder.turn(opened.thread.id, "work");
  const outputs = outputsOf(server.model.requests.at(-1));
  await check({ outputs, events, told: opened.sandbox, server });
}

function outputsOf(request: ModelRequest | undefined): string[] {
  return (request?.input ?? []).flatMap((item) =>
    "output" in item && typeof item.output === "string" ? [item.output] : []
  );
}

/** One test per backend that this machine has; the others are ignored visibly. */
function testBackends(
  name: string,
  test: (backend: BackendName) => Promise<void>,
  { only = BACKEND_NAMES }: { readonly only?: readonly BackendName[] } = {},
): void {
  for (const backend of only.filter((one) => one !== "seatbelt")) {
    const works = WORKING.includes(backend);
    const why = works ? "" : ", ignored: does not work here";
    Deno.test({ name: `${name} [${backend}${why}]`, ignore: !works, fn: () => test(backend) });
  }
}

const NEVER = { approvalPolicy: "never" } as const;
/** Without /tmp the home, a sibling of the project, is outside of the writable folders, as it usually is. */
const NO_TMP = { "sandbox_workspace_write.exclude_slash_tmp": true };

/** Tries everything that leaves a trace; each line tells whether it worked. */
const ATTACK = `
try() { name=$1; shift; if ("$@") >/dev/null 2>&1; then echo "$name worked"; else echo "$name failed"; fi; }
try inside sh -c 'echo x > inside.txt'
try outside sh -c 'echo x > "$OUTSIDE/outside.txt"'
try home sh -c 'echo >> ../home/config.toml'
try hook sh -c 'echo x > .git/hooks/pre-commit'
try config sh -c 'mkdir .codex && echo x > .codex/config.toml'
try mode chmod 777 "$OUTSIDE"
try key grep -q sk-test ../home/auth.json
try environ sh -c 'cat /proc/$SERVER_PID/environ'
try signal kill -0 $SERVER_PID
try tcp python3 -c 'import socket; socket.socket(socket.AF_INET)'
`;

type Outcome = Readonly<Record<string, boolean>>;
const SHUT: Outcome = {
  inside: false,
  outside: false,
  home: false,
  hook: false,
  config: false,
  mode: false,
  key: false,
  environ: false,
  signal: false,
  tcp: false,
};

async function attack(backend: BackendName, sandbox: SandboxMode): Promise<Outcome> {
  const outside = await Deno.makeTempDir({ dir: "/var/tmp" });
  await Deno.chmod(outside, 0o700);
  let results: Record<string, boolean> = {};
  try {
    await runScripts([{ cmd: ATTACK, login: false, yield_time_ms: 30_000 }], {
      backends: onlyBackends(backend),
      config: `[shell_environment_policy.set]\nOUTSIDE = "${outside}"\n` +
        `SERVER_PID = "${Deno.pid}"\n`,
      start: { ...NEVER, sandbox, config: NO_TMP },
      prepare: ({ project }) => Deno.mkdir(join(project, ".git/hooks"), { recursive: true }),
      check: async ({ outputs, server }) => {
        const lines = (outputs[0] ?? "").matchAll(/^(\w+) (worked|failed)$/gm);
        results = Object.fromEntries(
          [...lines].map(([, name = "", end]) => [name, end === "worked"]),
        );
        // What a command says of itself is compared with the disk.
        assert.equal(await exists(join(outside, "outside.txt")), results["outside"]);
        assert.equal(await exists(join(server.project, "inside.txt")), results["inside"]);
        assert.equal(await exists(join(server.project, ".git/hooks/pre-commit")), results["hook"]);
        assert.equal(await exists(join(server.project, ".codex/config.toml")), results["config"]);
        assert.equal(
          ((await Deno.stat(outside)).mode ?? 0) & 0o777,
          results["mode"] ? 0o777 : 0o700,
        );
      },
    });
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
  return results;
}

/** Landlock says that it cannot do these. */
function gapsOf(backend: BackendName, sandbox: SandboxMode): Outcome {
  if (backend !== "landlock") return {};
  return sandbox === "read-only" ? { mode: true } : { mode: true, hook: true, config: true };
}

testBackends("a read-only turn changes nothing and learns no secret", async (backend) => {
  assert.deepEqual(await attack(backend, "read-only"), {
    ...SHUT,
    ...gapsOf(backend, "read-only"),
  });
});

testBackends("a workspace-write turn changes the workspace and nothing else", async (backend) => {
  assert.deepEqual(await attack(backend, "workspace-write"), {
    ...SHUT,
    inside: true,
    ...gapsOf(backend, "workspace-write"),
  });
});

Deno.test("the same attack succeeds at full access, so the script can tell", async () => {
  const open = Object.fromEntries(Object.keys(SHUT).map((name) => [name, true]));
  assert.deepEqual(await attack("launcher", "danger-full-access"), open);
});

testBackends("credentials and the home cannot be reached from any sandbox", async (backend) => {
  for (const sandbox of ["read-only", "workspace-write"] as const) {
    // The project is a sibling of the home, both below /tmp, which is writable.
    const scripts = [
      "cat ../home/auth.json; cat ../home/./auth.json; ln ../home/auth.json stolen && cat stolen",
      "echo 'approval_policy = \"never\"' >> ../home/config.toml; mkdir ../home/rules",
      "mv ../home ../home2; cat ../home2/auth.json",
    ];
    await runScripts(scripts, {
      backends: onlyBackends(backend),
      start: { ...NEVER, sandbox },
      check: async ({ outputs, server }) => {
        const isFallback = backend === "landlock" && sandbox === "workspace-write";
        if (isFallback) {
          // It cannot hide inside a writable folder, and then runs nothing.
          for (const output of outputs) assert.match(output, /Landlock cannot hide .*auth\.json/);
        }
        assert.equal(outputs.length, 3);
        for (const output of outputs) assert.doesNotMatch(output, new RegExp(KEY));
        const home = join(server.home, "home");
        assert.match(await Deno.readTextFile(join(home, "auth.json")), new RegExp(KEY));
        assert.doesNotMatch(await Deno.readTextFile(join(home, "config.toml")), /"never"/);
        assert.equal(await exists(join(home, "rules")), false);
      },
    });
  }
});

testBackends("the policy that a client sees is the one that is enforced", async (backend) => {
  const extra = await Deno.makeTempDir({ dir: "/var/tmp" });
  try {
    for (const isGiven of [true, false]) {
      const config = isGiven ? { "sandbox_workspace_write.writable_roots": [extra] } : {};
      await runScripts([`echo x > ${extra}/made.txt`, "echo x > made.txt"], {
        backends: onlyBackends(backend),
        start: {
          ...NEVER,
          sandbox: "workspace-write",
          config: { ...config, ...NO_TMP },
        },
        check: async ({ told, server }) => {
          assert.deepEqual(told, {
            type: "workspaceWrite",
            writableRoots: isGiven ? [extra] : [],
            networkAccess: false,
            excludeTmpdirEnvVar: false,
            excludeSlashTmp: true,
          });
          assert.equal(await exists(join(extra, "made.txt")), isGiven);
          assert.equal(await exists(join(server.project, "made.txt")), true);
          if (isGiven) await Deno.remove(join(extra, "made.txt"));
        },
      });
    }
  } finally {
    await Deno.remove(extra, { recursive: true });
  }
});

testBackends("a folder that was replaced by a link is not written through", async (backend) => {
  // Both scripts run in one thread: the first prepares what the second would use.
  const scripts = [
    "mv sub moved && ln -s /var/tmp sub; ls -ld sub",
    { cmd: "echo x > escaped.txt; pwd -P", workdir: "sub", login: false },
    "echo x > /var/tmp/codex-escaped.txt",
  ];
  await runScripts(scripts, {
    backends: onlyBackends(backend),
    start: ({ project }) => ({
      ...NEVER,
      sandbox: "workspace-write",
      config: { ...NO_TMP, "sandbox_workspace_write.writable_roots": [join(project, "sub")] },
    }),
    prepare: ({ project }) => Deno.mkdir(join(project, "sub")),
    check: async ({ outputs }) => {
      assert.equal(outputs.length, 3);
      assert.equal(await exists("/var/tmp/escaped.txt"), false);
      assert.equal(await exists("/var/tmp/codex-escaped.txt"), false);
    },
  });
});

Deno.test({
  name: "on-request runs in the sandbox, tells the model of a denial, and escalates when accepted",
  ignore: WORKING.length === 0,
  fn: async () => {
    const asked: string[] = [];
    const scripts = [
      "echo x > made.txt",
      {
        cmd: "echo x > made.txt && echo escalated",
        login: false,
        sandbox_permissions: "require_escalated",
        justification: "May I?",
      },
    ];
    await runScripts(scripts, {
      start: { approvalPolicy: "on-request", sandbox: "read-only" },
      answer: (client) => {
        client.onRequest("item/commandExecution/requestApproval", (params) => {
          asked.push(params.reason ?? "");
          return { decision: "accept" };
        });
      },
      check: async ({ outputs, events, server }) => {
        const [denied = "", escalated = ""] = outputs;
        assert.match(denied, /Process exited with code [12]\n/);
        assert.match(denied, /Note: the sandbox seems to have stopped this command/);
        assert.match(escalated, /code 0\n[^]*escalated/);
        assert.deepEqual(asked, ["May I?"]);
        assert.equal(await exists(join(server.project, "made.txt")), true);
        const statuses = completedItems(events, "commandExecution").map(({ status }) => status);
        assert.deepEqual(statuses, ["failed", "completed"]);
      },
    });
  },
});

for (const decision of ["accept", "decline"] as const) {
  Deno.test({
    name: `on-failure asks once the sandbox has stopped a command, and ${decision} is heeded`,
    ignore: WORKING.length === 0,
    fn: async () => {
      const asked: string[] = [];
      await runScripts(["echo one; echo x > made.txt", "exit 3"], {
        start: { approvalPolicy: "on-failure", sandbox: "read-only" },
        answer: (client) => {
          client.onRequest("item/commandExecution/requestApproval", (params) => {
            asked.push(params.reason ?? "");
            return { decision };
          });
        },
        check: async ({ outputs, events, server }) => {
          // A command that fails by itself is not asked about.
          assert.equal(asked.length, 1);
          assert.match(asked[0] ?? "", /run it again without a sandbox\?$/);
          const isAccepted = decision === "accept";
          assert.match(outputs[0] ?? "", isAccepted ? /code 0\n/ : /code [12]\n/);
          assert.equal(await exists(join(server.project, "made.txt")), isAccepted);
          const items = completedItems(events, "commandExecution");
          assert.deepEqual(items.map(({ status }) => status), [
            isAccepted ? "completed" : "failed",
            "failed",
          ]);
          const started = paramsOf(events, "item/started")
            .filter(({ item }) => item.type === "commandExecution");
          assert.equal(started.length, 2, "one item for both runs");
          // Nobody takes the complaint of the first run for that of the second.
          const marked =
            /one\n.*made\.txt.*\n\[Stopped by the sandbox; allowed to run again:\]\none\n$/;
          const texts = [outputs[0] ?? "", items[0]?.aggregatedOutput ?? ""];
          assert.deepEqual(texts.map((text) => marked.test(text)), [isAccepted, isAccepted]);
        },
      });
    },
  });
}

Deno.test({
  name: "a sandbox that cannot be set up is no result of the command, for model and client",
  ignore: !WORKING.includes("launcher"),
  fn: async () => {
    await runScripts(["echo ran"], {
      backends: onlyBackends("launcher"),
      start: { ...NEVER, sandbox: "workspace-write" },
      prepare: async ({ project }) => {
        // A hidden file with a further name cannot be hidden.
        await Deno.link(join(project, "../home/auth.json"), join(project, "further"));
      },
      check: ({ outputs, events }) => {
        assert.match(
          outputs[0] ?? "",
          /^exec_command failed for .*The sandbox could not be set up/,
        );
        assert.doesNotMatch(outputs[0] ?? "", /exited with code/);
        const [item] = completedItems(events, "commandExecution");
        assert.deepEqual([item?.status, item?.exitCode], ["failed", null]);
        assert.match(
          item?.aggregatedOutput ?? "",
          /^The sandbox could not be set up: .*hard links/,
        );
      },
    });
  },
});

Deno.test({
  name: "with the network on, a listener of ours without a token keeps commands from running",
  ignore: WORKING.length === 0,
  fn: async () => {
    for (const isOpen of [true, false]) {
      await runScripts(["echo ran"], {
        openListeners: () => isOpen ? ["ws://127.0.0.1:4500"] : [],
        start: {
          ...NEVER,
          sandbox: "workspace-write",
          config: { "sandbox_workspace_write.network_access": true },
        },
        check: ({ outputs }) => {
          if (!isOpen) return assert.match(outputs[0] ?? "", /ran\n$/);
          assert.match(outputs[0] ?? "", /orders to this server at ws:\/\/127\.0\.0\.1:4500/);
        },
      });
    }
  },
});

Deno.test({
  name: "clients are warned once of what the backend in use cannot do",
  ignore: !WORKING.includes("landlock"),
  fn: async () => {
    await runScripts(["true", "true"], {
      backends: onlyBackends("landlock"),
      start: { ...NEVER, sandbox: "read-only" },
      check: ({ events }) => {
        const warnings = paramsOf(events, "configWarning").map(({ summary }) => summary);
        assert.equal(warnings.length, 1);
        assert.match(warnings[0] ?? "", /^Commands are confined by landlock, which is not enough/);
      },
    });
  },
});
