/** The forms in which the program runs, so that one test proves the same of each; knows no test. */

/** One form of the program. */
export interface Form {
  readonly name: "source" | "packed" | "compiled";
  /** The words that start `codex`. */
  readonly command: readonly string[];
  /** What it needs to leave the home folder of whoever runs the tests alone, also where HOME is another. */
  readonly env: Readonly<Record<string, string>>;
  /** True where this form was not built; `scripts/test.ts` builds what can be built. */
  readonly isMissing: boolean;
  /** Why it is missing, in a few words. */
  readonly reason: string;
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** From the TypeScript files; never missing. */
export const SOURCE: Form = {
  name: "source",
  command: [
    Deno.execPath(),
    ...["run", "-A", "--no-check", "--quiet", "--no-prompt", "--config", `${ROOT}deno.json`],
    `${ROOT}main.ts`,
  ],
  env: { DENO_DIR: sharedDenoDir() },
  isMissing: false,
  reason: "",
};

/** The file that unpacks itself. Without a folder of its own it would unpack into the real cache. */
export const PACKED: Form = builtForm("packed", ["CODEX_BUILT", "CODEX_RUNTIME_DIR"]);

/** The file that `deno compile` makes, which needs a runtime that not every machine can have. */
export const COMPILED: Form = builtForm("compiled", ["CODEX_COMPILED"]);

/** All forms, missing ones included. */
export const FORMS: readonly Form[] = [SOURCE, PACKED, COMPILED];

/** Declares one test per form; where a form is missing, its test is ignored and its name says why. */
export function testEachForm(
  name: string,
  test: (form: Form) => Promise<void>,
  { forms = FORMS }: { readonly forms?: readonly Form[] } = {},
): void {
  for (const form of forms) {
    const why = form.isMissing ? `, ignored: ${form.reason}` : "";
    Deno.test({
      name: `${name} [${form.name}${why}]`,
      ignore: form.isMissing,
      fn: () => test(form),
    });
  }
}

/** `variables`: the one that names the file, then those that it must not run without. */
function builtForm(
  name: "packed" | "compiled",
  variables: readonly [string, ...string[]],
): Form {
  const absent = variables.filter((variable) => !Deno.env.get(variable));
  const [file, ...needed] = variables;
  return {
    name,
    command: [Deno.env.get(file) ?? ""],
    env: Object.fromEntries(needed.map((variable) => [variable, Deno.env.get(variable) ?? ""])),
    isMissing: absent.length > 0,
    reason: absent.length > 0 ? `${absent.join(" and ")} not set` : "",
  };
}

/** Where this Deno keeps packages; with another HOME the program from source would fetch them again. */
function sharedDenoDir(): string {
  const home = Deno.env.get("HOME") ?? "";
  const caches = Deno.build.os === "darwin" ? `${home}/Library/Caches` : `${home}/.cache`;
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("XDG_CACHE_HOME") ?? caches}/deno`;
}
