/** `codex app-server generate-ts` and `generate-json-schema`: writes the protocol for client authors. */
import { dirname, join, resolve } from "node:path";
import type { Args } from "../cli/args.ts";
import { CliError, messageOf } from "../lib/errors.ts";
import type { Host } from "./host.ts";

/** Writes the files of the asked form into `--out`. */
export async function generate(args: Args, host: Host): Promise<number> {
  const out = resolve(host.cwd, args.text("out") ?? ".");
  const files = args.path.includes("generate-ts")
    ? await (await import("../protocol/typescript.ts")).typescriptFiles()
    : await (await import("../protocol/schema.ts")).jsonSchemaFiles();
  try {
    for (const [name, text] of files) {
      const path = join(out, name);
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
  } catch (error) {
    throw new CliError(`Cannot write to ${out}: ${messageOf(error)}`, 1, { cause: error });
  }
  return 0;
}
