import assert from "node:assert/strict";
import {
  approvalKey,
  type CommandRequest,
  decideCommand,
} from "../../src/agent/command_policy/decide.ts";
import type { PrefixRule, RuleDecision } from "../../src/agent/command_policy/rules.ts";
import type { ApprovalPolicy } from "../../src/protocol/policy.ts";

function rule(decision: RuleDecision, ...pattern: string[]): PrefixRule {
  return { pattern: pattern.map((word) => [word]), decision, justification: null };
}

function request(script: string, options: Partial<CommandRequest> = {}): CommandRequest {
  return {
    argv: ["/bin/bash", "-lc", script],
    cwd: "/w",
    approvalPolicy: "untrusted",
    enforcement: { enforced: true, confined: false },
    leave: "freely",
    escalated: false,
    justification: null,
    prefixRule: null,
    sessionApprovals: new Set(),
    rules: [],
    ...options,
  };
}

async function verdict(script: string, options: Partial<CommandRequest> = {}): Promise<string> {
  return (await decideCommand(request(script, options))).type;
}

async function prefix(script: string, options: Partial<CommandRequest> = {}) {
  const decision = await decideCommand(request(script, options));
  assert.equal(decision.type, "ask");
  return decision.type === "ask" ? decision.proposedPrefix : undefined;
}

const READ_ONLY: Partial<CommandRequest> = {
  enforcement: { enforced: false, reason: "The sandbox policy readOnly cannot be enforced: why" },
};
const CONFINED: Partial<CommandRequest> = { enforcement: { enforced: true, confined: true } };

Deno.test("each approval policy decides alike at full access and in a sandbox", async () => {
  const cases: [ApprovalPolicy, string, string][] = [
    ["untrusted", "ls", "run"],
    ["untrusted", "touch x", "ask"],
    ["untrusted", "ls $(id)", "ask"],
    ["on-request", "touch x", "run"],
    ["on-failure", "touch x", "run"],
    ["granular", "touch x", "run"],
    ["never", "rm -rf x", "run"],
  ];
  for (const [approvalPolicy, script, expected] of cases) {
    for (const options of [{}, CONFINED]) {
      assert.equal(
        await verdict(script, { approvalPolicy, ...options }),
        expected,
        `${approvalPolicy} ${script}`,
      );
    }
  }
});

Deno.test("an escalation is a question, except where none may be asked", async () => {
  const escalated = { escalated: true, justification: "needs the network" };
  for (const approvalPolicy of ["untrusted", "on-request", "on-failure", "granular"] as const) {
    assert.deepEqual(await decideCommand(request("ls x", { approvalPolicy, ...escalated })), {
      type: "ask",
      reason: "needs the network",
      proposedPrefix: null,
      unconfined: true,
    });
  }
  assert.deepEqual(await decideCommand(request("ls", { approvalPolicy: "never", ...escalated })), {
    type: "refuse",
    message:
      "approval policy is Never; reject command — you cannot ask for escalated permissions if the approval policy is Never",
  });
});

Deno.test("an escalation beyond what the server allows is not asked about", async () => {
  const escalated = { ...CONFINED, escalated: true, approvalPolicy: "on-request" } as const;
  const refused = await decideCommand(request("touch x", { ...escalated, leave: "never" }));
  assert.equal(refused.type, "refuse");
  if (refused.type === "refuse") assert.match(refused.message, /the server allows nothing wider/);
  const rules = [rule("allow", "touch")];
  assert.equal(await verdict("touch x", { ...escalated, leave: "never", rules }), "refuse");
  assert.equal(await verdict("touch x", { ...escalated, leave: "toCeiling" }), "ask");
  assert.equal(await verdict("touch x", { ...escalated, leave: "toCeiling", rules }), "run");
  for (const leave of ["never", "toCeiling"] as const) {
    const unenforceable = { ...READ_ONLY, approvalPolicy: "on-failure", leave } as const;
    const decision = await decideCommand(request("touch x", unenforceable));
    assert.equal(decision.type, "refuse", "nothing runs without a sandbox then");
    if (decision.type === "refuse") assert.doesNotMatch(decision.message, /require_escalated/);
  }
});

