/**
 * The tool that lists folders in this process; must not start a command or open a file.
 *
 * So it works under every sandbox policy, also where no command can be confined. Not offered, since commands
 * can do it; models that were trained with it call it from habit. Names, arguments and the form of the answer
 * are upstream's.
 */
import { resolve } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import type { ToolSpec } from "../model/port.ts";
import { isReadablePath } from "./read_access.ts";
import type { Tool, ToolCall, ToolContext } from "./tool.ts";
import { ToolArguments } from "./tool_arguments.ts";

const DEFAULT_LIMIT = 25;
/** An answer of more lines would only push other things out of the model's context. */
const MAX_LIMIT = 1000;
const DEFAULT_DEPTH = 2;
/** A walk over a whole disk must end, whatever the model asks for. */
const MAX_LOOKED_AT = 100_000;

const SPEC: ToolSpec = {
  type: "function",
  name: "list_dir",
  description:
    "Lists a folder without running a command. Folders end in `/`, links in `@`, what is neither file nor folder in `?`; what a folder holds is indented below it.",
  strict: false,
  parameters: {
    type: "object",
    properties: {
      dir_path: {
        type: "string",
        description: "The folder; a relative path starts at the working directory",
      },
      offset: { type: "number", description: "The entry to begin with, counted from 1" },
      limit: { type: "number", description: `How many entries to show (default ${DEFAULT_LIMIT})` },
      depth: { type: "number", description: `How many levels to show (default ${DEFAULT_DEPTH})` },
    },
    required: ["dir_path"],
    additionalProperties: false,
  },
};

/** What is listed, once the arguments are known to be good. */
interface Listing {
  readonly path: string;
  /** Counted from 1. */
  readonly offset: number;
  readonly limit: number;
  readonly depth: number;
}

/** Makes the tool. */
export function listDirTool(): Tool {
  return {
    spec: SPEC,
    // Commands list folders as well, now that they run confined.
    hidden: true,
    parallel: true,
    run: async (call, context) => ({ content: await answer(call, context) }),
  };
}

async function answer(call: ToolCall, context: ToolContext): Promise<string> {
  const listing = readListing(call.input, context.cwd);
  if (typeof listing === "string") return listing;
  const { path } = listing;
  try {
    if (!await isReadablePath(path, { policy: context.sandboxPolicy, cwd: context.cwd })) {
      return `failed to read directory: the sandbox policy does not allow reading \`${path}\``;
    }
    return await list(listing, context.signal);
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    return `failed to read directory: ${messageOf(error)}`;
  }
}

/** The arguments, or what is wrong with them. */
function readListing(input: string, cwd: string): Listing | string {
  const args = new ToolArguments(input);
  const path = args.string("dir_path");
  const offset = args.optionalNumber("offset") ?? 1;
  const limit = args.optionalNumber("limit") ?? DEFAULT_LIMIT;
  const depth = args.optionalNumber("depth") ?? DEFAULT_DEPTH;
  if (args.problem !== null) return args.problem;
  if (!(offset >= 1)) return "offset must be a 1-indexed entry number";
  if (!(limit >= 1)) return "limit must be greater than zero";
  if (!(depth >= 1)) return "depth must be greater than zero";
  return {
    path: resolve(cwd, path),
    offset: Math.floor(offset),
    limit: Math.min(Math.floor(limit), MAX_LIMIT),
    depth: Math.floor(depth),
  };
}

async function list({ path, offset, limit, depth }: Listing, signal: AbortSignal): Promise<string> {
  const lines = [`Absolute path: ${printable(path)}`];
  const walk = new Walk(signal);
  let count = 0;
  for await (const line of walk.lines(path, { indent: "", depth })) {
    count++;
    if (count >= offset + limit) {
      lines.push(`More than ${limit} entries found; the next one is offset ${count}`);
      break;
    }
    if (count >= offset) lines.push(line);
  }
  if (count < offset && offset > 1) return "offset exceeds directory entry count";
  if (walk.isExhausted) lines.push(`Stopped after looking at ${MAX_LOOKED_AT} entries`);
  return lines.join("\n");
}

/** Goes through a folder in the order in which it is shown. Links are shown and never followed. */
class Walk {
  readonly #signal: AbortSignal;
  #left = MAX_LOOKED_AT;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** True when entries were left out because there were too many. */
  get isExhausted(): boolean {
    return this.#left <= 0;
  }

  async *lines(
    path: string,
    { indent, depth }: { readonly indent: string; readonly depth: number },
  ): AsyncGenerator<string, void> {
    for (const entry of await this.#entries(path)) {
      yield `${indent}${printable(entry.name)}${suffix(entry)}`;
      if (!entry.isDirectory || depth <= 1) continue;
      const inner = { indent: `${indent}  `, depth: depth - 1 };
      try {
        yield* this.lines(`${path}/${entry.name}`, inner);
      } catch (error) {
        // One folder of somebody else must not hide all others.
        if (this.#signal.aborted) throw error;
        yield `${inner.indent}(${messageOf(error)})`;
      }
    }
  }

  async #entries(path: string): Promise<readonly Deno.DirEntry[]> {
    this.#signal.throwIfAborted();
    const entries: Deno.DirEntry[] = [];
    for await (const entry of Deno.readDir(path)) {
      if (--this.#left <= 0) break;
      entries.push(entry);
    }
    return entries.sort((a, b) => a.name < b.name ? -1 : 1);
  }
}

function suffix({ isDirectory, isSymlink, isFile }: Deno.DirEntry): string {
  if (isSymlink) return "@";
  if (isDirectory) return "/";
  return isFile ? "" : "?";
}

/** One line, whatever a name contains: a line break in it could pass for a further entry. */
function printable(name: string): string {
  return name.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
