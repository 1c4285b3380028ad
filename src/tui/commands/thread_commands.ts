/** Slash commands about which thread is open and what it is called; must not know how threads are kept. */
import { messageOf } from "../../lib/errors.ts";
import { HYPHENATED_UUID } from "../../lib/uuid_form.ts";
import { resolvePath } from "../files/paths.ts";
import { statFile } from "../files/remote_files.ts";
import { openView } from "../pane/view.ts";
import { listThreads, SessionPicker } from "../picker/sessions.ts";
import type { CommandContext, SlashCommand } from "./context.ts";

/** A name is looked for among so many. */
const CANDIDATES = 50;

/** Opens the picker of sessions, or the session that `args` names. */
async function resume(context: CommandContext, args: string): Promise<void> {
  const { session } = context;
  if (args !== "") return await session.resume(await threadNamed(context, args));
  openView(context, (close) =>
    new SessionPicker({
      ...context,
      client: session.client,
      title: "Resume a session",
      cwd: session.settings?.cwd ?? null,
      openThreadId: session.thread?.id ?? null,
      hasLoadedList: session.has("thread/loaded/list"),
      onPick: (thread) => {
        close();
        session.resume(thread.id).catch((error: unknown) =>
          context.conversation.notice("error", `Not resumed: ${messageOf(error)}`)
        );
      },
      onCancel: close,
    }));
}

/** The id of the thread that is meant; rejects with a sentence for people. */
async function threadNamed(
  { session }: Pick<CommandContext, "session">,
  text: string,
): Promise<string> {
  if (HYPHENATED_UUID.test(text)) return text.toLowerCase();
  const page = await listThreads(session.client, {
    filter: text,
    cursor: null,
    limit: CANDIDATES,
  });
  const named = page.data.filter(({ name }) => name === text);
  const [found, other] = named.length > 0 ? named : page.data;
  if (!found) throw new Error(`There is no session called ${text}`);
  if (other) throw new Error(`Several sessions fit ${text}; choose with /resume alone`);
  return found.id;
}

async function fork({ session, conversation }: CommandContext): Promise<void> {
  const { thread } = session;
  if (!thread) return conversation.notice("info", "There is nothing to fork yet");
  await session.fork(thread.id);
  conversation.notice("info", `This is a fork of ${thread.name ?? thread.id}`);
}

async function rename(context: CommandContext, args: string): Promise<void> {
  const { session, conversation, composer } = context;
  // Nothing may run below a name that is only being typed.
  if (args === "") return composer.setText("/rename ");
  await session.rename(args);
  conversation.notice("info", `The session is called ${args} now`);
}

async function archive({ session, conversation }: CommandContext): Promise<void> {
  const { thread } = session;
  if (!thread) return conversation.notice("info", "There is nothing to put away yet");
  await session.client.request("thread/archive", { threadId: thread.id });
  // The answer may come late, when another one is open.
  if (session.thread?.id === thread.id) await session.startNew();
  const name = thread.name ?? thread.preview;
  conversation.notice("info", `Put away, out of the list of sessions: ${name || thread.id}`);
}

async function changeFolder(
  { session, conversation }: CommandContext,
  args: string,
): Promise<void> {
  const { thread } = session;
  const here = session.settings?.cwd;
  if (args === "") return conversation.notice("info", here ?? "There is no working folder yet");
  const cwd = resolvePath(here ?? "/", args);
  const { isDirectory } = await statFile(session.client, cwd);
  if (!isDirectory) throw new Error(`${cwd} is not a folder on the server`);
  if (thread && session.thread?.id !== thread.id) {
    throw new Error("Another session has been opened meanwhile; say it again there");
  }
  session.change({ cwd });
  conversation.notice("info", `From the next turn on, the agent works in ${cwd}`);
}

/** The commands. */
export const threadCommands: readonly SlashCommand[] = [
  {
    name: "new",
    doc: "begin a new session; a turn that runs goes on by itself",
    whileRunning: true,
    run: ({ session }) => session.startNew(),
  },
  {
    name: "clear",
    doc: "clear the screen and begin a new session",
    whileRunning: true,
    run: async ({ session, redraw }) => {
      await session.startNew();
      redraw();
    },
  },
  {
    name: "resume",
    doc: "go on with an earlier session",
    argumentHint: "[id or name]",
    needs: ["thread/list", "thread/resume"],
    whileRunning: true,
    run: resume,
  },
  {
    name: "fork",
    doc: "go on in a copy of this session",
    needs: ["thread/fork"],
    whileRunning: false,
    run: fork,
  },
  {
    name: "rename",
    doc: "give this session a name",
    argumentHint: "<name>",
    needs: ["thread/name/set"],
    whileRunning: true,
    run: rename,
  },
  {
    name: "archive",
    doc: "put this session away, and begin a new one",
    needs: ["thread/archive"],
    whileRunning: false,
    run: archive,
  },
  {
    name: "cd",
    aliases: ["pwd"],
    doc: "tell or change the folder that the agent works in",
    argumentHint: "[folder]",
    needs: ["fs/getMetadata"],
    whileRunning: true,
    run: changeFolder,
  },
];
