/** The picker of threads that are stored on the server; must not know what is done with the one that is chosen. */
import { pagesOf } from "../../client/pages.ts";
import type { ReconnectingClient } from "../../client/reconnect.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Thread } from "../../protocol/thread_types.ts";
import { formatAge } from "../duration.ts";
import type { ViewOptions } from "../pane/view.ts";
import { ListPicker } from "./list_picker.ts";
import type { PageRequest, PickerPage, PickerRow } from "./rows.ts";

/** A thread, as far as a picker knows it. */
export type ListedThread = Pick<
  Thread,
  | "id"
  | "name"
  | "preview"
  | "cwd"
  | "updatedAt"
  | "status"
  | "gitInfo"
  | "modelProvider"
  | "source"
>;

export interface SessionPickerOptions extends ViewOptions {
  readonly client: Pick<ReconnectingClient, "request" | "on">;
  readonly clock: Clock;
  readonly title: string;
  /** The folder that the list can be narrowed to, and is at first; null where there is none. */
  readonly cwd: string | null;
  /** The thread that is open, which is marked. */
  readonly openThreadId: string | null;
  /** Whether the server tells which threads are loaded. */
  readonly hasLoadedList: boolean;
  onPick(thread: ListedThread): void;
  onCancel(): void;
}

const PAGE_THREADS = 25;
const SECOND_MS = 1000;
/** Those of people and programs, not those that agents make for themselves. */
const SOURCES = ["cli", "vscode", "exec", "appServer"];
const LABEL_CHARS_MAX = 300;
/** Of the first message beside the list, so that what follows has room too. */
const MESSAGE_CHARS_MAX = 200;

/** The threads, newest first; what is typed is searched for by the server, Tab narrows it to the folder. */
export class SessionPicker extends ListPicker<ListedThread> {
  readonly #stop: () => void;

  constructor(options: SessionPickerOptions) {
    const { client, clock, openThreadId } = options;
    const loaded = new Set<string>();
    // Most people look for what they did here; where nothing was done, everything is better than nothing.
    const scope = { isNarrow: options.cwd !== null };
    super({
      ...options,
      title: () => `${options.title} · ${scope.isNarrow ? "this folder" : "all folders"}`,
      emptyText: options.cwd === null
        ? "There are no sessions yet"
        : "There are no sessions in this folder yet; Tab looks in all folders",
      confirmHint: "opens",
      keys: options.cwd === null ? [] : [{
        key: "tab",
        get hint() {
          return ["Tab", scope.isNarrow ? "all" : "here"] as const;
        },
        run: () => {
          scope.isNarrow = !scope.isNarrow;
          this.list.reload();
        },
      }],
      source: {
        load: async (request): Promise<PickerPage<ListedThread>> => {
          const cwd = scope.isNarrow ? options.cwd : null;
          if (request.cursor === null && options.hasLoadedList) {
            await readLoaded(client, { loaded, signal: request.signal });
          }
          const { data, nextCursor } = await listThreads(client, { ...request, cwd });
          const now = { nowMs: clock.now(), loaded, openThreadId };
          return { rows: data.map((thread) => rowOf(thread, now)), next: nextCursor };
        },
      },
    });
    this.#stop = client.on("thread/status/changed", ({ threadId, status }) => {
      if (status.type === "notLoaded") loaded.delete(threadId);
      else loaded.add(threadId);
      const now = { nowMs: clock.now(), loaded, openThreadId };
      this.list.update((row) => row.key === threadId ? rowOf({ ...row.value, status }, now) : row);
    });
  }

  override dispose(): void {
    this.#stop();
    super.dispose();
  }
}

/** A page of threads as the picker lists them. */
export function listThreads(
  client: Pick<ReconnectingClient, "request">,
  { filter, cursor, signal, cwd = null, limit = PAGE_THREADS }:
    & Omit<PageRequest, "signal">
    & {
      readonly signal?: AbortSignal;
      readonly cwd?: string | null;
      readonly limit?: number;
    },
) {
  const searchTerm = filter.trim();
  return client.request("thread/list", {
    limit,
    cursor,
    sortKey: "updated_at",
    // Of all providers: the one of now is not the one of then.
    modelProviders: [],
    sourceKinds: SOURCES,
    archived: false,
    cwd,
    searchTerm: searchTerm === "" ? null : searchTerm,
  }, signal ? { signal } : {});
}

async function readLoaded(
  client: Pick<ReconnectingClient, "request">,
  { loaded, signal }: { readonly loaded: Set<string>; readonly signal: AbortSignal },
): Promise<void> {
  loaded.clear();
  const pages = pagesOf((cursor) => client.request("thread/loaded/list", { cursor }, { signal }));
  for await (const { data } of pages) for (const id of data) loaded.add(id);
}

interface Now {
  readonly nowMs: number;
  readonly loaded: ReadonlySet<string>;
  readonly openThreadId: string | null;
}

function rowOf(thread: ListedThread, now: Now): PickerRow<ListedThread> {
  const { id, name, preview, cwd, updatedAt, gitInfo } = thread;
  const age = formatAge(now.nowMs - updatedAt * SECOND_MS);
  const branch = gitInfo?.branch ?? null;
  const title = name ?? preview.slice(0, LABEL_CHARS_MAX).toWellFormed();
  const state = stateOf(thread, now);
  const facts = [
    `${age} · ${cwd}`,
    [branch && `Branch ${branch}`, state?.text].filter(Boolean).join(" · "),
    [thread.modelProvider, thread.source === "exec" && "codex exec"].filter(Boolean).join(" · "),
    id,
  ].filter((fact) => fact !== "");
  return {
    value: thread,
    key: id,
    label: title.trim() === "" ? "(no message)" : title,
    detail: [age, ...branch === null ? [] : [branch]].join(" · "),
    sign: state?.sign,
    preview: [name, shortened(preview), facts.join("\n")].filter(Boolean).join("\n\n"),
  };
}

function shortened(message: string): string {
  if (message.length <= MESSAGE_CHARS_MAX) return message;
  return `${message.slice(0, MESSAGE_CHARS_MAX).toWellFormed()}…`;
}

function stateOf(
  { id, status }: ListedThread,
  { loaded, openThreadId }: Now,
): { readonly sign: NonNullable<PickerRow<unknown>["sign"]>; readonly text: string } | null {
  if (status.type === "active") {
    return status.activeFlags.length > 0
      ? { sign: "waiting", text: "waits for somebody" }
      : { sign: "active", text: "is working" };
  }
  if (id === openThreadId) return { sign: "current", text: "is open here" };
  return status.type === "idle" || loaded.has(id)
    ? { sign: "active", text: "is loaded on the server" }
    : null;
}
