/** First starts of the file that was really built, few of them: each costs a second and 100 MB. */
import assert from "node:assert/strict";
import { VERSION } from "../../src/lib/version.ts";
import { PACKED } from "../support/forms.ts";
import { filesBelow, modeOf } from "./packed_world.ts";

const [FILE = ""] = PACKED.command;

/** A temp folder with an empty home. */
interface Place extends AsyncDisposable {
  readonly root: string;
  /** Starts a file with an environment that is almost empty. */
  run(words: readonly string[], options?: {
    readonly file?: string;
    readonly env?: Readonly<Record<string, string>>;
  }): Promise<readonly [code: number, stdout: string, stderr: string]>;
}

async function makePlace(): Promise<Place> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_real_" }));
  await Deno.mkdir(`${root}/home`, { mode: 0o700 });
  await Deno.mkdir(`${root}/tmp`);
  return {
    root,
    async run(words, { file = FILE, env = {} } = {}) {
      const { code, stdout, stderr } = await new Deno.Command(file, {
        args: [...words],
        cwd: root,
        clearEnv: true,
        env: { PATH: "/usr/bin:/bin", TMPDIR: `${root}/tmp`, ...env },
        stdin: "null",
      }).output();
      const decoder = new TextDecoder();
      return [code, decoder.decode(stdout), decoder.decode(stderr)];
    },
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

/** Declares a test that is ignored, and says so, where nothing was built. */
function testBuilt(name: string, fn: (place: Place) => Promise<void>): void {
  Deno.test({
    name: `${name}${PACKED.isMissing ? ` [ignored: ${PACKED.reason}]` : ""}`,
    ignore: PACKED.isMissing,
    async fn() {
      await using place = await makePlace();
      await fn(place);
    },
  });
}

testBuilt(
  "four first starts of the built file at once work, and later ones need no payload",
  async (place) => {
    const env = { HOME: `${place.root}/home` };
    const words = ["features", "list"];
    const all = await Promise.all(Array.from({ length: 4 }, () => place.run(words, { env })));
    const stdout = all[0]?.[1] ?? "";
    assert.notEqual(stdout, "");
    for (const one of all) assert.deepEqual(one, [0, stdout, ""]);
    const cache = `${place.root}/home/.cache/codex-runtime`;
    const paths = await filesBelow(cache);
    const [folder = ""] = paths;
    assert.match(folder, new RegExp(`^${VERSION}-[0-9a-f]{16}$`));
    assert.deepEqual(paths.filter((path) => !path.startsWith(folder)), []);
    assert.ok(paths.includes(`${folder}/denodir/v8_code_cache_v2`), "not primed");
    assert.equal(await modeOf(`${cache}/${folder}`), "700");
    assert.equal(await modeOf(`${cache}/${folder}/deno`), "500");

    // The same script without most of its payload: what is unpacked is all that it needs.
    const cut = `${place.root}/codex`;
    await Deno.writeFile(cut, (await head(FILE)).slice(), { mode: 0o755 });
    assert.deepEqual(await place.run(words, { file: cut, env }), [0, stdout, ""]);
    const [failed, , told] = await place.run(words, { file: cut });
    assert.deepEqual([failed, /is incomplete: .* download it again/.test(told)], [126, true]);
  },
);

testBuilt("the built file works without a home, and replaces what was changed", async (place) => {
  const words = ["--version", "--verbose"];
  const [code, stdout, stderr] = await place.run(words);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^form: +packed$/m);
  const [base = "", version = ""] = await filesBelow(`${place.root}/tmp`);
  assert.equal(base, `codex-runtime-${Deno.uid()}`);
  const main = `${place.root}/tmp/${version}/app/main.js`;
  const text = await Deno.readTextFile(main);
  await Deno.chmod(main, 0o600);
  await Deno.writeTextFile(main, `console.log("changed");${text}`);
  assert.deepEqual(await place.run(words), [0, stdout, ""]);
  assert.equal(await Deno.readTextFile(main), text);
  assert.deepEqual(await filesBelow(`${place.root}/tmp/${version}/denodir`), []);
});

testBuilt("the built file holds no path of the machine that built it", async () => {
  const root = new URL("../../", import.meta.url).pathname;
  const script = new TextDecoder().decode(await head(FILE));
  assert.ok(!script.includes(root) && !script.includes(Deno.env.get("HOME") ?? root));
  assert.ok((await Deno.stat(FILE)).size < 45_000_000);
});

/** The beginning of the file, with all of its script. */
async function head(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(100_000);
  return bytes.subarray(0, await file.read(bytes) ?? 0);
}
