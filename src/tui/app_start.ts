/** How the interface begins: with a new thread, one that is known, or one that the person picks; must not know what follows. */
import type { Clock } from "../lib/clock.ts";
import { openView, type PaneHost, type ViewOptions } from "./pane/view.ts";
import { SessionPicker } from "./picker/sessions.ts";
import type { Session } from "./session.ts";

/** What to begin with. */
export type AppStart =
  | { readonly type: "new" }
  | { readonly type: "resume" | "fork"; readonly threadId: string }
  /** The person picks a thread; `cwd` narrows the list, null shows all. */
  | { readonly type: "pick"; readonly then: "resume" | "fork"; readonly cwd: string | null };

/** What it takes to begin. */
export interface StartContext extends ViewOptions, PaneHost {
  readonly clock: Clock;
}

/** Opens a thread; rejects when the server refuses. */
export async function begin(
  start: AppStart,
  { session, context }: { readonly session: Session; readonly context: StartContext },
): Promise<void> {
  switch (start.type) {
    case "new":
      return void await session.open();
    case "resume":
    case "fork":
      return await session[start.type](start.threadId);
    case "pick": {
      const threadId = await picked(start, { session, context });
      return threadId === null ? void await session.open() : await session[start.then](threadId);
    }
  }
}

/** The thread that the person picks, or null for a new one. */
function picked(
  { then, cwd }: Extract<AppStart, { type: "pick" }>,
  { session, context }: { readonly session: Session; readonly context: StartContext },
): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const close = openView(context, () =>
    new SessionPicker({
      ...context,
      client: session.client,
      title: then === "resume" ? "Continue a session" : "Fork a session",
      cwd,
      openThreadId: null,
      hasLoadedList: session.has("thread/loaded/list"),
      onPick: ({ id }) => resolve(id),
      onCancel: () => resolve(null),
    }));
  return promise.finally(close);
}
