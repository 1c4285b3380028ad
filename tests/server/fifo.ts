/** A named pipe with which a test and a command wait for each other; must not know tools or servers. */

/** Makes a named pipe. */
export async function makeFifo(path: string): Promise<string> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  if (!success) throw new Error(`Cannot make the named pipe ${path}`);
  return path;
}

/** The reading end of a named pipe. */
export class FifoReader implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #buffer = new Uint8Array(4096);

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Resolves once somebody has opened the pipe for writing. */
  static async open(path: string): Promise<FifoReader> {
    return new FifoReader(await Deno.open(path));
  }

  /** What was written; null once every process that could write has ended. */
  async read(): Promise<string | null> {
    const count = await this.#file.read(this.#buffer);
    return count === null ? null : new TextDecoder().decode(this.#buffer.subarray(0, count));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
