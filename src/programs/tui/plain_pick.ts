/** What a terminal that cannot show the interface can have of it: a list of threads to choose from; must not open any. */
import { CliError } from "../../lib/errors.ts";
import { shownShellWord } from "../../lib/shell_word.ts";
import type { Requester } from "../find_thread.ts";
import { chooseThread } from "./choose_thread.ts";
import { folderOf, queryOf, type Seeker } from "./resolve_start.ts";
import type { EarlierThread } from "./target.ts";

/** As many as somebody reads line by line. */
const LISTED_MAX = 20;

/** Lists the threads, has one chosen, and says how it goes on without the interface. */
export async function pickPlainly(
  client: Requester,
  { target, serverFlags, ...seeker }: Seeker & {
    readonly target: EarlierThread;
    /** What names the server on a command line. */
    readonly serverFlags: string;
  },
): Promise<void> {
  const { data } = await client.request("thread/list", {
    sortKey: "updated_at",
    limit: LISTED_MAX,
    ...queryOf(target, seeker),
  });
  if (data.length === 0) {
    const cwd = folderOf(target, seeker);
    throw new CliError(
      cwd === null ? "There are no threads yet" : `There are no threads of ${cwd}; see --all`,
    );
  }
  const { host, isRemote } = seeker;
  const chosenId = await chooseThread(host, { message: "Continue which thread?", threads: data });
  const id = shownShellWord(chosenId);
  const way = isRemote
    ? "from a terminal that can move its cursor, run"
    : "without the terminal interface, run";
  const command = isRemote ? `codex resume ${id}${serverFlags}` : `codex exec resume ${id} PROMPT`;
  host.stdout.write(`To continue it ${way} ${command}\n`);
}
