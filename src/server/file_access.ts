/** Which files clients may touch through `fs/*`: the server's sandbox policy as rules; must not know the methods. */
import { join } from "node:path";
import { policyOfMode } from "../agent/thread_settings.ts";
import type { Config } from "../config/config.ts";
import { defaultPolicies } from "../config/trust.ts";
import { userConfigFile } from "../config/user_file.ts";
import type { FileRules, Files, FileSystem } from "../exec/filesystem.ts";
import { fileRules, openFileRules } from "../exec/filesystem_rules.ts";
import { credentialFiles } from "../exec/sandbox/places.ts";
import { CodexError } from "../lib/errors.ts";
import type { Runtime } from "./runtime.ts";

/** A change of the configuration counts after at most this long: files are asked for too often to look each time. */
const FRESH_MS = 1000;

/** File operations under the rules of now. */
export class FileAccess {
  readonly #runtime: Runtime;
  readonly #fileSystem: FileSystem;
  #known: { readonly atMs: number; readonly files: Promise<Files> } | null = null;

  constructor(runtime: Runtime, fileSystem: FileSystem) {
    this.#runtime = runtime;
    this.#fileSystem = fileSystem;
  }

  files(): Promise<Files> {
    const nowMs = this.#runtime.clock.now();
    const known = this.#known;
    if (known && nowMs - known.atMs < FRESH_MS && nowMs >= known.atMs) return known.files;
    const files = this.#load();
    this.#known = { atMs: nowMs, files };
    files.catch(() => this.#known = null);
    return files;
  }

  async #load(): Promise<Files> {
    const config = await this.#runtime.loadConfig({ cwd: null, overrides: null });
    return this.#fileSystem.under(serverFileRules(config, this.#runtime));
  }
}

/**
 * The rules of what a client may do with files outside of any thread.
 * The one place that decides it: the configured sandbox mode, cut down to the ceiling of the server. Even with full
 * access, credentials, rules and settings are changed through methods of their own, which check what is written.
 */
export function serverFileRules(
  config: Config,
  { sandbox, codexHome }: Pick<Runtime, "sandbox" | "codexHome">,
): FileRules {
  const { cwd } = config;
  const mode = defaultPolicies(config, cwd).sandboxMode;
  const { policy } = sandbox.ceiling.hold(policyOfMode(mode, config), cwd);
  const resolved = sandbox.specOf({ policy, cwd });
  if (resolved.type === "refused") throw new CodexError("sandboxDenied", resolved.reason);
  return resolved.type === "none"
    ? openFileRules(policy.type, settingsOf(codexHome))
    : fileRules(policy.type, resolved.spec);
}

/** What this server believes at its next start. */
function settingsOf(codexHome: string): readonly string[] {
  return [...credentialFiles(codexHome), userConfigFile(codexHome), join(codexHome, "rules")];
}
