/** Which thread a command line of the interface asks for; must not know how it is opened. */
import type { Args } from "../../cli/args.ts";
import { usageError } from "../../cli/usage.ts";

/** What to begin with. */
export type Target = { readonly type: "new" } | EarlierThread;

/** A thread that there is already. */
export interface EarlierThread {
  readonly type: "resume" | "fork";
  /** By id or name, the most recent one, or the one that the person picks. */
  readonly which:
    | { readonly type: "named"; readonly name: string }
    | { readonly type: "last" }
    | { readonly type: "picked" };
  /** Beyond this directory. */
  readonly isEverywhere: boolean;
  readonly isOfExecToo: boolean;
}

/** What the words of a command line mean. */
export interface Start {
  readonly target: Target;
  /** The first prompt, or null. */
  readonly prompt: string | null;
  /** Paths of images, as written. */
  readonly images: readonly string[];
}

/** Throws a `CliError` for words that contradict each other. */
export function startOf(args: Args): Start {
  const images = args.texts("image");
  const [program] = args.path;
  if (program !== "resume" && program !== "fork") {
    return { target: { type: "new" }, prompt: args.text("PROMPT"), images };
  }
  const word = args.text("SESSION_ID");
  const prompt = args.text("PROMPT");
  const flags = {
    type: program,
    isEverywhere: args.isSet("all"),
    isOfExecToo: args.knows("include-non-interactive") && args.isSet("include-non-interactive"),
  } as const;
  if (!args.isSet("last")) {
    const which = word === null
      ? { type: "picked" } as const
      : { type: "named", name: word } as const;
    return { target: { ...flags, which }, prompt, images };
  }
  if (word !== null && prompt !== null) {
    throw usageError("with '--last' there is only a prompt, and here are two words", {
      tip: `put the prompt into quotes: 'codex ${program} --last "${word} ${prompt}"'`,
    });
  }
  return { target: { ...flags, which: { type: "last" } }, prompt: prompt ?? word, images };
}
