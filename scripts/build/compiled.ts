/** Makes the compiled form with `deno compile`, where its runtime can be had; must not know the packed form. */
import { dirname, join } from "node:path";
import { type Bundle, WORKERS } from "./bundle.ts";
import { type Target, TARGETS } from "./targets.ts";

/** How long an answer of the download server is waited for. */
const PROBE_MS = 3_000;

/** Whether the runtime for compiled programs (`denort`) is at hand: a file, or a server that has it. */
export async function canCompile(target: Target): Promise<boolean> {
  const file = Deno.env.get("DENORT_BIN");
  if (file) {
    await Deno.stat(file);
    return true;
  }
  const { version } = TARGETS[target];
  // `deno compile` takes the runtime of its own version only.
  if (version !== Deno.version.deno) return false;
  const url = `https://dl.deno.land/release/v${version}/denort-${target}.zip`;
  try {
    const response = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(PROBE_MS) });
    return response.ok;
  } catch {
    // No network, or none that leads there: the packed form needs neither.
    return false;
  }
}

/** Compiles a bundle to `output`. */
export async function compile(
  bundle: Bundle,
  { target, output }: { readonly target: Target; readonly output: string },
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "codex_compile_" });
  try {
    await Promise.all(
      [...bundle].map(([name, text]) => Deno.writeTextFile(`${folder}/${name}`, text)),
    );
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: compileArgs(`${folder}/main.js`, { target, output }),
      stdin: "null",
    }).output();
    if (success) return;
    throw new Error(`deno compile failed:\n${new TextDecoder().decode(stderr).trim()}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The words after `deno` for one file. */
export function compileArgs(
  entry: string,
  { target, output }: { readonly target: Target; readonly output: string },
): string[] {
  return [
    "compile",
    "--quiet",
    "-A",
    "--no-prompt",
    "--no-config",
    "--no-lock",
    "--no-check",
    // Compiled programs keep it in the shared folder for temporary files, where others could write it.
    "--no-code-cache",
    "--target",
    target,
    "--output",
    output,
    // They are started by address, which the compiler does not follow.
    ...Object.keys(WORKERS).flatMap((name) => ["--include", join(dirname(entry), name)]),
    entry,
  ];
}
