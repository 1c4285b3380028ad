/** A home with a mock as its only provider, and the real program on it; must not know what a test checks. */
import { join } from "node:path";
import type { MockModel } from "../support/mock_model.ts";
import { type RealProgram, type RealServer, startRealServer } from "./real_server.ts";

/** Removed when it is disposed. */
export interface RealHome extends AsyncDisposable {
  /** Holds `home` and `project`. */
  readonly path: string;
}

/** Makes one. */
export async function makeHome(mock: MockModel): Promise<RealHome> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex-interop-" }));
  await Deno.mkdir(join(path, "home"));
  await Deno.mkdir(join(path, "project"));
  await Deno.writeTextFile(
    join(path, "home", "config.toml"),
    `model = "scripted-model"\nmodel_provider = "scripted"\n` +
      `check_for_update_on_startup = false\n` +
      `[model_providers.scripted]\nname = "Scripted"\nwire_api = "responses"\n` +
      `base_url = "${mock.url}"\n`,
  );
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Starts the program there. */
export function startReal(program: RealProgram, root: string): Promise<RealServer> {
  return startRealServer(program, { home: join(root, "home"), cwd: join(root, "project") });
}
