/** In which form this program runs, and the words that start it again; must not know any program. */

/**
 * `source`: from its TypeScript files. `packed`: unpacked from one file by the script at its head.
 * `compiled`: one file that is runtime and program at once.
 */
export type Form = "source" | "packed" | "compiled";

/** What a running program knows about the file it came from. */
export interface Packaging {
  readonly form: Form;
  /** The file that people start, an absolute path; null from source. */
  readonly file: string | null;
  /** Where a packed program was unpacked to: the runtime, `app/` and, if trusted, `denodir/`; else null. */
  readonly runtimeDir: string | null;
  /** True when what was unpacked lies outside the private cache, so that every start verifies it. */
  readonly isVerifiedAtStart: boolean;
  /** Program and first arguments of a process that is this program once more. */
  readonly command: readonly string[];
}

/** What the runtime of a packed program is started with. Nothing is looked up around it, nothing fetched. */
export const RUNTIME_FLAGS: readonly string[] = [
  "run",
  "-A",
  "--no-config",
  "--no-lock",
  "--no-remote",
  "--no-npm",
  "--cached-only",
  "--no-prompt",
  "--quiet",
];

/** Variables by which the script at the head of a packed file tells what it did. */
const FILE = "CODEX_PACKED_FILE";
const FOLDER = "CODEX_PACKED_DIR";
const IS_VERIFIED = "CODEX_PACKED_VERIFIED";
/** Set by that script for our runtime only: commands of the agent must not see them. */
const OURS = [FILE, FOLDER, IS_VERIFIED, "DENO_DIR", "DENO_NO_UPDATE_CHECK"];
/** What the user had set of these, which our runtime must not see, stands under a name with this in front. */
const OUTER = "CODEX_OUTER_";
const SET_ASIDE = ["DENO_DIR", "NODE_OPTIONS"];

/**
 * Reads the packaging from the environment of this process, and gives that environment back as it was
 * outside: commands that the agent runs may well use a Deno of their own.
 */
export function takePackaging(): Packaging {
  // It overrules the address that a listener asks for, so a server on loopback would face the network.
  Deno.env.delete("DENO_SERVE_ADDRESS");
  if (Deno.build.standalone) return compiledPackaging(Deno.execPath());
  const file = Deno.env.get(FILE);
  const runtimeDir = Deno.env.get(FOLDER);
  if (file === undefined || runtimeDir === undefined) return sourcePackaging();
  const isVerifiedAtStart = Deno.env.get(IS_VERIFIED) !== undefined;
  for (const name of OURS) Deno.env.delete(name);
  for (const name of SET_ASIDE) {
    const outer = Deno.env.get(OUTER + name);
    if (outer !== undefined) Deno.env.set(name, outer);
    Deno.env.delete(OUTER + name);
  }
  // Through the file again: its script knows whether the unpacked runtime can be trusted.
  return { form: "packed", file, runtimeDir, isVerifiedAtStart, command: [file] };
}

function compiledPackaging(file: string): Packaging {
  return { form: "compiled", file, runtimeDir: null, isVerifiedAtStart: false, command: [file] };
}

function sourcePackaging(): Packaging {
  const path = (name: string) => new URL(`../../${name}`, import.meta.url).pathname;
  return {
    form: "source",
    file: null,
    runtimeDir: null,
    isVerifiedAtStart: false,
    command: [
      Deno.execPath(),
      "run",
      "-A",
      "--no-prompt",
      "--quiet",
      "--config",
      path("deno.json"),
      path("main.ts"),
    ],
  };
}
