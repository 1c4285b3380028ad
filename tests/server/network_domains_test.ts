/** `[permissions.network] allow_domains` through the whole server: turns, and commands of clients. */
import assert from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import { type BackendName } from "../../src/exec/sandbox/backend.ts";
import type { SandboxMode } from "../../src/protocol/policy.ts";
import { onlyBackends, workingBackends } from "../exec/sandbox/test_sandbox.ts";
import { labPorts, PUBLIC, sayHello, type Seen, serve } from "../exec/network_proxy_lab.ts";
import { startServer } from "../support/server.ts";
import { call, say } from "../support/model_script.ts";
import { Recorder } from "./recorder.ts";

const WORKING = await workingBackends();
const CURL = "/usr/bin/curl";
const RULES = `[permissions.network]\nallow_domains = ["allowed.test"]\n`;
const SCRIPT = "curl -sS http://allowed.test/; echo; curl -sS http://evil.test/; echo; " +
  'echo "off=$CODEX_SANDBOX_NETWORK_DISABLED proxy=$HTTPS_PROXY"';

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

interface Ran {
  readonly output: string;
  readonly seen: Seen;
  readonly client: Client;
}

/** One turn of one command. */
async function runTurn(
  options: {
    readonly backend: BackendName;
    readonly sandbox?: SandboxMode;
    readonly network?: boolean;
    readonly config?: string;
    readonly script?: string;
  },
  check: (ran: Ran) => Promise<void> | void,
): Promise<void> {
  const { backend, sandbox = "workspace-write", network = true, config = RULES } = options;
  const seen: Seen = { resolved: [], dialed: [], logged: [] };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serve(listener, sayHello);
  try {
    await using server = await startServer({
      config,
      backends: onlyBackends(backend),
      networkPorts: labPorts({}, { seen, port: listener.addr.port }),
      responses: [
        call("exec_command", {
          cmd: options.script ?? SCRIPT,
          login: false,
          yield_time_ms: 20_000,
        }),
        say("Done"),
      ],
    });
    const client = await server.connect();
    const recorder = new Recorder(client);
    const opened = await client.request("thread/start", {
      approvalPolicy: "never",
      sandbox,
      config: { "sandbox_workspace_write.network_access": network },
    });
    await recorder.until("thread/started");
    await recorder.turn(opened.thread.id, "work");
    const [output = ""] = (server.model.requests.at(-1)?.input ?? []).flatMap((item) =>
      "output" in item && typeof item.output === "string" ? [item.output] : []
    );
    await check({ output, seen, client });
  } finally {
    listener.close();
    await serving;
  }
}

function domainTest(
  name: string,
  { backend, needs = [] }: { readonly backend: BackendName; readonly needs?: readonly string[] },
  fn: () => Promise<void>,
): void {
  const ignore = !WORKING.includes(backend) || !needs.every(isThere);
  Deno.test({ name: `${name}${ignore ? " [ignored: does not work here]" : ""}`, ignore, fn });
}

domainTest("a turn reaches the domains that are allowed, and no others", {
  backend: "launcher",
  needs: [CURL],
}, async () => {
  await runTurn({ backend: "launcher" }, async ({ output, seen, client }) => {
    assert.match(output, /got GET \/ HTTP\/1\.1\r?\n/);
    assert.match(output, /The host evil\.test is not in \[permissions\.network\] allow_domains/);
    assert.match(output, /^off= proxy=http:\/\/127\.0\.0\.1:61128$/m);
    assert.deepEqual([seen.resolved, seen.dialed], [["allowed.test"], [`${PUBLIC} 80`]]);
    // A command of a client is held to the same.
    const result = await client.request("command/exec", {
      command: ["curl", "-sS", "http://evil.test/"],
      sandboxPolicy: { type: "readOnly", networkAccess: true },
    });
    assert.match(result.stdout, /^The host evil\.test is not in/);
  });
});

domainTest("without network access allowed domains are out of reach, too", {
  backend: "launcher",
  needs: [CURL],
}, async () => {
  await runTurn({ backend: "launcher", network: false }, ({ output, seen }) => {
    assert.match(output, /^off=1 proxy=$/m);
    assert.match(output, /Could not resolve host|Couldn't connect/);
    assert.deepEqual([seen.resolved, seen.dialed], [[], []]);
  });
});

domainTest("an empty list of domains is no network, and not all of it", {
  backend: "launcher",
  needs: [CURL],
}, async () => {
  const config = "[permissions.network]\nallow_domains = []\n";
  await runTurn({ backend: "launcher", config }, ({ output, seen }) => {
    assert.match(output, /The host allowed\.test is not in/);
    assert.deepEqual([seen.resolved, seen.dialed], [[], []]);
  });
});

for (const backend of ["bubblewrap", "landlock"] as const) {
  domainTest(
    `${backend}, which cannot hold a command to some domains, refuses`,
    { backend },
    async () => {
      await runTurn({ backend, script: "echo it ran" }, ({ output, seen }) => {
        assert.doesNotMatch(output, /^it ran$/m);
        assert.match(output, /network cannot be limited to allowed domains here \(networkProxy\)/);
        assert.deepEqual(seen.dialed, []);
      });
    },
  );
}

Deno.test("a domain that is none is found at the start, by name", async () => {
  const config = '[permissions.network]\nallow_domains = ["https://example.com/"]\n';
  await using server = await startServer({ config });
  const client = await server.connect();
  await assert.rejects(
    client.request("thread/start", {}),
    /`https:\/\/example\.com\/` in \[permissions\.network\] allow_domains is no host/,
  );
});
