/** Checks which version runs, in which form, on which runtime; must not start anything. */
import { dirname, normalize } from "node:path";
import { readGitInfo } from "../../agent/context/git_info.ts";
import { COMMIT, VERSION } from "../../lib/version.ts";
import type { Packaging } from "../packaging.ts";
import { type Check, error, type Finding, ok, warning } from "./check.ts";
import { lookAt } from "./paths.ts";

/** The versions of the runtime that this program is tested with; built files bring theirs. */
const TESTED_DENO = "2.9";

/** Which codex this is. */
export const versionCheck: Check = {
  name: "version",
  run: ({ host }) => versionFinding(host.packaging),
};

/** The runtime below it. */
export const runtimeCheck: Check = {
  name: "runtime",
  run: ({ host }) => Promise.resolve(runtimeFinding(Deno.version, host.packaging)),
};

async function versionFinding(packaging: Packaging): Promise<Finding> {
  const { form, file } = packaging;
  const version = `codex ${VERSION}`;
  if (form === "source") {
    const folder = dirname(packaging.command.at(-1) ?? "");
    const commit = (await readGitInfo(folder))?.sha;
    return ok(`${version}, from source in ${folder}${commit ? `, commit ${commit}` : ""}`);
  }
  const message = `${version}, ${form} in ${normalize(file ?? "")}, commit ${COMMIT ?? "unknown"}`;
  const found = file === null ? null : await lookAt(file);
  if (found === null || found.type === "found" && found.stat.isFile) return ok(message);
  return error(
    `${message}; the file is not there any more`,
    "Put the file back, or start the new one: this program cannot start itself without it",
  );
}

/** What to say about a runtime. */
export function runtimeFinding(
  versions: { readonly deno: string; readonly v8: string },
  { form }: Pick<Packaging, "form">,
): Finding {
  const { arch, os } = Deno.build;
  const message = `Deno ${versions.deno}, V8 ${versions.v8}, ${arch}, ${os}`;
  if (form !== "source" || versions.deno.startsWith(`${TESTED_DENO}.`)) return ok(message);
  return warning(`${message}; tested with ${TESTED_DENO}`, `Use Deno ${TESTED_DENO}`);
}
