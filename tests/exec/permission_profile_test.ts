/** Permission profiles of newer clients: the policy that each comes to, and what is refused. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { policyOfProfile } from "../../src/exec/exec_server/permission_profile.ts";
import type { PolicyOfCommand } from "../../src/exec/sandbox/sandbox.ts";
import { SandboxContext } from "../../src/protocol/exec_server_permissions.ts";
import { InvalidParams, parseStruct } from "../../src/protocol/parse.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";

const PLACES = { cwd: "/work", tmpdir: "/var/tmp" };

function entry(path: unknown, access: string, more = {}) {
  return { path, access, ...more };
}

function special(kind: string, subpath?: string) {
  return { type: "special", value: { kind, ...subpath === undefined ? {} : { subpath } } };
}

function at(path: string) {
  return { type: "path", path };
}

function policyOf(context: unknown): PolicyOfCommand {
  return policyOfProfile(parseStruct(SandboxContext, context), PLACES);
}

function managed(entries: unknown[], more = {}): PolicyOfCommand {
  const permissions = {
    type: "managed",
    file_system: { type: "restricted", entries },
    network: "restricted",
  };
  return policyOf({ permissions, ...more });
}

const READ_ALL = entry(special("root"), "read");

Deno.test("a profile that reads everywhere and writes nowhere is readOnly", () => {
  assert.deepEqual(managed([READ_ALL], { cwd: "file:///home" }), {
    policy: { type: "readOnly", networkAccess: false },
    cwd: "/home",
    besides: { readOnly: [], hidden: [] },
  });
});

Deno.test("the default profile of 0.169 is workspaceWrite of its roots, with read-only paths inside", () => {
  const skip = { missing_path_behavior: "skip" };
  const found = managed([
    READ_ALL,
    entry(special("project_roots"), "write"),
    entry(special("slash_tmp"), "write"),
    entry(special("tmpdir"), "write"),
    entry(special("project_roots", ".nowhere"), "read", skip),
    entry(special("project_roots", ".kept"), "read"),
  ], { cwd: "/one", workspaceRoots: ["file:///one", "file:///two"] });
  assert.deepEqual(found, {
    policy: {
      type: "workspaceWrite",
      writableRoots: ["/two", "/tmp", "/var/tmp"],
      networkAccess: false,
      excludeSlashTmp: true,
      excludeTmpdirEnvVar: true,
    },
    cwd: "/one",
    besides: { readOnly: ["/one/.kept", "/two/.kept"], hidden: [] },
  });
});

Deno.test("a folder that the profile does not let write is not made writable by being the working directory", () => {
  const { policy, cwd } = managed([READ_ALL, entry(at("/out"), "write")]);
  assert.equal(cwd, "/out");
  assert.deepEqual(policy.type === "workspaceWrite" && policy.writableRoots, []);
});

Deno.test("without the root only what is named can be read", () => {
  const { policy } = managed([entry(at("/data"), "read"), entry(at("/out"), "write")]);
  assert.deepEqual(policy.type === "workspaceWrite" && policy.readOnlyAccess, {
    type: "restricted",
    readableRoots: ["/data"],
  });
  const nothing = managed([]).policy;
  assert.deepEqual(nothing.type === "readOnly" && nothing.access, {
    type: "restricted",
    readableRoots: [],
  });
});

Deno.test("where one path has several rules the strictest of deny and write decides", () => {
  const path = at("/out");
  const { besides, policy } = managed([
    READ_ALL,
    entry(path, "write"),
    entry(path, "deny"),
    entry(path, "read"),
  ]);
  assert.deepEqual([policy.type, besides?.hidden], ["readOnly", ["/out"]]);
});

Deno.test("a profile without confinement is none, and the network alone can be shut off", () => {
  const permissions = { type: "managed", file_system: { type: "unrestricted" } };
  const asked = (more: object) => policyOf({ permissions: { ...permissions, ...more } }).policy;
  assert.equal(asked({ network: "enabled" }).type, "dangerFullAccess");
  assert.deepEqual(asked({ network: "restricted" }), {
    type: "workspaceWrite",
    writableRoots: [],
    networkAccess: false,
    excludeSlashTmp: true,
    excludeTmpdirEnvVar: true,
  });
  assert.equal(policyOf({ permissions: { type: "disabled" } }).policy.type, "dangerFullAccess");
  assert.equal(
    policyOf({ permissions: { type: "external", network: "enabled" } }).policy.type,
    "externalSandbox",
  );
});

Deno.test("what no sandbox here can hold to is refused", () => {
  const refusals: unknown[][] = [
    [READ_ALL, entry({ type: "glob_pattern", pattern: "**/*.env" }, "deny")],
    [READ_ALL, entry(at("/a"), "deny"), entry(at("/a/b"), "read")],
    [entry(special("root"), "deny")],
    [READ_ALL, entry(special("unknown"), "deny")],
  ];
  for (const entries of refusals) assert.throws(() => managed(entries), RpcError);
});

Deno.test("policyOfProfile gives any profile a policy that says no more, or refuses it", () => {
  const path = fc.constantFrom("/", "/a", "/a/b", "/a/b/c", "/d").map(at);
  const places = fc.oneof(
    path,
    fc.constantFrom("root", "tmpdir", "slash_tmp", "x").map((kind) => special(kind)),
  );
  const access = fc.constantFrom("read", "write", "deny", "none", "other");
  const entries = fc.array(fc.tuple(places, access).map(([place, each]) => entry(place, each)));
  fc.assert(fc.property(fc.oneof(entries, fc.array(fc.anything())), (found) => {
    try {
      const { policy } = managed(found);
      assert.notEqual(policy.type, "dangerFullAccess");
      assert.ok(!("networkAccess" in policy) || policy.networkAccess === false);
    } catch (error) {
      assert.ok(error instanceof RpcError || error instanceof InvalidParams);
    }
  }));
});
