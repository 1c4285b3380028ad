/** Reads the text of a patch into file changes; must not know files, tools or policies. */

/** One line of a hunk, without its marker. */
export interface HunkLine {
  readonly kind: "context" | "delete" | "add";
  readonly text: string;
}

/** A run of lines to find and change. */
export interface Hunk {
  /** Lines to be found one after the other before the hunk's own lines are looked for. */
  readonly anchors: readonly string[];
  readonly lines: readonly HunkLine[];
  /** The old lines must be the last ones of the file. */
  readonly isAtEnd: boolean;
}

/** What a patch says about one file; paths are as written. */
export type FilePatch =
  | { readonly type: "add"; readonly path: string; readonly content: string }
  | { readonly type: "delete"; readonly path: string }
  | {
    readonly type: "update";
    readonly path: string;
    readonly moveTo: string | null;
    readonly hunks: readonly Hunk[];
  };

/** A value or the reason why there is none, in words for the model. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string };

const BEGIN = "*** Begin Patch";
const END = "*** End Patch";
const ADD = "*** Add File: ";
const DELETE = "*** Delete File: ";
const UPDATE = "*** Update File: ";
const MOVE = "*** Move to: ";
const END_OF_FILE = "*** End of File";
const HEREDOC_STARTS: ReadonlySet<string> = new Set(["<<EOF", "<<'EOF'", '<<"EOF"']);

/** Parses a patch. Never throws; the messages are upstream's, because models know them. */
export function parsePatch(text: string): Result<readonly FilePatch[]> {
  const lines = envelope(text.trim().split(/\r?\n/));
  if (!lines.ok) return lines;
  const reader = new LineReader(lines.value);
  const files: FilePatch[] = [];
  while (!reader.isDone) {
    const file = parseSection(reader);
    if (!file.ok) return file;
    files.push(file.value);
  }
  return { ok: true, value: files };
}

/** The lines between the patch markers; models also send the heredoc that they would type in a shell. */
function envelope(lines: readonly string[]): Result<readonly string[]> {
  const strict = withoutMarkers(lines);
  if (strict.ok || lines.length < 4) return strict;
  const isHeredoc = HEREDOC_STARTS.has(lines[0] ?? "") && lines.at(-1)?.endsWith("EOF") === true;
  return isHeredoc ? withoutMarkers(lines.slice(1, -1)) : strict;
}

function withoutMarkers(lines: readonly string[]): Result<readonly string[]> {
  if (lines[0]?.trim() !== BEGIN) {
    return failure(`invalid patch: The first line of the patch must be '${BEGIN}'`);
  }
  if (lines.length < 2 || lines.at(-1)?.trim() !== END) {
    return failure(`invalid patch: The last line of the patch must be '${END}'`);
  }
  return { ok: true, value: lines.slice(1, -1) };
}

/** The lines inside the envelope; the first one is line 2 of the patch. */
class LineReader {
  readonly #lines: readonly string[];
  #next = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  get isDone(): boolean {
    return this.#next >= this.#lines.length;
  }

  /** The number, within the whole patch, of the line that `peek` shows. */
  get lineNumber(): number {
    return this.#next + 2;
  }

  peek(): string | undefined {
    return this.#lines[this.#next];
  }

  skip(): void {
    this.#next++;
  }
}

function parseSection(reader: LineReader): Result<FilePatch> {
  const { lineNumber } = reader;
  const header = (reader.peek() ?? "").trim();
  reader.skip();
  if (header.startsWith(ADD)) {
    return {
      ok: true,
      value: { type: "add", path: header.slice(ADD.length), content: added(reader) },
    };
  }
  if (header.startsWith(DELETE)) {
    return { ok: true, value: { type: "delete", path: header.slice(DELETE.length) } };
  }
  if (header.startsWith(UPDATE)) {
    return parseUpdate(reader, { path: header.slice(UPDATE.length), lineNumber });
  }
  const valid = [ADD, DELETE, UPDATE].map((start) => `'${start}{path}'`).join(", ");
  return invalidHunk(
    lineNumber,
    `'${header}' is not a valid hunk header. Valid hunk headers: ${valid}`,
  );
}