Deno.test("a policy that cannot be enforced refuses, whatever the command", async () => {
  for (const approvalPolicy of ["untrusted", "on-request", "granular", "never"] as const) {
    for (const script of ["ls", "touch x"]) {
      const decision = await decideCommand(request(script, { ...READ_ONLY, approvalPolicy }));
      assert.equal(decision.type, "refuse");
      const message = decision.type === "refuse" ? decision.message : "";
      assert.match(message, /^The sandbox policy readOnly cannot be enforced: .* was not run/);
      assert.equal(/require_escalated/.test(message), approvalPolicy !== "never");
    }
  }
  const allowed = { ...READ_ONLY, rules: [rule("allow", "touch")], approvalPolicy: "on-request" };
  assert.equal(await verdict("touch x", allowed as Partial<CommandRequest>), "refuse");
});

Deno.test("a policy that cannot be enforced becomes a question under on-failure", async () => {
  const options = { ...READ_ONLY, approvalPolicy: "on-failure" } as const;
  const decision = await decideCommand(request("touch x", options));
  assert.equal(decision.type, "ask");
  if (decision.type === "ask") {
    assert.match(decision.reason ?? "", /run it without a sandbox\?$/);
    assert.ok(decision.unconfined);
  }
  const sessionApprovals = new Set([approvalKey(request("touch x"))]);
  assert.equal(await verdict("touch x", { ...options, sessionApprovals }), "run");
});

Deno.test("a session approval covers just that command, there, at that confinement", async () => {
  const sessionApprovals = new Set([approvalKey(request("touch x"))]);
  assert.equal(await verdict("touch x", { sessionApprovals }), "run");
  assert.equal(await verdict("touch y", { sessionApprovals }), "ask");
  assert.equal(await verdict("touch x", { sessionApprovals, cwd: "/other" }), "ask");
  assert.equal(await verdict("touch x", { sessionApprovals, escalated: true }), "ask");
});

Deno.test("rules decide before the policy and the strictest counts", async () => {
  const rules = [
    rule("allow", "npm"),
    rule("prompt", "npm", "publish"),
    rule("forbidden", "npm", "publish", "--force"),
  ];
  const cases: [string, ApprovalPolicy, string][] = [
    ["npm test", "untrusted", "run"],
    ["cd x && npm test | head", "untrusted", "run"],
    ["npm test && touch x", "untrusted", "ask"],
    ["npm publish", "untrusted", "ask"],
    ["npm publish", "on-request", "ask"],
    ["npm publish", "never", "refuse"],
    ["npm publish --force", "untrusted", "refuse"],
    ["ls; npm publish --force", "never", "refuse"],
    ["npm", "untrusted", "run"],
    ["npmx", "untrusted", "ask"],
    ["for x in a; do npm publish; done", "on-request", "ask"],
  ];
  for (const [script, approvalPolicy, expected] of cases) {
    assert.equal(await verdict(script, { rules, approvalPolicy }), expected, script);
  }
  const escalated = { escalated: true, approvalPolicy: "on-request", rules } as const;
  assert.deepEqual(await decideCommand(request("npm test", { ...READ_ONLY, ...escalated })), {
    type: "run",
    unconfined: true,
  });
});

Deno.test("the proposed prefix is the one command that is not trusted anyway", async () => {
  assert.deepEqual(await prefix("touch made.txt && echo done"), ["touch", "made.txt"]);
  assert.deepEqual(await prefix("rm -f nothing.txt"), ["rm", "-f", "nothing.txt"]);
  assert.equal(await prefix("touch a && touch b"), null);
  assert.equal(await prefix("touch $(id)"), null);
  assert.equal(await prefix("python3"), null);
  assert.deepEqual(await prefix("npm test -w a", { prefixRule: ["npm", "test"] }), ["npm", "test"]);
  assert.deepEqual(await prefix("npm test", { prefixRule: ["rm"] }), ["npm", "test"]);
  assert.deepEqual(await prefix("npm test", { prefixRule: [] }), ["npm", "test"]);
  assert.deepEqual(await prefix("git push x", { prefixRule: ["git"] }), ["git", "push", "x"]);
  assert.deepEqual(await prefix("git push x", { prefixRule: ["git", "push"] }), ["git", "push"]);
  const python = await prefix("python3 -c 1", { prefixRule: ["python3", "-c"] });
  assert.deepEqual(python, ["python3", "-c", "1"]);
  assert.equal(await prefix("npm publish", { rules: [rule("prompt", "npm")] }), null);
});

Deno.test("commands without a shell are judged by their own words", async () => {
  assert.equal(await verdict("", { argv: ["ls", "-l", "; rm x"] }), "run");
  assert.equal(await verdict("", { argv: ["rm", "x"] }), "ask");
  assert.equal(await verdict("", { argv: ["./bash", "-lc", "ls"] }), "ask");
});
