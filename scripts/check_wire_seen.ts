/** Fails when the tests left a method or notification of the protocol unused; must run after them. */
import { join } from "node:path";
import {
  allRequestMethods,
  loadClientNotifications,
  loadServerNotifications,
  loadServerRequests,
} from "../src/protocol/mod.ts";
import * as execServer from "../src/protocol/exec_server.ts";
import * as task from "../src/protocol/task.ts";

/** Every message that the protocol declares, as `tests/support/wire_check.ts` writes it. */
export async function declaredMessages(): Promise<string[]> {
  return [
    ...(await allRequestMethods()).map((method) => `request ${method}`),
    ...Object.keys(await loadClientNotifications()).map((method) => `clientNotification ${method}`),
    ...Object.keys(await loadServerNotifications()).map((method) => `notification ${method}`),
    ...Object.keys(await loadServerRequests()).map((method) => `serverRequest ${method}`),
    ...execServerMessages().map((message) => `exec-server ${message}`),
  ];
}

function execServerMessages(): string[] {
  const requests = { ...execServer.requests, ...task.requests };
  const notifications = { ...execServer.notifications, ...task.notifications };
  return [
    ...Object.keys(requests).map((method) => `request ${method}`),
    ...Object.keys(execServer.clientNotifications).map((method) => `clientNotification ${method}`),
    ...Object.keys(notifications).map((method) => `notification ${method}`),
  ];
}

/** What the tests have written into `folder`. */
export async function seenMessages(folder: string): Promise<Set<string>> {
  const seen = new Set<string>();
  for await (const file of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(join(folder, file.name));
    for (const line of text.split("\n")) if (line !== "") seen.add(line);
  }
  return seen;
}

async function main(): Promise<number> {
  const folder = Deno.env.get("CODEX_WIRE_SEEN");
  if (!folder) {
    console.error("CODEX_WIRE_SEEN must name the folder that the tests wrote into");
    return 2;
  }
  const seen = await seenMessages(folder);
  const declared = await declaredMessages();
  const unseen = declared.filter((message) => !seen.has(message));
  if (unseen.length === 0) {
    console.log(`All ${declared.length} messages of the protocol were exercised by the tests`);
    return 0;
  }
  console.error(`No test exercises ${unseen.length} of ${declared.length} messages:`);
  for (const message of unseen) console.error(`  ${message}`);
  return 1;
}

if (import.meta.main) Deno.exit(await main());