function added(reader: LineReader): string {
  let content = "";
  for (let line = reader.peek(); line?.startsWith("+"); line = reader.peek()) {
    content += `${line.slice(1)}\n`;
    reader.skip();
  }
  return content;
}

function parseUpdate(
  reader: LineReader,
  { path, lineNumber }: { path: string; lineNumber: number },
): Result<FilePatch> {
  const moveLine = reader.peek();
  const moveTo = moveLine?.startsWith(MOVE) ? moveLine.slice(MOVE.length).trim() : null;
  if (moveTo !== null) reader.skip();
  const hunks: Hunk[] = [];
  for (let line = reader.peek(); line !== undefined; line = reader.peek()) {
    if (line.trim() === "") {
      reader.skip();
      continue;
    }
    if (line.startsWith("***")) break;
    const hunk = parseHunk(reader, { isFirst: hunks.length === 0 });
    if (!hunk.ok) return hunk;
    hunks.push(hunk.value);
  }
  if (hunks.length === 0) {
    return invalidHunk(lineNumber, `Update file hunk for path '${path}' is empty`);
  }
  return { ok: true, value: { type: "update", path, moveTo, hunks } };
}

function parseHunk(reader: LineReader, { isFirst }: { isFirst: boolean }): Result<Hunk> {
  const anchors = parseAnchors(reader);
  if (anchors === null && !isFirst) {
    return invalidHunk(
      reader.lineNumber,
      `Expected update hunk to start with a @@ context marker, got: '${reader.peek()}'`,
    );
  }
  const lines: HunkLine[] = [];
  let isAtEnd = false;
  for (let line = reader.peek(); line !== undefined; line = reader.peek()) {
    if (line === END_OF_FILE) {
      if (lines.length === 0) break;
      isAtEnd = true;
      reader.skip();
      break;
    }
    const parsed = hunkLine(line);
    if (parsed === null) {
      if (lines.length > 0) break;
      return unexpectedLine(reader.lineNumber, line);
    }
    lines.push(parsed);
    reader.skip();
  }
  if (lines.length === 0) {
    return invalidHunk(reader.lineNumber, "Update hunk does not contain any lines");
  }
  return { ok: true, value: { anchors: anchors ?? [], lines, isAtEnd } };
}

/** The contexts of one or more `@@` lines, or null when there is none. A bare one must stand alone. */
function parseAnchors(reader: LineReader): string[] | null {
  const first = reader.peek();
  if (first === undefined || !isAnchor(first)) return null;
  reader.skip();
  if (first.trim() === "@@") return [];
  const anchors = [first.slice(3)];
  for (let line = reader.peek(); line?.startsWith("@@ "); line = reader.peek()) {
    if (line.trim() === "@@") break;
    anchors.push(line.slice(3));
    reader.skip();
  }
  return anchors;
}

function isAnchor(line: string): boolean {
  return line === "@@" || line.startsWith("@@ ");
}

/** A wholly empty line is an empty context line: models drop the lone space. */
function hunkLine(line: string): HunkLine | null {
  switch (line[0]) {
    case undefined:
      return { kind: "context", text: "" };
    case " ":
      return { kind: "context", text: line.slice(1) };
    case "-":
      return { kind: "delete", text: line.slice(1) };
    case "+":
      return { kind: "add", text: line.slice(1) };
    default:
      return null;
  }
}

function unexpectedLine(lineNumber: number, line: string): Result<never> {
  return invalidHunk(
    lineNumber,
    `Unexpected line found in update hunk: '${line}'. Every line should start with ' ' ` +
      "(context line), '+' (added line), or '-' (removed line)",
  );
}

function invalidHunk(lineNumber: number, message: string): Result<never> {
  return failure(`invalid hunk at line ${lineNumber}, ${message}`);
}

function failure(message: string): Result<never> {
  return { ok: false, message };
}
