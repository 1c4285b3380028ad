/** Which backend is chosen, and what happens where none works. */
import assert from "node:assert/strict";
import {
  type Backend,
  BACKEND_NAMES,
  type BackendName,
} from "../../../src/exec/sandbox/backend.ts";
import { explainPolicy, explanationText } from "../../../src/exec/sandbox/explain.ts";
import { Backends } from "../../../src/exec/sandbox/probe.ts";
import { GUARANTEES as COMPLETE } from "../../../src/exec/sandbox/bubblewrap.ts";
import type { SandboxPolicy } from "../../../src/protocol/policy.ts";
import { fakeProbes, testCeiling, testSandbox } from "./test_sandbox.ts";

const READ_ONLY: SandboxPolicy = { type: "readOnly", networkAccess: false };
const COMMAND = { argv: ["true"], cwd: "/", env: {} };

function fake(name: BackendName, lacks: Partial<Backend["guarantees"]> = {}): Backend {
  return {
    name,
    guarantees: { ...COMPLETE, limitsReading: true, networkProxy: true, ...lacks },
    confine: (command) => ({ ...command, release: () => {} }),
  };
}

function working(name: BackendName, lacks: Partial<Backend["guarantees"]> = {}) {
  return () => Promise.resolve({ type: "works", backend: fake(name, lacks) } as const);
}

Deno.test("the best backend that works is used, and worse ones are not even tried", async () => {
  const tried: BackendName[] = [];
  const probes = fakeProbes({ bubblewrap: working("bubblewrap"), landlock: working("landlock") });
  const counting = Object.fromEntries(BACKEND_NAMES.map((name) => [name, () => {
    tried.push(name);
    return probes[name]();
  }]));
  const backends = new Backends({ ...probes, ...counting });
  assert.deepEqual(tried, [], "nothing is tried before somebody asks");
  const both = await Promise.all([backends.best(), backends.best()]);
  assert.deepEqual(both.map((backend) => backend?.name), ["bubblewrap", "bubblewrap"]);
  assert.deepEqual(tried, ["launcher", "bubblewrap"]);
  const all = await backends.all();
  assert.deepEqual(all.map((probe) => probe.type), ["unusable", "works", "works", "unusable"]);
  assert.deepEqual(tried, [...BACKEND_NAMES], "each once");
});

Deno.test("each backend can be absent: the next is used, and what it lacks is told once", async () => {
  const warnings: string[] = [];
  const landlock = working("landlock", { carvesOut: false });
  const sandbox = testSandbox({
    backends: new Backends(fakeProbes({ landlock })),
    warn: (warning) => warnings.push(warning),
  });
  for (let turn = 0; turn < 2; turn++) {
    const confinement = await sandbox.confine(COMMAND, { policy: READ_ONLY, cwd: "/" });
    assert.equal(confinement.type === "confined" ? confinement.backend.name : null, "landlock");
  }
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^Commands are confined by landlock, which is not enough: \.git/);
});

Deno.test("where none works every confining policy refuses with all reasons, and only these", async () => {
  const sandbox = testSandbox();
  const refused = await sandbox.confine(COMMAND, { policy: READ_ONLY, cwd: "/" });
  assert.deepEqual(refused, {
    type: "refused",
    reason: "No sandbox works here (launcher: Not in this test; bubblewrap: Not in this test; " +
      "landlock: Not in this test; seatbelt: Not in this test)",
    isProgramMissing: false,
  });
  const enforcement = await sandbox.enforcementOf({ policy: READ_ONLY, cwd: "/" });
  assert.ok(!enforcement.enforced);
  assert.match(enforcement.reason, /^The sandbox policy readOnly cannot be enforced: No sandbox/);
  for (const type of ["dangerFullAccess", "externalSandbox"] as const) {
    const policy: SandboxPolicy = type === "externalSandbox"
      ? { type, networkAccess: "restricted" }
      : { type };
    assert.deepEqual(await sandbox.confine(COMMAND, { policy, cwd: "/" }), { type: "unconfined" });
  }
});

Deno.test("a trial that breaks counts as one that found nothing", async () => {
  const backends = new Backends(fakeProbes({
    launcher: () => Promise.reject(new Error("Broken")),
    bubblewrap: working("bubblewrap"),
  }));
  assert.equal((await backends.best())?.name, "bubblewrap");
  const [launcher] = await backends.all();
  assert.deepEqual(launcher, { type: "unusable", name: "launcher", reason: "Broken" });
});

