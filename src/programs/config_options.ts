/** Loads the configuration that a command line asks for; must not know any program. */
import type { Args } from "../cli/args.ts";
import type { Config } from "../config/config.ts";
import type { ConfigFlags } from "../config/load.ts";
import { absolutePath } from "../lib/absolute_path.ts";
import { codexHomeOf, type Host } from "./host.ts";

/** The configuration for a parsed command line; `cwd` is that of `--cd`, else of the process. */
export async function configFromArgs(
  args: Args,
  host: Pick<Host, "env" | "cwd">,
): Promise<Config> {
  // Loaded here, because a server answers its first request without it.
  const { loadConfig } = await import("../config/load.ts");
  return await loadConfig({
    codexHome: codexHomeOf(host),
    cwd: cwdOfArgs(args, host),
    env: host.env,
    cliOverrides: args.texts("config"),
    flags: configFlags(args),
  });
}

/** The working directory that a command line asks for. */
export function cwdOfArgs(args: Args, host: Pick<Host, "cwd">): string {
  const asked = args.knows("cd") ? args.text("cd") : null;
  return asked === null ? host.cwd : absolutePath(asked, host.cwd);
}

/** The flags that change the configuration. Programs without an agent know only some of them. */
export function configFlags(args: Args): ConfigFlags {
  const text = (name: string) => args.knows(name) ? args.text(name) ?? undefined : undefined;
  const isSet = (name: string) => args.knows(name) && args.isSet(name);
  return {
    model: text("model"),
    sandbox: text("sandbox"),
    approvalPolicy: text("ask-for-approval"),
    maxSandbox: text("max-sandbox"),
    profile: text("profile"),
    oss: isSet("oss"),
    localProvider: text("local-provider"),
    search: isSet("search"),
    addDirs: args.knows("add-dir") ? args.texts("add-dir") : [],
    enable: args.texts("enable"),
    disable: args.texts("disable"),
    strictConfig: isSet("strict-config"),
    fullAuto: isSet("full-auto"),
    bypass: isSet("dangerously-bypass-approvals-and-sandbox"),
  };
}
