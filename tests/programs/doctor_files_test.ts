/** Tests what `codex doctor` finds about files: home, disk, config, credentials, the unpacked runtime. */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { COMMIT, VERSION } from "../../src/lib/version.ts";
import { cacheCheck } from "../../src/programs/doctor/cache.ts";
import { configCheck } from "../../src/programs/doctor/config.ts";
import { credentialsCheck } from "../../src/programs/doctor/credentials.ts";
import { diskCheck, diskFinding, homeCheck } from "../../src/programs/doctor/home.ts";
import { changedFiles, parseManifest } from "../../src/programs/doctor/manifest.ts";
import { sizeText } from "../../src/programs/doctor/paths.ts";
import { runtimeCheck, runtimeFinding, versionCheck } from "../../src/programs/doctor/version.ts";
import type { Packaging } from "../../src/programs/packaging.ts";
import { found, fromSource, inTempDir } from "./doctor_world.ts";

const isLinux = Deno.build.os === "linux";

Deno.test("doctor home is fine when it is private, or can be made", async () => {
  await inTempDir(async (folder) => {
    const home = join(folder, "home");
    const absent = `ok: ${home} is not there yet; it will be made, for you alone`;
    assert.deepEqual(await found(homeCheck, { env: { CODEX_HOME: home } }), [absent]);
    const deep = join(folder, "a/b/c");
    assert.match(
      (await found(homeCheck, { env: { CODEX_HOME: deep } })).join(),
      /^ok: .* will be made/,
    );
    await Deno.mkdir(home, { mode: 0o700 });
    const good = `ok: ${home}, writable, yours alone (mode 700)`;
    assert.deepEqual(await found(homeCheck, { env: { CODEX_HOME: home } }), [good]);
  });
});

Deno.test("doctor home warns of other users, and gives the command", async () => {
  await inTempDir(async (folder) => {
    const home = join(folder, "it's home");
    await Deno.mkdir(home);
    for (const mode of [0o755, 0o710, 0o701, 0o777]) {
      await Deno.chmod(home, mode);
      const open = `warning: ${home} is open to other users (mode ${mode.toString(8)}) -> ` +
        `chmod 700 "${home}"`;
      assert.deepEqual(await found(homeCheck, { env: { CODEX_HOME: home } }), [open]);
    }
    const uid = (Deno.uid() ?? 0) + 1;
    await Deno.chmod(home, 0o700);
    const foreign = await found(homeCheck, { env: { CODEX_HOME: home }, change: { uid } });
    assert.match(foreign.join("\n"), /^warning: .* belongs to user \d+, and what user \d+ writes/);
  });
});

Deno.test("doctor home is an error when it is no folder, or nothing names one", async () => {
  await inTempDir(async (folder) => {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    const errorOf = async (env: Record<string, string>) =>
      (await found(homeCheck, { env })).join("\n");
    assert.match(
      await errorOf({ CODEX_HOME: file }),
      /^error: .* is not a folder -> Set CODEX_HOME/,
    );
    assert.match(
      await errorOf({ CODEX_HOME: join(file, "x") }),
      /^error: .* cannot be made: something/,
    );
    assert.match(await errorOf({}), /^error: There is no home folder.* -> Set HOME/);
  });
});

Deno.test({
  name: "doctor home is an error on a file system that nobody can write to",
  ignore: !isLinux,
  fn: async () => {
    // Not even root can make a file there.
    const errorOf = async (home: string) =>
      (await found(homeCheck, { env: { CODEX_HOME: home } })).join("\n");
    assert.match(await errorOf("/proc/sys"), /^error: \/proc\/sys is read-only for user \d+/);
    assert.match(
      await errorOf("/proc/sys/codex"),
      /^error: \/proc\/sys\/codex is not there and cannot be made: \/proc\/sys is read-only/,
    );
  },
});

