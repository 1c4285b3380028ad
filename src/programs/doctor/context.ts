/** Gathers what the checks share from the command line and the machine; must not judge anything. */
import { askEndpoint } from "../../agent/model/reachable.ts";
import type { Args } from "../../cli/args.ts";
import { Processes } from "../../exec/process.ts";
import type { SystemCalls } from "../../exec/system_calls.ts";
import { CliError } from "../../lib/errors.ts";
import { configFromArgs } from "../config_options.ts";
import { codexHomeOf, type Host } from "../host.ts";
import { terminalSize } from "../terminal_size.ts";
import type { CheckContext, LoadedConfig } from "./check.ts";

/** How long the model endpoint may take to answer. */
const ENDPOINT_LIMIT_MS = 5000;

/** What the checks work with, for this command line on this machine. */
export function checkContext(
  args: Args,
  { host, system }: { readonly host: Host; readonly system: SystemCalls | null },
): CheckContext {
  const { clock, env } = host;
  const home = homeOf(host);
  const config = once(() => loadedConfig(args, host));
  const endpoint = once(async () => {
    const loaded = await config();
    if (loaded.type !== "loaded") return null;
    const provider = loaded.config.modelProviders[loaded.config.modelProviderId];
    return provider
      ? await askEndpoint(provider, { env, clock, limitMs: ENDPOINT_LIMIT_MS })
      : null;
  });
  return {
    host,
    os: Deno.build.os,
    uid: Deno.uid(),
    home,
    processes: new Processes({ clock }),
    system,
    columns: () => terminalSize()?.columns ?? null,
    config,
    endpoint,
  };
}

function homeOf(host: Host): string | null {
  try {
    return codexHomeOf(host);
  } catch (error) {
    if (error instanceof CliError) return null;
    throw error;
  }
}

async function loadedConfig(args: Args, host: Host): Promise<LoadedConfig> {
  if (homeOf(host) === null) return { type: "homeless" };
  try {
    return { type: "loaded", config: await configFromArgs(args, host) };
  } catch (error) {
    return { type: "failed", error };
  }
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | null = null;
  return () => answer ??= ask();
}
