/** `deno task build`: the same sources give the same bytes, and what it writes is what it says. */
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { build, ownTarget } from "../../scripts/build.ts";
import { bundle } from "../../scripts/build/bundle.ts";
import { nameByContent } from "../../scripts/build/chunk_names.ts";
import { encodeHex, gzip, sha256 } from "../../scripts/build/bytes.ts";
import { compileArgs } from "../../scripts/build/compiled.ts";
import { packedFile } from "../../scripts/build/packed.ts";
import { packedRuntime } from "../../scripts/build/runtime.ts";
import { parseTarget, TARGET_NAMES, TARGETS } from "../../scripts/build/targets.ts";
import { VERSION } from "../../src/lib/version.ts";
import { filesBelow, findProgram } from "../built/packed_world.ts";
import { makeStandIn } from "../built/stand_in.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** A temp folder that is removed with everything in it. */
async function temporary(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_build_test_" }));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function sumOf(path: string): Promise<string> {
  return encodeHex(await sha256(await Deno.readFile(path)));
}

/** How many variables the `using` declarations of a text have; several may stand in one. */
function countUsing(text: string): number {
  let count = 0;
  for (const { index } of text.matchAll(/\busing [\w$]+\s*=/g)) {
    count++;
    for (let at = index, depth = 0; at < text.length && !(depth === 0 && text[at] === ";"); at++) {
      if ("([{".includes(text[at] ?? " ")) depth++;
      if (")]}".includes(text[at] ?? " ")) depth--;
      if (depth === 0 && text[at] === ",") count++;
    }
  }
  return count;
}

Deno.test("nothing that is to be disposed of is forgotten by the minifier", async () => {
  const bundled = [...(await bundle("test")).values()].join("\n");
  const names = await filesBelow(`${ROOT}src`);
  let declared = 0;
  for (const name of names.filter((name) => name.endsWith(".ts"))) {
    declared += countUsing(await Deno.readTextFile(`${ROOT}src/${name}`));
  }
  assert.ok(declared > 20);
  assert.equal(countUsing(bundled), declared);
});

Deno.test("two builds of the same sources are the same, and SHA256SUMS lists what is there", async () => {
  await using out = await temporary();
  await Deno.writeTextFile(`${out.path}/codex-other`, "another build\n");
  await Deno.writeTextFile(`${out.path}/notes`, "no build\n");
  const options = { out: out.path, target: ownTarget(), form: "packed" } as const;
  const first = await build({ ...options, name: "codex" });
  const second = await build({ ...options, name: "codex-again" });
  assert.equal(first.form, "packed");
  assert.equal(first.bytes, (await Deno.stat(first.path)).size);
  assert.ok(first.bytes < 45_000_000, `${first.bytes} bytes`);
  assert.equal(await sumOf(first.path), await sumOf(second.path));
  // Nothing unfinished is left.
  const names = ["codex", "codex-again", "codex-other"];
  assert.deepEqual(await filesBelow(out.path), ["SHA256SUMS", ...names, "notes"]);
  const lines = await Promise.all(
    names.map(async (name) => `${await sumOf(`${out.path}/${name}`)}  ${name}\n`),
  );
  const sums = await Deno.readTextFile(`${out.path}/SHA256SUMS`);
  assert.equal(sums, lines.sort().join(""));
  assert.equal(((await Deno.stat(first.path)).mode ?? 0) & 0o777, 0o755);
});

Deno.test("a bundle depends on the sources and not on where they lie", async () => {
  await using elsewhere = await temporary();
  const copy = `${elsewhere.path}/another/place`;
  await Deno.mkdir(copy, { recursive: true });
  for (const name of ["main.ts", "deno.json", "deno.lock", "src", "scripts"]) {
    await run("cp", ["-R", `${ROOT}${name}`, copy]);
  }
  const script = `import { bundle } from "./scripts/build/bundle.ts";
    console.log(JSON.stringify([...await bundle("a commit")]));`;
  await Deno.writeTextFile(`${copy}/print.ts`, script);
  const [here, there] = await Promise.all([
    bundle("a commit"),
    run(Deno.execPath(), ["run", "-A", "--no-check", "--quiet", `${copy}/print.ts`]),
  ]);
  const copied = new Map<string, string>(JSON.parse(there.stdout));
  assert.deepEqual([...copied.keys()], [...here.keys()]);
  for (const [name, text] of here) assert.ok(copied.get(name) === text, `${name} differs`);
  assert.ok(here.size > 20, "not split");
  assert.ok((here.get("main.js")?.length ?? Infinity) < 20_000, "the entry is not small");
  for (const [name, text] of here) assert.ok(!text.includes(ROOT), `${name} holds a path`);
  assert.ok([...here.values()].some((text) => text.includes("a commit")), "no commit inside");
});