Deno.test("doctor disk measures the nearest folder that exists, and wants some room", async () => {
  await inTempDir(async (folder) => {
    const env = { CODEX_HOME: join(folder, "not/there") };
    const [line = ""] = await found(diskCheck, { env });
    assert.match(line, /^(ok|warning|error): /);
    assert.ok(line.includes(` free at ${folder}`), line);
    const [homeless = ""] = await found(diskCheck, { cwd: folder });
    assert.ok(
      homeless.includes(` free at ${folder}`),
      "without a home the working directory counts",
    );
  });
  const mib = 1024 * 1024;
  assert.deepEqual(diskFinding("/d", 600 * mib), { status: "ok", message: "600 MiB free at /d" });
  assert.equal(diskFinding("/d", 100 * mib).status, "warning");
  assert.equal(diskFinding("/d", 0).status, "error");
});

Deno.test("sizeText picks the unit", () => {
  const sizes = [0, 999, 1536, 20 * 1024, 3.5 * 1024 ** 3, 5000 * 1024 ** 4].map(sizeText);
  assert.deepEqual(sizes, ["0 B", "999 B", "1.5 KiB", "20 KiB", "3.5 GiB", "5000 TiB"]);
});

Deno.test("doctor config names file, line and key of a mistake, and each warning", async () => {
  await inTempDir(async (folder) => {
    const file = join(folder, "config.toml");
    const env = { CODEX_HOME: folder };
    const lines = async (text: string, words: readonly string[] = []) => {
      await Deno.writeTextFile(file, text);
      return await found(configCheck, { env, words });
    };
    const absent = await found(configCheck, { env });
    assert.match(
      absent.join("\n"),
      /^ok: No .*config\.toml, so defaults: model \S+ of provider openai$/,
    );
    const good = await lines('model = "m"\nmodel_provider = "demo"\n');
    assert.deepEqual(good, [`ok: ${file}: model m of provider demo`]);
    const unknown = await lines('nonsense = 1\nmodel = "m"\n');
    assert.equal(unknown.length, 2);
    assert.match(unknown[1] ?? "", /^warning: Unknown config key `nonsense` in .*config\.toml/);
    const wrong = await lines('model = "m"\nsandbox_mode = "all"\n');
    assert.match(
      wrong.join("\n"),
      /^error: unknown variant `all`[^]*`sandbox_mode` at .*config\.toml:2/,
    );
    const broken = await lines('model = "m"\n= 5\n');
    assert.match(broken.join("\n"), /^error: .*config\.toml:2:\d+: .* -> Correct it/);
    const missing = await lines('model_provider = "nosuch"\n');
    assert.match(missing.join("\n"), /^error: Model provider `nosuch` not found -> Choose another/);
    const override = await lines("", ["-c", "nonsense"]);
    assert.match(override.join("\n"), /^error: error parsing -c overrides/);
    const homeless = await found(configCheck, {});
    assert.match(homeless.join("\n"), /^warning: Not read: there is no home folder/);
  });
});

Deno.test("doctor config finds a file that cannot be read, or that others can change", async () => {
  await inTempDir(async (folder) => {
    const file = join(folder, "config.toml");
    const env = { CODEX_HOME: folder };
    await Deno.writeTextFile(file, 'model_provider = "demo"\n');
    await Deno.chmod(file, 0o666);
    const open = (await found(configCheck, { env }))[1];
    assert.equal(
      open,
      `warning: Other users can change ${file} (mode 666) -> chmod go-w ${file}`,
    );
    await Deno.remove(file);
    await Deno.mkdir(file);
    const folderInstead = (await found(configCheck, { env }))[0] ?? "";
    assert.match(folderInstead, /^error: Cannot read .*config\.toml: .* -> Make it readable/);
  });
});

const KEY = "sk-doctor-test-key-123";

