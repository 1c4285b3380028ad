/** Loads the configuration from its layers; must not know what any value is used for. */
import { dirname, join } from "node:path";
import { CodexError, messageOf } from "../lib/errors.ts";
import type { Config } from "./config.ts";
import { checkLayer } from "./check.ts";
import { featureFlags, resolveFeatures } from "./features.ts";
import { text } from "./fields.ts";
import { type Layer, newLayer, withoutSandboxTable } from "./layer.ts";
import { readOverrides } from "./override.ts";
import { projectLayers } from "./project_file.ts";
import { expandPath, resolveConfig } from "./resolve.ts";
import { readToml } from "./toml_read.ts";
import { userConfigFile } from "./user_file.ts";
import { isTable, mergeTables, own, type Table, valueAt } from "./values.ts";

/** What the flags of a command line ask for. */
export interface ConfigFlags {
  readonly model?: string | undefined;
  readonly sandbox?: string | undefined;
  readonly approvalPolicy?: string | undefined;
  readonly maxSandbox?: string | undefined;
  readonly profile?: string | undefined;
  readonly oss?: boolean | undefined;
  readonly localProvider?: string | undefined;
  readonly search?: boolean | undefined;
  readonly addDirs?: readonly string[] | undefined;
  readonly enable?: readonly string[] | undefined;
  readonly disable?: readonly string[] | undefined;
  /** Refuse keys that are not known. */
  readonly strictConfig?: boolean | undefined;
  readonly fullAuto?: boolean | undefined;
  /** Never ask and never confine. */
  readonly bypass?: boolean | undefined;
}

/** Reads a whole text file; null when there is none. */
export type ReadFile = (path: string) => Promise<string | null>;

/** What `loadConfig` works with. */
export interface LoadOptions {
  readonly codexHome: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Each `key=value` of `-c`, as written. */
  readonly cliOverrides?: readonly string[];
  readonly flags?: ConfigFlags;
  readonly readFile?: ReadFile;
}

/**
 * Loads the configuration. Lowest first: defaults, `$CODEX_HOME/config.toml`, the chosen profile
 * (`[profiles.NAME]`, then `$CODEX_HOME/NAME.config.toml`), the files of a trusted project (harmless keys only), `-c`,
 * flags.
 *
 * Throws a `CodexError` that names the file, line, key, the bad value and what is allowed.
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const readFile = options.readFile ?? readTextFile;
  const flags = options.flags ?? {};
  const userFile = userConfigFile(options.codexHome);
  const session = await sessionTable(options.cliOverrides ?? [], flags);
  const user = await userLayer(userFile, readFile);
  const profile = text(session.table, "profile") ?? text(user.table, "profile");
  const chosen = profile === null
    ? NO_PROFILE
    : await profileLayers(user, { profile, userFile, readFile });
  const below = [user, ...chosen.layers];
  const project = await projectLayers(mergeAll(below), { cwd: options.cwd, userFile, readFile });
  const layers = [...below, ...project.layers, ...session.layers];
  const raw = mergeAll(layers);
  const unknown = [...user.warnings, ...chosen.warnings, ...session.warnings];
  if (flags.strictConfig) refuseUnknown(unknown);
  const { features, warnings } = await resolveFeatures(raw);
  const localProvider = resolveLocalProvider(raw, flags);
  return resolveConfig(raw, {
    codexHome: options.codexHome,
    cwd: options.cwd,
    env: options.env,
    profile,
    layers: await Promise.all(layers.filter((layer) => layer.isShown).map((layer) => layer.view())),
    warnings: [...unknown, ...project.warnings, ...warnings],
    features,
    instructionsFile: await readInstructions(raw, { ...options, readFile }),
    addDirs: flags.addDirs ?? [],
    localProvider,
    isModelAsked: text(session.table, "model") !== null,
  });
}

function mergeAll(layers: readonly Layer[]): Table {
  return layers.reduce<Table>((table, layer) => mergeTables(table, layer.table), {});
}

async function userLayer(
  file: string,
  readFile: ReadFile,
): Promise<Layer & { readonly warnings: readonly string[] }> {
  const content = await readFile(file);
  const table = content === null ? {} : await readToml(content, { file });
  const warnings = content === null
    ? []
    : await checkLayer(table, { type: "file", file, text: content });
  const layer = newLayer({ type: "user", file, profile: null }, withoutSandboxTable(table));
  return { ...layer, isShown: content !== null, warnings };
}

interface ProfileLayers {
  readonly layers: readonly Layer[];
  readonly warnings: readonly string[];
}

const NO_PROFILE: ProfileLayers = { layers: [], warnings: [] };
/** What can be part of the name of a file in the home folder, and of nothing elsewhere. */
const PLAIN_NAME = /^[\w-][\w.-]*$/;

