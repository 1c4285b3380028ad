import assert from "node:assert/strict";
import fc from "fast-check";
import { type SandboxPlaces, sandboxSpec } from "../../../src/exec/sandbox/spec.ts";
import type { SandboxPolicy } from "../../../src/protocol/policy.ts";

const PLACES: SandboxPlaces = {
  cwd: "/w",
  tmpdir: "/var/tmp/me",
  protectedNames: [".git", ".codex"],
  protectedPaths: ["/w/own", "/home/me/.codex"],
  hiddenPaths: ["/home/me/.codex/auth.json"],
  proxySocket: null,
};

function workspace(
  change: Partial<Extract<SandboxPolicy, { type: "workspaceWrite" }>> = {},
): SandboxPolicy {
  return {
    type: "workspaceWrite",
    writableRoots: [],
    networkAccess: false,
    excludeTmpdirEnvVar: false,
    excludeSlashTmp: false,
    ...change,
  };
}

Deno.test("policies that ask for no confinement by us have no specification", () => {
  assert.equal(sandboxSpec({ type: "dangerFullAccess" }, PLACES), null);
  const external: SandboxPolicy = { type: "externalSandbox", networkAccess: "restricted" };
  assert.equal(sandboxSpec(external, PLACES), null);
});

Deno.test("read-only makes nothing writable, and hides and protects all the same", () => {
  assert.deepEqual(sandboxSpec({ type: "readOnly", networkAccess: false }, PLACES), {
    cwd: "/w",
    writable: [],
    readOnly: ["/w/own", "/home/me/.codex"],
    hidden: ["/home/me/.codex/auth.json"],
    sockets: [],
    readable: null,
    network: { type: "none" },
  });
});

Deno.test("workspace-write names its roots, parents first, and what in them stays read-only", () => {
  const policy = workspace({ writableRoots: ["/w/deep/er", "/w/deep/", "/w"] });
  const spec = sandboxSpec(policy, { ...PLACES, socketPaths: ["/run/dbus"] });
  assert.deepEqual(spec?.writable, ["/w", "/tmp", "/w/deep", "/w/deep/er", "/var/tmp/me"]);
  assert.deepEqual(spec?.readOnly.slice(0, 4), [
    "/w/.git",
    "/w/.codex",
    "/tmp/.git",
    "/tmp/.codex",
  ]);
  assert.deepEqual(spec?.hidden, ["/home/me/.codex/auth.json", "/run/dbus"]);
  assert.deepEqual(spec?.sockets, ["/run/dbus"]);
  const narrow = workspace({ excludeTmpdirEnvVar: true, excludeSlashTmp: true });
  assert.deepEqual(sandboxSpec(narrow, PLACES)?.writable, ["/w"]);
  assert.deepEqual(sandboxSpec(workspace(), { ...PLACES, tmpdir: null })?.writable, ["/w", "/tmp"]);
  const moved = sandboxSpec(workspace(), { ...PLACES, tmpdir: null, slashTmp: "/private/tmp" });
  assert.deepEqual(moved?.writable, ["/w", "/private/tmp"]);
  const absent = sandboxSpec(workspace(), { ...PLACES, tmpdir: null, slashTmp: null });
  assert.deepEqual(absent?.writable, ["/w"]);
});

Deno.test("in folders for temporary files names are protected once they exist, or if a project lies there", () => {
  const readOnly = (cwd: string, writableRoots: readonly string[] = []) => {
    const isThere = (path: string) => path === "/tmp/.codex";
    const places = { ...PLACES, cwd, tmpdir: "/tmp/mine", protectedPaths: [], isThere };
    return sandboxSpec(workspace({ writableRoots: [...writableRoots] }), places)?.readOnly;
  };
  const below = (folder: string) => PLACES.protectedNames.map((name) => `${folder}/${name}`);
  assert.deepEqual(readOnly("/w"), [...below("/w"), "/tmp/.codex"]);
  assert.deepEqual(readOnly("/w", ["/tmp/x"]), [
    ...below("/w"),
    ...below("/tmp"),
    ...below("/tmp/x"),
  ]);
  assert.deepEqual(readOnly("/tmp"), below("/tmp"));
  assert.deepEqual(readOnly("/tmp/mine/w"), [
    ...below("/tmp"),
    ...below("/tmp/mine"),
    ...below("/tmp/mine/w"),
  ]);
});

Deno.test("the root folder as a writable root protects its own names", () => {
  const spec = sandboxSpec(workspace({ writableRoots: ["/"] }), PLACES);
  assert.equal(spec?.writable[0], "/");
  assert.ok(spec?.readOnly.includes("/.git"));
});

Deno.test("the network is off, on, or that of the proxy", () => {
  const on = workspace({ networkAccess: true });
  assert.deepEqual(sandboxSpec(on, PLACES)?.network, { type: "full" });
  const proxied = { ...PLACES, proxySocket: "/p" };
  assert.deepEqual(sandboxSpec(on, proxied)?.network, { type: "proxy", socket: "/p" });
  assert.deepEqual(sandboxSpec(workspace(), proxied)?.network, { type: "none" });
});

Deno.test("limits of reading are taken over, and nothing else widens what can be read", () => {
  const access = { type: "restricted", readableRoots: ["/r", 5] };
  const readOnly = { type: "readOnly", networkAccess: false, access } as const;
  assert.deepEqual(sandboxSpec(readOnly, PLACES)?.readable, ["/r"]);
  const full = workspace({ readOnlyAccess: { type: "fullAccess" } });
  assert.equal(sandboxSpec(full, PLACES)?.readable, null);
  const nothing = workspace({ readOnlyAccess: { type: "restricted" } });
  assert.deepEqual(sandboxSpec(nothing, PLACES)?.readable, []);
});

const name = fc.string({ minLength: 1, unit: "grapheme" })
  .filter((text) => !/[/\0]/.test(text) && text !== "." && text !== "..");
const path = fc.array(name, { maxLength: 4 }).map((names) => `/${names.join("/")}`);

Deno.test("every specification: no duplicates, parents before children, names protected everywhere", () => {
  fc.assert(fc.property(fc.array(path), path, fc.boolean(), (writableRoots, cwd, isAlone) => {
    const places = { ...PLACES, cwd };
    const policy = workspace({ writableRoots, excludeSlashTmp: isAlone });
    const spec = sandboxSpec(policy, places);
    assert.ok(spec);
    assert.equal(new Set(spec.writable).size, spec.writable.length);
    assert.equal(new Set(spec.readOnly).size, spec.readOnly.length);
    spec.writable.forEach((one, index) => {
      for (const later of spec.writable.slice(index)) {
        assert.ok(!one.startsWith(`${later}/`), `${later} comes after ${one}`);
      }
      for (const protectedName of PLACES.protectedNames) {
        assert.ok(spec.readOnly.includes(`${one === "/" ? "" : one}/${protectedName}`));
      }
    });
    for (const root of [...writableRoots, cwd]) assert.ok(spec.writable.includes(root));
    assert.equal(
      spec.writable.includes("/tmp"),
      !isAlone || [...writableRoots, cwd].includes("/tmp"),
    );
  }));
});