Deno.test("doctor credentials says where the key of OpenAI comes from, never what it is", async () => {
  await inTempDir(async (folder) => {
    const env = { CODEX_HOME: folder };
    const none = await found(credentialsCheck, { env });
    assert.match(
      none.join("\n"),
      /^error: No key for openai.* -> printenv OPENAI_API_KEY \| codex login/,
    );
    const blank = await found(credentialsCheck, { env: { ...env, OPENAI_API_KEY: "  " } });
    assert.deepEqual(blank, none);
    for (const name of ["OPENAI_API_KEY", "CODEX_API_KEY"]) {
      const set = await found(credentialsCheck, { env: { ...env, [name]: KEY } });
      assert.deepEqual(set, [`ok: A key for openai, from ${name}`]);
    }
    const file = join(folder, "auth.json");
    await Deno.writeTextFile(file, JSON.stringify({ OPENAI_API_KEY: KEY }), { mode: 0o600 });
    const stored = await found(credentialsCheck, { env });
    assert.deepEqual(stored, [`ok: A key for openai, from ${file}`]);
    await Deno.chmod(file, 0o644);
    const open = await found(credentialsCheck, { env });
    assert.deepEqual(open.slice(1), [
      `warning: ${file} holds a secret and is open to other users (mode 644) -> chmod 600 ${file}`,
    ]);
  });
});

Deno.test("doctor credentials finds an auth.json that is broken or of no use", async () => {
  await inTempDir(async (folder) => {
    const file = join(folder, "auth.json");
    const linesOf = async (text: string) => {
      await Deno.writeTextFile(file, text, { mode: 0o600 });
      return (await found(credentialsCheck, { env: { CODEX_HOME: folder } })).join("\n");
    };
    const broken = await linesOf(`{"OPENAI_API_KEY": "${KEY}`);
    assert.match(broken, /^error: No key for openai[^]*\nerror: .*auth\.json is not valid JSON/);
    assert.ok(!broken.includes("sk-"), broken);
    const chatgpt = await linesOf('{"auth_mode": "chatgpt", "tokens": {}}');
    assert.match(chatgpt, /\nwarning: .*auth\.json holds a ChatGPT login/);
    await Deno.remove(file);
    await Deno.mkdir(file, { mode: 0o700 });
    const folderInstead = await found(credentialsCheck, { env: { CODEX_HOME: folder } });
    assert.match(folderInstead.join("\n"), /\nerror: Cannot read .*auth\.json/);
  });
});

