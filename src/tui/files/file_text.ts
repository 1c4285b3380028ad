/** The text of a file of the server, read part by part as somebody reads on; must not know keys. */
import type { ReconnectingClient } from "../../client/reconnect.ts";
import { messageOf } from "../../lib/errors.ts";
import { formatCount } from "../duration.ts";
import type { PagerText } from "../pane/pager.ts";
import { cleanRow, cleanText, wrapText } from "../render/wrap.ts";
import type { Theme } from "../theme.ts";
import { isBinary, readPart } from "./remote_files.ts";

/** More than that is not kept: nobody reads it here. */
const BYTES_MAX = 16 * 1024 * 1024;
/** A line is cut into rows up to here. */
const LINE_CHARS_MAX = 20_000;

export interface FileTextOptions {
  readonly client: Pick<ReconnectingClient, "request">;
  readonly path: string;
  readonly theme: Theme;
  changed(): void;
}

/** Invariant: parts follow each other without a gap; what is shown is a beginning of the file as it was when read. */
export class FileText implements PagerText {
  readonly #options: FileTextOptions;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #closing = new AbortController();
  #lines: string[] = [];
  /** The last line, which may go on in the next part. */
  #rest = "";
  #offset = 0;
  #fileSize: number | null = null;
  #isLoading = false;
  #isEnd = false;
  #problem: string | null = null;
  #drawn: { readonly width: number; rows: string[]; lines: number } | null = null;

  constructor(options: FileTextOptions) {
    this.#options = options;
    void this.#readOn();
  }

  close(): void {
    this.#closing.abort();
  }

  nearEnd(): void {
    void this.#readOn();
  }

  status(): string {
    const size = this.#fileSize === null ? "" : `${formatCount(this.#fileSize)} bytes`;
    return this.#isLoading ? "loading…" : size;
  }

  rows(width: number): readonly string[] {
    if (this.#drawn?.width !== width) this.#drawn = { width, rows: [], lines: 0 };
    const drawn = this.#drawn;
    for (; drawn.lines < this.#lines.length; drawn.lines++) {
      drawn.rows.push(...rowsOf(this.#lines[drawn.lines] ?? "", width));
    }
    const note = this.#note();
    const rest = this.#rest === "" ? [] : rowsOf(this.#rest, width);
    const { theme } = this.#options;
    if (note === null && rest.length === 0) return drawn.rows;
    const notes = note === null ? [] : wrapText(cleanText(note), width).map(theme.warning);
    return [...drawn.rows, ...rest, ...notes];
  }

  #note(): string | null {
    if (this.#problem !== null) return this.#problem;
    const isNothing = this.#isEnd && this.#offset === 0;
    return isNothing ? "The file is empty" : null;
  }

  async #readOn(): Promise<void> {
    if (this.#isLoading || this.#isEnd || this.#problem !== null) return;
    this.#isLoading = true;
    const { client, path, changed } = this.#options;
    const { signal } = this.#closing;
    try {
      const { bytes, fileSize } = await readPart(client, path, { offset: this.#offset, signal });
      if (signal.aborted) return;
      this.#take(bytes, fileSize);
    } catch (error) {
      if (signal.aborted) return;
      this.#problem = `Not read: ${messageOf(error)}`;
    } finally {
      this.#isLoading = false;
    }
    changed();
  }

  #take(bytes: Uint8Array<ArrayBuffer>, fileSize: number): void {
    this.#fileSize = fileSize;
    if (this.#offset === 0 && isBinary(bytes)) {
      this.#problem = `This is no text: a binary file of ${fileSize} bytes`;
      return;
    }
    this.#offset += bytes.length;
    this.#isEnd = bytes.length === 0 || this.#offset >= fileSize;
    const text = this.#rest + this.#decoder.decode(bytes, { stream: !this.#isEnd });
    const lines = text.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#lines.push(line);
    if (this.#isEnd || this.#offset < BYTES_MAX) return;
    this.#isEnd = true;
    this.#problem = `Only the first ${this.#offset} of ${fileSize} bytes are shown`;
  }
}

function rowsOf(line: string, width: number): string[] {
  const shown = line.length <= LINE_CHARS_MAX
    ? line
    : `${line.slice(0, LINE_CHARS_MAX).toWellFormed()} … ${line.length - LINE_CHARS_MAX} more`;
  return wrapText(cleanRow(shown), width);
}
