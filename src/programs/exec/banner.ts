/** The head of the human output: what is about to run, where, and how far it may reach; must not print. */
import { sanitizeLine, sanitizeText } from "../../lib/sanitize.ts";
import { VERSION } from "../../lib/version.ts";
import type { SandboxPolicy } from "../../protocol/policy.ts";
import type { Style } from "./style.ts";

/** What the banner says. */
export interface BannerFacts {
  readonly cwd: string;
  readonly model: string;
  readonly provider: string;
  readonly approval: string;
  readonly sandbox: SandboxPolicy;
  readonly effort: string | null;
  readonly summary: string | null;
  readonly threadId: string;
  readonly prompt: string;
}

/** The banner, with the prompt below it. */
export function bannerText(facts: BannerFacts, style: Style): string {
  const rows: readonly (readonly [string, string])[] = [
    ["workdir", facts.cwd],
    ["model", facts.model],
    ["provider", facts.provider],
    ["approval", facts.approval],
    ["sandbox", sandboxText(facts.sandbox)],
    ["reasoning effort", facts.effort ?? "none"],
    ["reasoning summaries", facts.summary ?? "none"],
    ["session id", facts.threadId],
  ];
  const lines = rows.map(([name, value]) => `${style.bold(`${name}:`)} ${sanitizeLine(value)}`);
  const head = [`Codex v${VERSION}`, "--------", ...lines, "--------", style.note("user")];
  return `${head.join("\n")}\n${sanitizeText(facts.prompt)}\n`;
}

/** A sandbox policy on one line, as the real program writes it. */
export function sandboxText(policy: SandboxPolicy): string {
  switch (policy.type) {
    case "dangerFullAccess":
      return "danger-full-access";
    case "readOnly":
      return `read-only${networkText(policy.networkAccess)}`;
    case "externalSandbox":
      return `external-sandbox${networkText(policy.networkAccess)}`;
    case "workspaceWrite": {
      const roots = ["workdir"];
      if (!policy.excludeSlashTmp) roots.push("/tmp");
      if (!policy.excludeTmpdirEnvVar) roots.push("$TMPDIR");
      roots.push(...policy.writableRoots);
      return `workspace-write [${roots.join(", ")}]${networkText(policy.networkAccess)}`;
    }
  }
}

function networkText(access: boolean | "restricted" | "enabled"): string {
  return access === true || access === "enabled" ? " (network access enabled)" : "";
}
