/** What a command line wishes of threads, for the server that opens them; must not know the screen. */
import type { Args } from "../../cli/args.ts";
import { APPROVAL_POLICIES, SANDBOX_MODES } from "../../cli/shared_flags.ts";
import type { ThreadWishes } from "../../tui/session.ts";
import { configFlags, cwdOfArgs } from "../config_options.ts";
import type { Host } from "../host.ts";

/**
 * Of a server elsewhere, which does not see this command line. `readOssProvider` asks it which local provider it is
 * configured for. Throws what is wrong with a value.
 */
export async function remoteWishes(
  args: Args,
  readOssProvider: () => Promise<string | null>,
): Promise<ThreadWishes> {
  const { table, addDirs } = await askedTable(args, []);
  const { model, sandbox_mode, approval_policy, model_provider, ...others } = table;
  const config = {
    ...flatten(others),
    ...addDirs.length === 0 ? {} : { "sandbox_workspace_write.writable_roots": addDirs },
  };
  const cwd = args.text("cd");
  const sandbox = SANDBOX_MODES.find((mode) => mode === sandbox_mode);
  const approvalPolicy = APPROVAL_POLICIES.find((policy) => policy === approval_policy);
  return {
    ...await modelWishes(args, { model, provider: model_provider, readOssProvider }),
    ...cwd === null ? {} : { cwd },
    ...sandbox ? { sandbox } : {},
    ...approvalPolicy ? { approvalPolicy } : {},
    ...Object.keys(config).length === 0 ? {} : { config },
  };
}

/**
 * Of a server of our own, which has the flags of this command line already and yet goes by the thread where that is an
 * earlier one.
 */
export async function ownWishes(
  args: Args,
  { host, overrides }: {
    readonly host: Pick<Host, "cwd">;
    /** As of `-c`. */
    readonly overrides: readonly string[];
  },
): Promise<ThreadWishes> {
  const isNew = args.path.length === 0;
  const names = ["model", "cd", "oss", "local-provider", "config"];
  if (isNew || (overrides.length === 0 && !names.some((name) => args.isSet(name)))) return {};
  const { table } = await askedTable(args, overrides);
  const { model, model_provider: provider, oss_provider: local } = table;
  const readOssProvider = () => Promise.resolve(typeof local === "string" ? local : null);
  return {
    ...await modelWishes(args, { model, provider, readOssProvider }),
    ...args.isSet("cd") ? { cwd: cwdOfArgs(args, host) } : {},
  };
}

async function askedTable(args: Args, overrides: readonly string[]) {
  const { sessionTable } = await import("../../config/load.ts");
  const flags = configFlags(args);
  const { table } = await sessionTable([...args.texts("config"), ...overrides], flags);
  return { table, addDirs: flags.addDirs ?? [] };
}

async function modelWishes(
  args: Args,
  { model, provider, readOssProvider }: {
    readonly model: unknown;
    readonly provider: unknown;
    readonly readOssProvider: () => Promise<string | null>;
  },
): Promise<ThreadWishes> {
  const asked = typeof model === "string" ? { model } : {};
  const { oss, localProvider } = configFlags(args);
  if (!oss && localProvider === undefined) {
    return { ...asked, ...typeof provider === "string" ? { modelProvider: provider } : {} };
  }
  const { defaultLocalModel } = await import("../../config/providers.ts");
  const modelProvider = localProvider ?? await readOssProvider() ?? "ollama";
  // The usual model, or that of an earlier thread, is one of another provider.
  return { model: defaultLocalModel(modelProvider), ...asked, modelProvider };
}

/**
 * Tables as dotted paths: what stands beside an overridden value on the server is to stay. A key with a dot of its own
 * cannot be part of such a path.
 */
function flatten(table: Readonly<Record<string, unknown>>, prefix = ""): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, value]) => {
      const path = `${prefix}${key}`;
      const isOpen = isTable(value) && Object.keys(value).every((name) => /^[\w-]+$/.test(name));
      return isOpen ? Object.entries(flatten(value, `${path}.`)) : [[path, value]];
    }),
  );
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