Deno.test("chunks are named by their content, also where they refer to each other in a ring", () => {
  const bundled = (a: string, b: string, c: string) =>
    new Map([
      ["main.js", `import("./${a}");import "./${c}"`],
      [a, `import "./${b}";first`],
      [b, `import "./${a}";import((0,"./${c}"))`],
      [c, `alone;"./not-a-chunk.js"`],
    ]);
  const usual = ["x-AAAAAAAA.js", "x-BBBBBBBB.js", "y-CCCCCCCC.js"] as const;
  const one = nameByContent(bundled(...usual));
  const other = nameByContent(bundled("x-ZZZZZZZZ.js", "x-QQQQQQQQ.js", "y-11111111.js"));
  assert.deepEqual([...one], [...other]);
  const names = [...one.keys()].map((name) => name.replace(/-[0-9a-f]{8}\./, "-HASH."));
  assert.deepEqual(names, ["main.js", "x-HASH.js", "x-HASH.js", "y-HASH.js"]);
  for (const text of one.values()) {
    for (const [, name = ""] of text.matchAll(/"\.\/([^"]+)"/g)) {
      assert.ok(one.has(name) || name === "not-a-chunk.js", name);
    }
  }
  const changed = nameByContent(bundled(...usual).set("y-CCCCCCCC.js", "another"));
  assert.notEqual([...changed.keys()].at(-1), [...one.keys()].at(-1));
  const twins = bundled(...usual).set("y-DDDDDDDD.js", `alone;"./not-a-chunk.js"`);
  assert.throws(() => nameByContent(twins), /Two chunks of the bundle are alike/);
});

Deno.test("a packed file for another platform has its parts where its script looks", async () => {
  for (const target of TARGET_NAMES) {
    const standIn = await makeStandIn({ target, ballast: 10_000 });
    const { bytes, scriptLength, name, runtimeSize } = standIn;
    const script = new TextDecoder().decode(bytes.subarray(0, scriptLength));
    const payload = bytes.subarray(scriptLength);
    assert.ok(script.startsWith("#!/bin/sh\n") && script.endsWith("\nexit; }\n"));
    assert.ok(script.includes(`codex-cli ${VERSION}"`) && script.includes(target));
    assert.match(script, new RegExp(`cx_expected=${bytes.length} *\n`));
    assert.ok(script.includes(encodeHex(await sha256(payload))));
    assert.ok(script.includes(`" ${runtimeSize} "`));

    await using folder = await temporary();
    await Deno.writeFile(`${folder.path}.tar`, gunzipSync(payload));
    await run("tar", ["-xf", `${folder.path}.tar`, "-C", folder.path]);
    await Deno.remove(`${folder.path}.tar`);
    const files = ["MANIFEST", "app", "app/chunk.js", "app/main.js", "deno"];
    assert.deepEqual(await filesBelow(folder.path), files);
    const manifest = await Deno.readTextFile(`${folder.path}/MANIFEST`);
    const expected = [];
    for (const file of ["deno", "app/chunk.js", "app/main.js"]) {
      expected.push(`${await sumOf(`${folder.path}/${file}`)}  ${file}\n`);
    }
    assert.equal(manifest, expected.join(""));
    const sum = await sumOf(`${folder.path}/MANIFEST`);
    assert.ok(script.includes(sum));
    assert.equal(name, `${VERSION}-${sum.slice(0, 16)}`);
  }
});

Deno.test("a packed file names the checksum of its target's runtime", async () => {
  const target = "aarch64-apple-darwin";
  const bytes = await packedFile({
    target,
    bundle: new Map([["main.js", ""]]),
    // Whatever its content: it is verified where it is unpacked.
    runtime: gzip(new Uint8Array([...new TextEncoder().encode("deno".padEnd(124, "\0")), 0x37])),
  });
  const payload = gunzipSync(bytes.subarray(bytes.indexOf(0x1f)));
  assert.ok(new TextDecoder().decode(payload).includes(`${TARGETS[target].sha256}  deno\n`));
});

