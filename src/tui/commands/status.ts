/** `/status`: everything about server, thread and account in a table; must not know how it is shown. */
import { messageOf } from "../../lib/errors.ts";
import type { Result } from "../../protocol/mod.ts";
import { formatCount } from "../duration.ts";
import { fieldsOf } from "../fields.ts";
import { permissionsText, sandboxText } from "../picker/presets.ts";
import { rateLimitLines } from "../rate_limits.ts";
import { contextLeft } from "../status_line.ts";
import type { CommandContext } from "./context.ts";

type Row = readonly [name: string, value: string];

/** The table; what the server refuses to tell is left out with the reason. */
export async function statusText(context: CommandContext): Promise<string> {
  const [account, limits] = await Promise.all([accountText(context), limitRows(context)]);
  return tableText([
    ...serverRows(context),
    ["Account", account],
    ...limits,
    ...threadRows(context),
  ]);
}

/** Names and values in two columns. */
function tableText(rows: readonly Row[]): string {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join("\n");
}

function serverRows({ session, serverName, version }: CommandContext): Row[] {
  const { client } = session;
  const { state, serverInfo } = client;
  return [
    ["Client", version],
    ["Server", serverInfo ? serverText(serverInfo.userAgent) : "not connected"],
    ["Address", serverName],
    ["Connection", state.type === "connected" ? "connected" : `${state.type}: ${state.reason}`],
  ];
}

async function accountText({ session }: CommandContext): Promise<string> {
  if (!session.has("account/read")) return "not told by this server";
  // A person who looks at the status must not wait for a connection that is gone.
  if (session.client.state.type !== "connected") return "not known without a connection";
  try {
    return nameOfAccount(await session.client.request("account/read", { refreshToken: false }));
  } catch (error) {
    return `not known: ${messageOf(error)}`;
  }
}

/** `0.120.0 (Linux; x86_64)`: the name before it is that of this client, as the server was told. */
function serverText(userAgent: string): string {
  const parts = /^[^/]*\/(\S+)(?: (\([^)]*\)))?/.exec(userAgent);
  return parts ? [parts[1], parts[2]].filter(Boolean).join(" ") : userAgent;
}

async function limitRows(context: CommandContext): Promise<Row[]> {
  const { clock, rateLimits } = context;
  const limits = rateLimits.all.length > 0 ? rateLimits.all : await askedLimits(context);
  return rateLimitLines(limits, { nowMs: clock.now() })
    .map((line, index) => [index === 0 ? "Limits" : "", line]);
}

/** Only some accounts have any, and servers refuse to tell of others. */
async function askedLimits({ session }: CommandContext): Promise<readonly unknown[]> {
  const { client } = session;
  if (!session.has("account/rateLimits/read") || client.state.type !== "connected") return [];
  const answer = await client.call("account/rateLimits/read", undefined).catch(() => null);
  return [fieldsOf(answer)["rateLimits"]];
}

function nameOfAccount({ account, requiresOpenaiAuth }: Result<"account/read">): string {
  if (account === null) return requiresOpenaiAuth ? "none; log in first" : "none needed";
  return account.type === "apiKey"
    ? "API key"
    : `${account.email ?? "ChatGPT"} (${account.planType})`;
}

function threadRows({ session }: CommandContext): Row[] {
  const { thread, settings, usage, clients, clientId } = session;
  const rows: Row[] = [["Session", thread?.name ?? (thread ? "without a name" : "not begun yet")]];
  if (thread) rows.push(["Session id", thread.id]);
  if (settings) {
    const { model, effort, modelProvider, cwd, sandbox, approvalPolicy } = settings;
    rows.push(
      ["Folder", cwd],
      ["Model", effort === null ? model : `${model}, effort ${effort}`],
      ["Provider", modelProvider],
      ["Permissions", permissionsText({ sandbox, approvalPolicy })],
      ["Sandbox", sandboxText(sandbox)],
      ["Approvals", approvalPolicy],
    );
  }
  if (usage) rows.push(...usageRows(usage));
  if (clients.length > 0) {
    const names = clients.map(({ clientId: id, name }) =>
      id === clientId ? `${name} (this one)` : name
    );
    rows.push(["Clients", names.join(", ")]);
  }
  return rows;
}

function usageRows(usage: NonNullable<CommandContext["session"]["usage"]>): Row[] {
  const { total, modelContextWindow } = usage;
  const parts = [
    `${formatCount(total.totalTokens)} in all`,
    `${formatCount(total.inputTokens)} in (${formatCount(total.cachedInputTokens)} cached)`,
    `${formatCount(total.outputTokens)} out`,
  ];
  const rows: Row[] = [["Tokens", parts.join(", ")]];
  const left = contextLeft(usage);
  if (left !== null) {
    rows.push(["Context", `${left}% left of ${formatCount(modelContextWindow ?? 0)}`]);
  }
  return rows;
}
