/** Tells cheaply that nothing has to be asked before the screen opens; must not load the configuration. */
import type { Args } from "../../cli/args.ts";
import { authFile } from "../../account/auth.ts";
import { trustPlaces } from "../../config/trust.ts";
import { userConfigFile } from "../../config/user_file.ts";
import { cwdOfArgs } from "../config_options.ts";
import { codexHomeOf, type Host } from "../host.ts";

/** Need no key. */
const KEYLESS: readonly string[] = ["demo", "ollama", "lmstudio"];
const MARKERS: readonly string[] = [".git"];
/** Flags that choose a provider in a way that only the configuration knows. */
const CHOOSING_FLAGS = ["oss", "local-provider", "profile"] as const;
/** Whatever else is overridden changes neither provider nor trust. */
const CHOOSING_KEY = /^\s*(?:model_provider|profile|projects|project_root_markers|oss_provider)/;

/**
 * True where folder and provider are settled: the common start, which is not to wait for more than two files. False may
 * mean anything. The text of the config is searched rather than parsed: a text that only looks like a setting costs
 * a question, and what the setting decides is decided by the server, which parses.
 */
export function isSettled(args: Args, host: Pick<Host, "env" | "cwd">): boolean {
  const home = codexHomeOf(host);
  if (CHOOSING_FLAGS.some((name) => args.knows(name) && args.isSet(name))) return false;
  if (args.texts("config").some((one) => CHOOSING_KEY.test(one))) return false;
  const text = readText(userConfigFile(home));
  if (/^\s*(?:profile\s*=|project_root_markers)|model_providers/m.test(text)) return false;
  const isTrustSettled = decidesPolicies(args) || knowsTrust(text, cwdOfArgs(args, host));
  return isTrustSettled && hasProvider(text, { home, env: host.env });
}

/** Whether a command line leaves nothing open that the trust in a folder would decide. */
export function decidesPolicies(args: Args): boolean {
  const isSet = (name: string) => args.knows(name) && args.isSet(name);
  return isSet("dangerously-bypass-approvals-and-sandbox") || isSet("full-auto") ||
    (isSet("sandbox") && isSet("ask-for-approval"));
}

function knowsTrust(text: string, cwd: string): boolean {
  return trustPlaces(cwd, MARKERS)
    .flatMap((path) => [`[projects.${JSON.stringify(path)}]`, `[projects.'${path}']`])
    .some((header) => {
      const [, after = ""] = `\n${text}`.split(`\n${header}`);
      const [section = ""] = after.split("\n[");
      return /^\s*trust_level\s*=\s*["'](?:un)?trusted["']/m.test(section);
    });
}

function hasProvider(
  text: string,
  { home, env }: { readonly home: string; readonly env: Readonly<Record<string, string>> },
): boolean {
  const [top = ""] = text.split(/^\s*\[/m);
  const provider = /^\s*model_provider\s*=\s*["']([^"']*)["']/m.exec(top)?.[1] ?? "openai";
  if (KEYLESS.includes(provider)) return true;
  if (provider !== "openai") return false;
  if (env["CODEX_API_KEY"]?.trim() || env["OPENAI_API_KEY"]?.trim()) return true;
  return /"OPENAI_API_KEY"\s*:\s*"[^"\s]/.test(readText(authFile(home)));
}

/** Empty where there is none that can be read: whoever reads it in earnest says so. */
function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Error) return "";
    throw error;
  }
}
