/** The two ways in which `codex exec` tells what happens; must not know where notifications come from. */
import { sanitizeText } from "../../lib/sanitize.ts";
import type { TextWriter } from "../host.ts";
import { type BannerFacts, bannerText } from "./banner.ts";
import { initialHumanState, reduceHuman } from "./human_output.ts";
import { initialJsonlState, jsonlLine, reduceJsonl } from "./jsonl_events.ts";
import type { ServerNotification } from "./notification.ts";
import { makeStyle } from "./style.ts";

/** Tells a person or a program what a run does. */
export interface Output {
  /** The thread is open and the turn about to start. */
  opened(facts: BannerFacts): void;
  notification(notification: ServerNotification): void;
  /** The turn completed with this last message. */
  finished(lastMessage: string): void;
}

interface Streams {
  readonly stdout: TextWriter;
  readonly stderr: TextWriter;
}

/** Events on stdout, one JSON object per line. */
export function jsonlOutput({ stdout }: Streams): Output {
  let state = initialJsonlState;
  return {
    opened: ({ threadId }) => {
      stdout.write(jsonlLine({ type: "thread.started", thread_id: threadId }));
    },
    notification(notification) {
      const step = reduceJsonl(state, notification);
      state = step.state;
      if (step.events.length > 0) stdout.write(step.events.map(jsonlLine).join(""));
    },
    finished: () => {},
  };
}

/** Everything on stderr for a person to follow, and only the last message on stdout. */
export function humanOutput({ stdout, stderr }: Streams, isColored: boolean): Output {
  const style = makeStyle(isColored);
  let state = initialHumanState;
  return {
    opened: (facts) => void stderr.write(bannerText(facts, style)),
    notification(notification) {
      const step = reduceHuman(state, notification, { style });
      state = step.state;
      if (step.text !== "") stderr.write(step.text);
    },
    finished(lastMessage) {
      // On one terminal the message has just been shown.
      if (stdout.isTerminal && stderr.isTerminal) return;
      const text = sanitizeText(lastMessage);
      stdout.write(text.endsWith("\n") ? text : `${text}\n`);
    },
  };
}
