/** `/diff`: what has changed in the folder of the thread; must not know how git is asked. */
import { fixedText, Pager } from "../pane/pager.ts";
import { openView } from "../pane/view.ts";
import { cleanRow, wrapText } from "../render/wrap.ts";
import type { Style, Theme } from "../theme.ts";
import type { CommandContext } from "./context.ts";
import { readDiff } from "./git_diff.ts";

/** Shows all changes since the last commit, untracked files included. */
export async function showDiff(context: CommandContext): Promise<void> {
  const { session, conversation, theme } = context;
  const cwd = session.settings?.cwd;
  if (cwd === undefined) {
    return conversation.notice("info", "There is no working folder yet: send a message first");
  }
  const diff = await readDiff({ client: session.client, cwd });
  if (!diff) return conversation.notice("info", `${cwd} is in no git repository`);
  if (diff.text === "") {
    return conversation.notice("info", "Nothing has changed since the last commit");
  }
  const lines = [
    ...diff.text.replace(/\n$/, "").split("\n"),
    ...diff.omitted === null ? [] : ["", `Left out: ${diff.omitted}`],
  ];
  const { added, removed, files } = countsOf(lines);
  openView(context, (close) =>
    new Pager({
      ...context,
      title: () => `Changes · ${cwd}`,
      text: fixedText(lines, {
        draw: (line, width) => wrapText(cleanRow(line), width).map(styleOf(line, theme)),
        status: `${files} ${files === 1 ? "file" : "files"} +${added} -${removed}`,
      }),
      onClose: close,
    }));
}

function styleOf(line: string, theme: Theme): Style {
  if (line.startsWith("+++") || line.startsWith("---") || line.startsWith("diff ")) {
    return theme.bold;
  }
  if (line.startsWith("+")) return theme.added;
  if (line.startsWith("-")) return theme.removed;
  if (line.startsWith("@@")) return theme.accent;
  return (text) => text;
}

function countsOf(lines: readonly string[]) {
  let [added, removed, files] = [0, 0, 0];
  // Lines of a hunk only: a removed line may begin with `--` itself.
  let isInHunk = false;
  for (const line of lines) {
    if (line.startsWith("diff ")) {
      isInHunk = false;
      files++;
    } else if (line.startsWith("@@")) isInHunk = true;
    else if (isInHunk && line.startsWith("+")) added++;
    else if (isInHunk && line.startsWith("-")) removed++;
  }
  return { added, removed, files };
}
