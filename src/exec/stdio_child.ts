/** A program of our own as a child that speaks over its stdio; must not know what it speaks. */

/** What to start. */
export interface StdioChildSpec {
  /** Program and arguments; not empty. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A started child. */
export interface StdioChild {
  readonly output: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly input: WritableStream<Uint8Array<ArrayBuffer>>;
  /** Resolves when it has ended and all of its stderr has been read. */
  readonly end: Promise<StdioChildEnd>;
}

/** How a child ended. */
export interface StdioChildEnd {
  readonly code: number;
  readonly signal: string | null;
  /** The end of what it wrote to stderr. */
  readonly lastErrors: string;
}

/** Of stderr. */
const KEPT_CHARS = 4000;

/**
 * Starts it in a session of its own: Ctrl-C and Ctrl-Z on the terminal are for this process only. It ends by itself when
 * its input does, so it does not outlive this process whatever happens to that. Throws what the system says.
 */
export function startStdioChild({ argv, cwd, env }: StdioChildSpec): StdioChild {
  const [program = "", ...args] = argv;
  const child = new Deno.Command(program, {
    args,
    cwd,
    env,
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  return { output: child.stdout, input: child.stdin, end: endOf(child) };
}

async function endOf(child: Deno.ChildProcess): Promise<StdioChildEnd> {
  const [{ code, signal }, lastErrors] = await Promise.all([
    child.status,
    lastTextOf(child.stderr),
  ]);
  return { code, signal, lastErrors };
}

async function lastTextOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text = (text + decoder.decode(chunk, { stream: true })).slice(-KEPT_CHARS);
  }
  return text;
}