Deno.test("a runtime that is no archive is refused", async () => {
  await assert.rejects(
    packedFile({
      target: ownTarget(),
      bundle: new Map([["main.js", ""]]),
      runtime: gzip(new TextEncoder().encode("not an archive".repeat(50))),
    }),
    /The runtime to pack is not a tar archive/,
  );
});

Deno.test("a packed runtime is kept under its checksum and used again", async () => {
  await using cache = await temporary();
  const runtime = { package: "never-fetched", version: "0", sha256: "0".repeat(64) };
  await Deno.writeTextFile(`${cache.path}/${runtime.sha256}.tar.gz`, "kept");
  const kept = await packedRuntime(runtime, cache.path);
  assert.equal(new TextDecoder().decode(kept), "kept");
});

Deno.test("targets are parsed by their exact names", () => {
  for (const name of TARGET_NAMES) assert.equal(parseTarget(name), name);
  for (const text of ["", "toString", "x86_64", "X86_64-unknown-linux-gnu"]) {
    assert.equal(parseTarget(text), null);
  }
  assert.deepEqual([...TARGET_NAMES].sort(), Object.keys(TARGETS).sort());
  for (const { sha256 } of Object.values(TARGETS)) assert.match(sha256, /^[0-9a-f]{64}$/);
});

for (
  const [words, message] of [
    [["--target", "riscv"], `--target is one of ${TARGET_NAMES.join(", ")}, not riscv`],
    [["--form", "zip"], "--form is packed or compiled, not zip"],
    [["--frm", "packed"], "--frm"],
  ] as const
) {
  Deno.test(`build ${words.join(" ")} says what is wrong and builds nothing`, async () => {
    const { code, stdout, stderr } = await run(Deno.execPath(), [
      ...["run", "-A", "--no-check", "--quiet", `${ROOT}scripts/build.ts`],
      ...words,
    ], { mayFail: true });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.ok(stderr.startsWith("build: ") && stderr.includes(message), stderr);
    assert.ok(!stderr.includes("at "), "a stack is shown");
  });
}

Deno.test("the compiled form holds every permission and caches nothing in a shared folder", () => {
  const target = "aarch64-unknown-linux-gnu";
  const args = compileArgs("/in/main.js", { target, output: "/out/codex" });
  assert.equal(args[0], "compile");
  assert.equal(args.at(-1), "/in/main.js");
  assert.deepEqual(args.slice(args.indexOf("--target"), -1), [
    ...["--target", target, "--output", "/out/codex"],
    ...["--include", "/in/file_search_worker.js", "--include", "/in/file_worker.js"],
  ]);
  for (const flag of ["-A", "--no-prompt", "--no-config", "--no-lock", "--no-code-cache"]) {
    assert.ok(args.includes(flag), flag);
  }
});

const noDenort = Deno.env.get("DENORT_BIN") ? null : "DENORT_BIN not set";

Deno.test({
  name: `a compiled build starts${noDenort ? ` [ignored: ${noDenort}]` : ""}`,
  ignore: noDenort !== null,
  async fn() {
    await using out = await temporary();
    const target = ownTarget();
    const { path } = await build({ out: out.path, target, name: "codex", form: "compiled" });
    const { stdout } = await run(path, ["--version", "--verbose"]);
    assert.match(stdout, /^form: +compiled$/m);
  },
});

const shellcheck = findProgram("shellcheck");

Deno.test({
  name: `shellcheck has nothing to say about the script${
    shellcheck ? "" : " [ignored: no shellcheck here]"
  }`,
  ignore: shellcheck === null,
  async fn() {
    await using folder = await temporary();
    const { bytes, scriptLength } = await makeStandIn();
    // As it is filled in, and as it is written.
    await Deno.writeFile(`${folder.path}/stub.sh`, bytes.subarray(0, scriptLength));
    for (const path of [`${folder.path}/stub.sh`, `${ROOT}scripts/build/stub.sh`]) {
      const { stdout } = await run(shellcheck ?? "", ["-s", "sh", path], { mayFail: true });
      assert.equal(stdout, "");
    }
  },
});

async function run(
  program: string,
  args: readonly string[],
  { mayFail = false }: { readonly mayFail?: boolean } = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const output = await new Deno.Command(program, {
    args: [...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const [stdout, stderr] = [decoder.decode(output.stdout), decoder.decode(output.stderr)];
  assert.ok(mayFail || output.success, stderr);
  return { code: output.code, stdout, stderr };
}