Deno.test("doctor credentials knows the ways of other providers", async () => {
  await inTempDir(async (folder) => {
    const file = join(folder, "config.toml");
    const lines = async (table: string, env: Record<string, string> = {}) => {
      const text =
        `model_provider = "mine"\n[model_providers.mine]\nbase_url = "http://x.invalid"\n`;
      await Deno.writeTextFile(file, text + table, { mode: 0o600 });
      return await found(credentialsCheck, { env: { CODEX_HOME: folder, ...env } });
    };
    assert.deepEqual(await lines(""), ["ok: None needed for mine"]);
    assert.deepEqual(await lines('http_headers = { a = "b" }\n'), [
      "ok: None needed for mine, beyond the headers in the configuration",
    ]);
    assert.deepEqual(await lines('env_key = "MINE_KEY"\n', { MINE_KEY: KEY }), [
      "ok: A key for mine, from MINE_KEY",
    ]);
    assert.deepEqual(await lines('env_key = "MINE_KEY"\nenv_key_instructions = "Ask Ann"\n'), [
      "error: No key for mine: MINE_KEY is not set -> Ask Ann",
    ]);
    const mistaken = await lines(`env_key = "${KEY}"\n`);
    assert.match(
      mistaken.join("\n"),
      /^error: No key for mine: the variable that `model_providers/,
    );
    assert.ok(!mistaken.join("\n").includes(KEY));
    const token = `experimental_bearer_token = "${KEY}"\n`;
    assert.deepEqual(await lines(token), ["ok: A token for mine, from the configuration"]);
    await Deno.chmod(file, 0o640);
    const open = await found(credentialsCheck, { env: { CODEX_HOME: folder } });
    assert.match(
      open[1] ?? "",
      /^warning: .*config\.toml holds a secret and is open to other users/,
    );
    const demo = await found(credentialsCheck, {
      env: { CODEX_HOME: folder },
      words: ["-c", "model_provider=demo"],
    });
    assert.equal(demo[0], "ok: None needed for demo");
    await Deno.writeTextFile(file, "model = 1\n");
    const unusable = await found(credentialsCheck, { env: { CODEX_HOME: folder } });
    assert.match(unusable.join("\n"), /^warning: Which key is needed is not known/);
  });
});

async function sha256(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** A cache as the packed file makes it, with small files. */
async function unpacked(
  base: string,
  options: { readonly isVerifiedAtStart: boolean } = { isVerifiedAtStart: false },
): Promise<Packaging & { readonly runtimeDir: string }> {
  const files = { "deno": "runtime", "app/main.js": "program", "app/a b.js": "chunk" };
  let manifest = "";
  for (const [path, text] of Object.entries(files)) manifest += `${await sha256(text)}  ${path}\n`;
  const runtimeDir = join(base, `${VERSION}-${(await sha256(manifest)).slice(0, 16)}`);
  await Deno.mkdir(join(runtimeDir, "app"), { recursive: true });
  for (const [path, text] of Object.entries({ ...files, MANIFEST: manifest, ready: "" })) {
    await Deno.writeTextFile(join(runtimeDir, path), text);
  }
  await Deno.chmod(runtimeDir, 0o700);
  const file = join(base, "codex");
  await Deno.writeTextFile(file, "#!/bin/sh\n");
  return { ...fromSource, form: "packed", file, runtimeDir, ...options, command: [file] };
}

Deno.test("doctor cache is fine with what was packed in a private folder, and needless from source", async () => {
  assert.deepEqual(await found(cacheCheck, {}), ["ok: None: this program runs from its sources"]);
  const compiled: Packaging = { ...fromSource, form: "compiled", file: "/codex" };
  assert.deepEqual(await found(cacheCheck, { packaging: compiled }), [
    "ok: None: this program runs from one file as it is",
  ]);
  await inTempDir(async (base) => {
    const packaging = await unpacked(base);
    const [place = "", ...rest] = await found(cacheCheck, { packaging });
    assert.match(place, /^ok: .*, \d\S* [KM]iB, mode 700, private, trusted once it is unpacked$/);
    assert.deepEqual(rest, ["ok: All 3 files are as they were packed"]);
  });
});

Deno.test("doctor cache finds what was changed, and folders that others can get at", async () => {
  await inTempDir(async (base) => {
    const packaging = await unpacked(base);
    const { runtimeDir } = packaging;
    const problems = async (change: { uid?: number } = {}) =>
      (await found(cacheCheck, { packaging, change })).filter((line) => !line.startsWith("ok"));
    await Deno.writeTextFile(join(runtimeDir, "app/main.js"), "other program");
    const remove = `rm -rf ${runtimeDir}; the next start unpacks it again`;
    assert.deepEqual(await problems(), [
      `error: 1 of 3 files in ${runtimeDir} were changed: app/main.js -> ${remove}`,
    ]);
    await Deno.remove(join(runtimeDir, "deno"));
    assert.match((await problems()).join("\n"), /^error: 2 of 3 files .* deno, app\/main\.js ->/);
    await Deno.writeTextFile(join(runtimeDir, "MANIFEST"), `${await sha256("x")}  deno\n`);
    assert.match((await problems()).join("\n"), /^error: .*MANIFEST is missing, or not the one/);

    await Deno.chmod(runtimeDir, 0o755);
    assert.match(
      (await problems())[0] ?? "",
      /^warning: .* is open to other users .* -> chmod 700/,
    );
    await Deno.chmod(runtimeDir, 0o770);
    assert.match(
      (await problems())[0] ?? "",
      /^error: .* who could put another program there -> rm/,
    );
    const uid = (Deno.uid() ?? 0) + 1;
    assert.match((await problems({ uid }))[0] ?? "", /^error: .* belongs to user \d+, who could/);
    await Deno.remove(runtimeDir, { recursive: true });
    assert.match((await problems()).join("\n"), /^error: .* is gone, .* -> Start codex again$/);
  });
});

Deno.test("doctor cache warns outside of the private folder, and of what is left beside it", async () => {
  await inTempDir(async (base) => {
    const packaging = await unpacked(base, { isVerifiedAtStart: true });
    const [place = ""] = await found(cacheCheck, { packaging });
    assert.match(place, /^warning: .* every start verifies it, .* -> Set CODEX_RUNTIME_DIR/);
    for (const name of ["0.169.0-0123456789abcdef", ".unpack-77-0", "mine"]) {
      await Deno.mkdir(join(base, name));
      await Deno.writeTextFile(join(base, name, "f"), "x".repeat(10_000));
    }
    const last = (await found(cacheCheck, { packaging })).at(-1) ?? "";
    assert.match(last, /^warning: 2 other versions in .*, 2\d KiB -> codex cache clean/);
  });
});

Deno.test("parseManifest takes the lines of sha256sum and nothing that leads elsewhere", async () => {
  const sum = "0".repeat(64);
  assert.deepEqual(parseManifest(`${sum}  deno\n${sum} *app/a b.js\n`), [
    { sha256: sum, path: "deno" },
    { sha256: sum, path: "app/a b.js" },
  ]);
  for (
    const bad of ["", "\n", "deno", `${sum}  ../x`, `${sum}  /x`, `${sum}  a/../b`, `${sum} deno`]
  ) {
    assert.equal(parseManifest(bad), null, bad);
  }
  fc.assert(fc.property(fc.string(), (text) => {
    for (const { sha256, path } of parseManifest(text) ?? []) {
      assert.match(sha256, /^[0-9a-f]{64}$/);
      assert.ok(!path.startsWith("/"));
    }
  }));
  const name = fc.stringMatching(/^[a-z][a-z. /]{0,9}$/).filter((text) => !text.includes(".."));
  fc.assert(fc.property(fc.array(name, { minLength: 1 }), (names) => {
    const text = names.map((path) => `${sum}  ${path}\n`).join("");
    assert.deepEqual(parseManifest(text), names.map((path) => ({ sha256: sum, path })));
  }));
  await inTempDir(async (folder) => {
    await Deno.writeTextFile(join(folder, "a"), "A");
    const entries = [{ sha256: await sha256("A"), path: "a" }, { sha256: sum, path: "b" }];
    assert.deepEqual(await changedFiles(folder, entries), ["b"]);
  });
});

Deno.test("doctor version names form, file and commit, and misses a file that is gone", async () => {
  const [source = ""] = await found(versionCheck, {});
  assert.ok(source.startsWith(`ok: codex ${VERSION}, from source in `), source);
  await inTempDir(async (base) => {
    const packaging = await unpacked(base);
    const line = `codex ${VERSION}, packed in ${packaging.file}, commit ${COMMIT ?? "unknown"}`;
    assert.deepEqual(await found(versionCheck, { packaging }), [`ok: ${line}`]);
    await Deno.remove(packaging.file ?? "");
    const [gone = ""] = await found(versionCheck, { packaging });
    assert.ok(gone.startsWith(`error: ${line}; the file is not there any more -> `), gone);
  });
});

Deno.test("doctor runtime warns of a Deno that was not tested, but for built files", async () => {
  const [line = ""] = await found(runtimeCheck, {});
  assert.ok(line.includes(`Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${Deno.build.arch}`));
  const old = { deno: "2.1.0", v8: "13" };
  assert.equal(runtimeFinding(old, { form: "source" }).status, "warning");
  assert.equal(runtimeFinding(old, { form: "packed" }).status, "ok");
  assert.equal(runtimeFinding({ ...old, deno: "2.9.9" }, { form: "source" }).status, "ok");
});
