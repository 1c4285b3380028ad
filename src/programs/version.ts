/** `codex --version --verbose`: says what exactly is running; must not look anywhere but into this process. */
import { COMMIT, VERSION } from "../lib/version.ts";
import type { Packaging } from "./packaging.ts";

/** The lines to put into a bug report. */
export function versionReport({ form }: Pick<Packaging, "form">): string {
  return `codex-cli ${VERSION}
commit: ${COMMIT ?? "none, runs from source"}
form: ${form}
runtime: Deno ${Deno.version.deno}, V8 ${Deno.version.v8}
target: ${Deno.build.target}
`;
}
