/** Slash commands of the interface itself: status, clipboard, files, the end; must not know the table. */
import { browseFolder, viewFile } from "../files/browser.ts";
import { pathText } from "../composer/completion.ts";
import { relativeTo, resolvePath } from "../files/paths.ts";
import { statFile } from "../files/remote_files.ts";
import type { CommandContext, SlashCommand } from "./context.ts";
import { statusText } from "./status.ts";

async function status(context: CommandContext): Promise<void> {
  context.conversation.notice("info", await statusText(context));
}

async function copy(context: CommandContext): Promise<void> {
  const { conversation, desk, copyByTerminal } = context;
  const answer = conversation.blocks.findLast((block) =>
    block.type === "message" && block.text.trim() !== ""
  );
  if (answer?.type !== "message") {
    return conversation.notice("info", "There is no answer to copy yet");
  }
  const isCopied = await desk.copy(answer.text) || copyByTerminal(answer.text);
  if (isCopied) return conversation.notice("info", "The last answer is in the clipboard");
  const problem = "neither this machine nor the terminal has a clipboard";
  conversation.notice("warning", `Not copied: ${problem}`);
}

function listClients({ session, conversation }: CommandContext): void {
  const { clients, clientId, thread } = session;
  if (!thread) return conversation.notice("info", "Nobody is on a session that has not begun");
  if (clients.length === 0) {
    return conversation.notice("info", "This server does not tell who is on the session");
  }
  const lines = clients.map(({ clientId: id, name, version }) =>
    `${name} ${version}${id === clientId ? " (this one)" : ""}`
  );
  conversation.notice("info", ["On this session:", ...lines].join("\n"));
}

async function files(context: CommandContext, args: string): Promise<void> {
  const { session, conversation, composer, desk } = context;
  const { settings } = session;
  const cwd = settings?.cwd ?? "/";
  const options = {
    ...context,
    client: session.client,
    desk,
    notice: conversation.notice.bind(conversation),
    mention: (path: string) =>
      composer.insert(`${pathText(settings ? relativeTo(cwd, path) : path)} `),
  };
  const path = args === "" ? cwd : resolvePath(cwd, args);
  const isFile = args !== "" && (await statFile(session.client, path)).isFile;
  if (isFile) viewFile(context, { ...options, path });
  else browseFolder(context, { ...options, path });
}

async function logout({ session, conversation }: CommandContext): Promise<void> {
  await session.client.request("account/logout", undefined);
  conversation.notice("info", "Logged out: the server has forgotten its credentials");
}

/** The commands. */
export const deskCommands: readonly SlashCommand[] = [
  {
    name: "status",
    doc: "show server, session, settings and tokens",
    whileRunning: true,
    run: status,
  },
  {
    name: "mention",
    doc: "name a file in the prompt",
    needs: ["fuzzyFileSearch"],
    whileRunning: true,
    run: ({ composer }) => composer.insert("@"),
  },
  {
    name: "files",
    doc: "look at and edit files of the server",
    argumentHint: "[path]",
    needs: ["fs/readDirectory", "fs/readFile", "fs/getMetadata", "fs/writeFile"],
    whileRunning: true,
    run: files,
  },
  {
    name: "copy",
    doc: "put the last answer into the clipboard",
    whileRunning: true,
    run: copy,
  },
  {
    name: "clients",
    doc: "list who else is on this session",
    whileRunning: true,
    run: listClients,
  },
  {
    name: "logout",
    doc: "have the server forget its credentials",
    needs: ["account/logout"],
    whileRunning: false,
    run: logout,
  },
];

/** The end: the last one in every list. */
export const quitCommand: SlashCommand = {
  name: "quit",
  aliases: ["exit"],
  doc: "leave; what runs goes on where the server does",
  whileRunning: true,
  run: ({ quit }) => quit(),
};
