/** Slash commands that have the server do something with the thread; must not know how answers come back. */
import { pagesOf } from "../../client/pages.ts";
import { messageOf } from "../../lib/errors.ts";
import { fieldsOf, listIn, textIn } from "../fields.ts";
import { openPicker } from "../picker/list_picker.ts";
import { fixedRows } from "../picker/rows.ts";
import type { CommandContext, SlashCommand } from "./context.ts";
import { showDiff } from "./diff_view.ts";

/** Our own words; the agent knows the rest from the repository. */
export const INIT_PROMPT =
  `Please look around in this repository and write a file AGENTS.md at its root: a short guide for ` +
  `coding agents (and people) who work here for the first time.

Say what the project is and how its folders are laid out, which commands build, run, check and test it ` +
  `(one test alone, too), which conventions of style, naming, tests and commits hold here, and what one ` +
  `has to be careful about. Take all of it from what you find in the files, and say nothing that you have ` +
  `not seen there. Keep it below one page, in Markdown, with headings.

If AGENTS.md exists already, keep what is still true, correct what is not, and add what is missing.`;

/** Everything that a review can be about. */
type ReviewTarget =
  | { readonly type: "uncommittedChanges" }
  | { readonly type: "baseBranch"; readonly branch: string }
  | { readonly type: "commit"; readonly sha: string }
  | { readonly type: "custom"; readonly instructions: string };

/** What `/review ARGS` is about; null when the words make no target. */
export function reviewTarget(args: string): ReviewTarget | null {
  const [word = "", ...rest] = args.split(/\s+/);
  const value = rest.join(" ");
  if (args === "uncommitted") return { type: "uncommittedChanges" };
  if (word === "branch") return value === "" ? null : { type: "baseBranch", branch: value };
  if (word === "commit") return value === "" ? null : { type: "commit", sha: value };
  return args === "" ? null : { type: "custom", instructions: args };
}

function review(context: CommandContext, args: string): void | Promise<void> {
  const target = reviewTarget(args);
  if (target) return startReview(context, target);
  const rows = [
    { label: "Changes that are not committed yet", text: "uncommitted" },
    { label: "Changes since another branch…", text: "/review branch " },
    { label: "One commit…", text: "/review commit " },
    { label: "In my own words…", text: "/review " },
  ];
  openPicker<string>(context, {
    ...context,
    title: () => "Review",
    emptyText: "There is nothing to review",
    source: fixedRows(rows.map(({ label, text }) => ({ value: text, key: text, label }))),
    onPick: (text) => {
      if (text.startsWith("/")) return context.composer.setText(text);
      startReview(context, { type: "uncommittedChanges" }).catch((error: unknown) =>
        context.conversation.notice("error", `No review: ${messageOf(error)}`)
      );
    },
  });
}

async function startReview(
  { session, conversation }: CommandContext,
  target: ReviewTarget,
): Promise<void> {
  const { thread } = session;
  if (!thread) {
    return conversation.notice("info", "A review needs a session: send a message first");
  }
  await session.client.call("review/start", { threadId: thread.id, target });
}

async function compact({ session, conversation }: CommandContext): Promise<void> {
  const { thread } = session;
  if (!thread) return conversation.notice("info", "There is nothing to compact yet");
  await session.client.call("thread/compact/start", { threadId: thread.id });
}

async function init({ session }: CommandContext): Promise<void> {
  await session.submit({ text: INIT_PROMPT, images: [] });
}

async function listTerminals({ session, conversation }: CommandContext): Promise<void> {
  const { thread } = session;
  const found = thread && await session.client.request("thread/backgroundTerminals/list", {
    threadId: thread.id,
  });
  const terminals = found?.data ?? [];
  if (terminals.length === 0) {
    return conversation.notice("info", "No command runs in the background");
  }
  const lines = terminals.map(({ processId, command, cwd }) =>
    `${processId}  ${command}  (${cwd})`
  );
  const title = "In the background (/stop NUMBER ends one, /stop all of them):";
  conversation.notice("info", [title, ...lines].join("\n"));
}

async function stopTerminals(
  { session, conversation }: CommandContext,
  args: string,
): Promise<void> {
  const threadId = session.thread?.id;
  if (threadId === undefined) return conversation.notice("info", "Nothing runs yet");
  const { client } = session;
  if (args === "") {
    await client.request("thread/backgroundTerminals/clean", { threadId });
    return conversation.notice("info", "All commands in the background are ended");
  }
  const processId = args;
  const method = "thread/backgroundTerminals/terminate";
  const { terminated } = await client.request(method, { threadId, processId });
  if (terminated) conversation.notice("info", `Ended: ${processId}`);
  else conversation.notice("warning", `There is no command ${processId} in the background`);
}

async function listMcp({ session, conversation }: CommandContext): Promise<void> {
  const lines: string[] = [];
  const pages = pagesOf(async (cursor) => {
    const page = fieldsOf(await session.client.call("mcpServerStatus/list", { cursor }));
    return { ...page, nextCursor: textIn(page, "nextCursor") || null };
  });
  for await (const page of pages) {
    for (const server of listIn(page, "data").map(fieldsOf)) {
      if (textIn(server, "name") === "") continue;
      const tools = Object.keys(fieldsOf(server.tools)).sort();
      const auth = textIn(server, "authStatus");
      lines.push(`${textIn(server, "name")}${auth === "" ? "" : ` (${auth})`}`);
      lines.push(`  ${tools.length === 0 ? "no tools" : tools.join(", ")}`);
    }
  }
  const text = lines.length === 0 ? "No MCP servers are configured" : lines.join("\n");
  conversation.notice("info", text);
}

/** The commands. */
export const workCommands: readonly SlashCommand[] = [
  {
    name: "diff",
    doc: "show what has changed in the folder, untracked files included",
    needs: ["command/exec"],
    whileRunning: true,
    run: showDiff,
  },
  {
    name: "review",
    doc: "have changes reviewed",
    argumentHint: "[uncommitted | branch NAME | commit SHA | instructions]",
    needs: ["review/start"],
    whileRunning: false,
    run: review,
  },
  {
    name: "compact",
    doc: "replace the history by a summary, to gain room",
    needs: ["thread/compact/start"],
    whileRunning: false,
    run: compact,
  },
  {
    name: "init",
    doc: "have a guide for agents written (AGENTS.md)",
    whileRunning: false,
    run: init,
  },
  {
    name: "mcp",
    doc: "list MCP servers and their tools",
    needs: ["mcpServerStatus/list"],
    whileRunning: true,
    run: listMcp,
  },
  {
    name: "ps",
    doc: "list commands that run in the background",
    needs: ["thread/backgroundTerminals/list"],
    whileRunning: true,
    run: listTerminals,
  },
  {
    name: "stop",
    doc: "end commands that run in the background",
    argumentHint: "[number]",
    needs: ["thread/backgroundTerminals/clean", "thread/backgroundTerminals/terminate"],
    whileRunning: true,
    run: stopTerminals,
  },
];