Deno.test("a specification beyond the backend, the ceiling or our listeners is refused by reason", async () => {
  const backends = new Backends(fakeProbes({ launcher: working("launcher", { hides: false }) }));
  const reasonOf = async (
    sandbox: ReturnType<typeof testSandbox>,
    policy: SandboxPolicy,
  ): Promise<string | null> => {
    const confinement = await sandbox.confine(COMMAND, { policy, cwd: "/" });
    return confinement.type === "refused" ? confinement.reason : null;
  };
  const secret = { backends, sources: { hiddenPaths: ["/secret"] } };
  assert.match(await reasonOf(testSandbox(secret), READ_ONLY) ?? "", /\(hides\)$/);
  assert.equal(await reasonOf(testSandbox({ backends }), READ_ONLY), null);

  const full = new Backends(fakeProbes({ launcher: working("launcher") }));
  const networked: SandboxPolicy = { type: "readOnly", networkAccess: true };
  const openListeners = () => ["ws://127.0.0.1:1"];
  const open = testSandbox({ backends: full, openListeners });
  assert.match(
    await reasonOf(open, networked) ?? "",
    /at ws:\/\/127\.0\.0\.1:1, which asks for no token/,
  );
  assert.equal(await reasonOf(open, READ_ONLY), null);

  const capped = testSandbox({ backends: full, ceiling: testCeiling({ asked: "read-only" }) });
  assert.match(await reasonOf(capped, networked) ?? "", /excludes network access$/);
  const free: SandboxPolicy = { type: "dangerFullAccess" };
  assert.match(await reasonOf(capped, free) ?? "", /runs no command without a sandbox/);
  assert.equal(await reasonOf(capped, READ_ONLY), null);
});

Deno.test("commands learn that they have no network, and only then", async () => {
  const backends = new Backends(fakeProbes({ launcher: working("launcher") }));
  const sandbox = testSandbox({ backends });
  const envOf = async (networkAccess: boolean) => {
    const policy: SandboxPolicy = { type: "readOnly", networkAccess };
    const confinement = await sandbox.confine(COMMAND, { policy, cwd: "/" });
    return confinement.type === "confined" ? confinement.command.env : assert.fail();
  };
  assert.deepEqual(await envOf(false), { CODEX_SANDBOX_NETWORK_DISABLED: "1" });
  assert.deepEqual(await envOf(true), {});
});

Deno.test("an explanation names policy, backend, what holds, what does not, and why others do not work", async () => {
  const backends = new Backends(
    fakeProbes({ landlock: working("landlock", { carvesOut: false }) }),
  );
  const sandbox = testSandbox({ backends, sources: { hiddenPaths: ["/secret"] } });
  const explanation = await explainPolicy(sandbox, { policy: READ_ONLY, cwd: "/" });
  assert.equal(explanation.backend, "landlock");
  assert.equal(explanation.refusal, null);
  assert.equal(explanation.notEnforced.length, 1);
  assert.deepEqual(explanation.backends[0], { name: "launcher", unusable: "Not in this test" });
  const text = explanationText(explanation);
  assert.match(text, /^Policy: readOnly\nConfined by: landlock\nWritable: nothing\n/);
  assert.match(text, /\nHidden:\n {2}\/secret\n/);
  assert.match(text, /\nNot enforced:\n {2}\.git, /);
  assert.match(text, /\n {2}launcher: does not work: Not in this test\n/);

  // What lies outside of the writable folders, or below what is named already, would only be noise.
  assert.ok(explanation.specification !== null);
  const readOnly = ["/a/.git", "/a/.git/hooks", "/elsewhere", "/ab"];
  const specification = { ...explanation.specification, writable: ["/a"], readOnly };
  assert.match(
    explanationText({ ...explanation, specification }),
    /\nRead-only inside of that:\n {2}\/a\/\.git\nHidden:/,
  );

  const none = await explainPolicy(testSandbox(), { policy: READ_ONLY, cwd: "/" });
  assert.match(explanationText(none), /^Policy: readOnly\nCommands are refused: No sandbox works/);
  const policy: SandboxPolicy = { type: "dangerFullAccess" };
  const free = await explainPolicy(testSandbox(), { policy, cwd: "/" });
  assert.match(explanationText(free), /Commands are not confined/);
});
