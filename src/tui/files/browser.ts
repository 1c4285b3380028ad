/** Files of the server, to look at and to edit; must not know how they travel. */
import type { ReconnectingClient } from "../../client/reconnect.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { Pager } from "../pane/pager.ts";
import { openView, type PaneHost, type ViewOptions } from "../pane/view.ts";
import { ListPicker } from "../picker/list_picker.ts";
import { fixedRows, type PickerRow, type PickerSource } from "../picker/rows.ts";
import type { Desk } from "../ports.ts";
import { type EditAnswer, editFile, type EditProblem } from "./edit.ts";
import { FileText } from "./file_text.ts";
import { nameOf, parentOf } from "./paths.ts";
import { type Entry, readFolder } from "./remote_files.ts";

export interface BrowserOptions extends ViewOptions {
  readonly client: Pick<ReconnectingClient, "request">;
  readonly clock: Clock;
  readonly desk: Pick<Desk, "edit" | "editorProblem">;
  notice(level: "info" | "warning" | "error", text: string): void;
  /** Puts a path into the prompt. */
  mention(path: string): void;
}

const MENTION_HINT = ["Ctrl-T", "puts it into the prompt"] as const;

/** Shows a folder. */
export function browseFolder(
  host: PaneHost,
  options: BrowserOptions & { readonly path: string; readonly initialName?: string },
): void {
  const { path, initialName, client } = options;
  openView(host, (close) => {
    // Until the file has come, keys still go to the list.
    let isEditing = false;
    const goUp = () => {
      close();
      browseFolder(host, { ...options, path: parentOf(path), initialName: nameOf(path) });
    };
    const picker = new ListPicker<Entry>({
      ...options,
      title: () => `Files on the server · ${path}`,
      emptyText: "The folder is empty",
      confirmHint: "opens",
      initialKey: initialName,
      source: folderRows(client, path),
      keys: [
        { key: "left", hint: ["←", "up"], run: goUp },
        {
          key: "ctrl+e",
          hint: ["Ctrl-E", "edits"],
          run: (entry) => {
            if (entry?.kind !== "file" || isEditing) return;
            isEditing = true;
            void edit(host, options, entry.path).finally(() => isEditing = false);
          },
        },
        {
          key: "ctrl+t",
          hint: MENTION_HINT,
          run: (entry) => {
            if (!entry) return;
            close();
            options.mention(entry.path);
          },
        },
        { key: "ctrl+r", hint: ["Ctrl-R", "reads anew"], run: () => picker.list.reload() },
      ],
      onPick: (entry) => {
        if (entry.kind === "other") {
          return options.notice("warning", `${entry.name} is neither a file nor a folder`);
        }
        if (entry.kind === "file") {
          // The folder stays below the file, unless that goes into the prompt.
          const mention = (mentioned: string) => {
            close();
            options.mention(mentioned);
          };
          return viewFile(host, { ...options, mention, path: entry.path });
        }
        close();
        browseFolder(host, { ...options, path: entry.path, initialName: "" });
      },
      onCancel: close,
    });
    return picker;
  });
}

/** Shows a file. */
export function viewFile(
  host: PaneHost,
  options: BrowserOptions & { readonly path: string },
): void {
  const { client, path, theme, requestRender, mention } = options;
  openView(host, (close) => {
    const text = new FileText({ client, path, theme, changed: requestRender });
    return new Pager({
      ...options,
      title: () => path,
      text,
      keys: [
        {
          key: "e",
          hint: ["e", "edits"],
          run: () => {
            close();
            void edit(host, options, path);
          },
        },
        {
          key: "ctrl+t",
          hint: MENTION_HINT,
          run: () => {
            close();
            mention(path);
          },
        },
      ],
      onClose: close,
      onDispose: () => text.close(),
    });
  });
}

/** The entries of a folder, read once and then filtered here. */
function folderRows(client: BrowserOptions["client"], path: string): PickerSource<Entry> {
  let entries: PickerSource<Entry> | null = null;
  return {
    load: (request) => {
      // Without a filter it is read, so that a look at it is a new look.
      if (entries && request.filter !== "") return entries.load(request);
      return readFolder(client, path, { signal: request.signal }).then((found) => {
        entries = fixedRows(found.map(rowOf));
        return entries.load(request);
      });
    },
  };
}

function rowOf(entry: Entry): PickerRow<Entry> {
  return {
    value: entry,
    key: entry.name,
    label: entry.kind === "folder" ? `${entry.name}/` : entry.name,
    ...entry.kind === "other" ? { detail: "no file" } : {},
  };
}

async function edit(host: PaneHost, options: BrowserOptions, path: string): Promise<void> {
  const { client, desk, notice } = options;
  try {
    const ask = (problem: EditProblem) => askAbout(problem, { host, options, path });
    const outcome = await editFile(path, { client, desk, ask });
    if (outcome === "written") notice("info", `Written: ${path}`);
    else if (outcome === "discarded") notice("warning", `Not written: ${path}`);
    else notice("info", `Nothing was changed: ${path}`);
  } catch (error) {
    notice("error", `Not edited: ${messageOf(error)}`);
  }
}

function askAbout(
  problem: EditProblem,
  { host, options, path }: {
    readonly host: PaneHost;
    readonly options: BrowserOptions;
    readonly path: string;
  },
): Promise<EditAnswer> {
  const { promise, resolve } = Promise.withResolvers<EditAnswer>();
  const title = `${problemText(problem)}: ${path}`;
  openView(host, (close) => {
    const answer = (value: EditAnswer) => {
      close();
      resolve(value);
    };
    return new ListPicker<EditAnswer>({
      ...options,
      title: () => title,
      emptyText: "There is no answer",
      source: fixedRows(answersTo(problem)),
      onPick: answer,
      // Nobody loses what they typed by closing a question.
      onCancel: () => answer("editAgain"),
    });
  });
  return promise;
}

function answersTo({ type }: EditProblem): readonly PickerRow<EditAnswer>[] {
  const write = type === "changed"
    ? "Write mine, and lose what the other has changed"
    : type === "deleted"
    ? "Write it again"
    : "Try again";
  return [
    { value: "editAgain", key: "editAgain", label: "Back to the editor with my text" },
    { value: "write", key: "write", label: write },
    { value: "discard", key: "discard", label: "Throw my changes away" },
  ];
}

function problemText(problem: EditProblem): string {
  switch (problem.type) {
    case "changed":
      return "Somebody has changed the file meanwhile";
    case "deleted":
      return "Somebody has deleted the file meanwhile";
    case "failed":
      return `Not written: ${problem.reason}`;
  }
}
