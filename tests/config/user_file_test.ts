/** Tests changes of the user's config file on a real disk. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { editUserConfig } from "../../src/config/user_file.ts";
import { CodexError } from "../../src/lib/errors.ts";
import { withTempDir } from "../store/temp_dir.ts";

const TRUST = { path: ["projects", '/a "b"/ü', "trust_level"], value: "trusted" };

Deno.test("edits of a config file keep its comments, order and other keys, and make it private", () =>
  withTempDir(async (dir) => {
    const file = join(dir, "config.toml");
    await Deno.writeTextFile(
      file,
      "# mine\nmodel = 'x' # why\n\n[tui] # last\nnotifications = 1\n",
      {
        mode: 0o644,
      },
    );
    await editUserConfig(dir, [{ path: ["model_provider"], value: "demo" }, TRUST]);
    assert.equal(
      await Deno.readTextFile(file),
      "# mine\nmodel = 'x' # why\nmodel_provider = \"demo\"\n\n[tui] # last\nnotifications = 1\n" +
        '\n[projects."/a \\"b\\"/ü"]\ntrust_level = "trusted"\n',
    );
    assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("the first edit makes the file and its folder, both private", () =>
  withTempDir(async (dir) => {
    const home = join(dir, "new");
    await editUserConfig(home, [TRUST]);
    assert.match(await Deno.readTextFile(join(home, "config.toml")), /^\[projects\./);
    assert.equal(((await Deno.stat(home)).mode ?? 0) & 0o777, 0o700);
    assert.equal(((await Deno.stat(join(home, "config.toml"))).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual(Array.from(Deno.readDirSync(home), ({ name }) => name), ["config.toml"]);
  }));

Deno.test("a file that is no TOML stays as it is, and so does one that an edit does not fit", () =>
  withTempDir(async (dir) => {
    const file = join(dir, "config.toml");
    for (const text of ["model = ", "projects = 3\n"]) {
      await Deno.writeTextFile(file, text);
      await assert.rejects(editUserConfig(dir, [TRUST]), (error) => {
        assert.ok(error instanceof CodexError && error.kind === "invalidConfig");
        assert.ok(error.message.startsWith(`Cannot change ${file}: `));
        return true;
      });
      assert.equal(await Deno.readTextFile(file), text);
    }
  }));