/** The table of that name, as 0.120 has profiles, and the file, as later versions have them. */
async function profileLayers(
  user: Layer,
  options: {
    readonly profile: string;
    readonly userFile: string;
    readonly readFile: ReadFile;
  },
): Promise<ProfileLayers> {
  const { profile, userFile, readFile } = options;
  const table = valueAt(user.table, ["profiles", profile]);
  const tables = isTable(table) ? [newLayer({ type: "user", file: userFile, profile }, table)] : [];
  const file = join(dirname(userFile), `${profile}.config.toml`);
  const content = PLAIN_NAME.test(profile) ? await readFile(file) : null;
  if (content !== null) {
    const own = await readToml(content, { file });
    const warnings = await checkLayer(own, { type: "file", file, text: content });
    const layer = newLayer({ type: "user", file, profile }, withoutSandboxTable(own));
    return { layers: [...tables, layer], warnings };
  }
  if (tables.length > 0) return { layers: tables, warnings: [] };
  const orFile = PLAIN_NAME.test(profile) ? `, or make ${file}` : "";
  throw new CodexError(
    "invalidConfig",
    `config profile \`${profile}\` not found; add [profiles.${profile}] to ${userFile}${orFile}`,
  );
}

function refuseUnknown([first]: readonly string[]): void {
  if (first === undefined) return;
  const text = first.replace(/ is ignored$/, "");
  throw new CodexError("invalidConfig", `${text} (--strict-config); correct or remove it`);
}

/** What this command line sets: `-c`, then flags on top. */
export async function sessionTable(
  overrides: readonly string[],
  flags: ConfigFlags,
): Promise<{
  readonly table: Table;
  readonly layers: readonly Layer[];
  readonly warnings: readonly string[];
}> {
  const overridden = await readOverrides(overrides);
  const warnings = await checkLayer(overridden, { type: "override", name: "-c" });
  const asked = await flagsTable(flags);
  await checkLayer(asked, { type: "override", name: "the command line" });
  const table = mergeTables(withoutSandboxTable(overridden), asked);
  const isEmpty = Object.keys(table).length === 0;
  return { table, warnings, layers: isEmpty ? [] : [newLayer({ type: "sessionFlags" }, table)] };
}

async function flagsTable(flags: ConfigFlags): Promise<Table> {
  const enable = flags.enable ?? [];
  const disable = flags.disable ?? [];
  const features = await featureFlags({ enable, disable });
  // As upstream: --full-auto and the bypass win over -s and -a.
  const sandbox = flags.bypass
    ? "danger-full-access"
    : flags.fullAuto
    ? "workspace-write"
    : flags.sandbox;
  const approval = flags.bypass ? "never" : flags.fullAuto ? "on-request" : flags.approvalPolicy;
  return {
    ...(flags.model ? { model: flags.model } : {}),
    ...(flags.profile ? { profile: flags.profile } : {}),
    ...(sandbox ? { sandbox_mode: sandbox } : {}),
    ...(approval ? { approval_policy: approval } : {}),
    ...(flags.maxSandbox ? { app_server: { max_sandbox: flags.maxSandbox } } : {}),
    ...(flags.search ? { web_search: "live" } : {}),
    ...(Object.keys(features).length > 0 ? { features } : {}),
  };
}

/** The provider that `--oss` means: the one that was named, that of the config, else Ollama. */
function resolveLocalProvider(raw: Table, flags: ConfigFlags): string | null {
  if (!flags.oss && flags.localProvider === undefined) return null;
  const id = flags.localProvider ?? text(raw, "oss_provider") ?? "ollama";
  if (id === "ollama" || id === "lmstudio") return id;
  throw new CodexError(
    "invalidConfig",
    `Unknown local provider \`${id}\`; expected \`lmstudio\` or \`ollama\``,
  );
}

async function readInstructions(
  raw: Table,
  options: LoadOptions & { readonly readFile: ReadFile },
): Promise<string | null> {
  const key = own(raw, "model_instructions_file") === undefined
    ? "experimental_instructions_file"
    : "model_instructions_file";
  const path = text(raw, key);
  if (path === null) return null;
  const file = expandPath(path, { base: options.codexHome, env: options.env });
  const content = await options.readFile(file);
  if (content === null || content.trim() === "") {
    throw new CodexError(
      "invalidConfig",
      `\`${key}\` names ${file}, which is ${content === null ? "not there" : "empty"}`,
    );
  }
  return content.trim();
}

/** Reads a file of the real file system. */
async function readTextFile(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw new CodexError("io", `Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
