/**
 * `deno task build`: the split bundle and a launcher in `dist/`; must not download a runtime.
 *
 * This is not yet the one-file build: `dist/codex` is a small sh script that starts the bundle with the
 * `deno` on PATH (or in `CODEX_DENO`). The bundle itself needs no network and no package cache.
 */

const LAUNCHER = `#!/bin/sh
# Starts the bundle beside this script; CODEX_DENO names a Deno that is not on PATH.
self=$(readlink -f "$0") || exit 1
exec "\${CODEX_DENO:-deno}" run -A --no-config --no-lock --cached-only --no-prompt --quiet \\
  "\${self%/*}/main.js" "$@"
`;

async function main(): Promise<number> {
  const root = new URL("../", import.meta.url);
  const dist = new URL("dist/", root);
  await Deno.remove(dist, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  // One tiny entry and a chunk per program: a single file of this size starts five times slower.
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--outdir", "dist", "--code-splitting", "--minify", "main.ts"],
    cwd: root,
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  if (code !== 0) return 1;
  await Deno.writeTextFile(new URL("codex", dist), LAUNCHER, { mode: 0o755 });
  console.log("Built dist/codex: it needs Deno on PATH, or CODEX_DENO=/path/to/deno");
  return 0;
}

if (import.meta.main) Deno.exit(await main());
