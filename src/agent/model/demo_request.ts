/** What a plain sentence asks the demo model to do: fixed patterns, no understanding. */

/** One step that the demo model knows how to take. */
export type DemoAction =
  | { readonly type: "run"; readonly command: string }
  | { readonly type: "list"; readonly path: string }
  | { readonly type: "show"; readonly path: string; readonly explain: boolean }
  | { readonly type: "write"; readonly path: string; readonly text: string }
  | { readonly type: "append"; readonly path: string; readonly text: string }
  | {
    readonly type: "replace";
    readonly path: string;
    readonly from: string;
    readonly to: string;
  }
  | { readonly type: "delete"; readonly path: string }
  | { readonly type: "plan"; readonly steps: readonly string[] }
  | { readonly type: "count"; readonly to: number; readonly slowly: boolean }
  | { readonly type: "unknown"; readonly text: string };

const MAX_COUNT = 1000;
const PATH = "(`[^`]+`|\"[^\"]+\"|'[^']+'|[^\\s,;:]+)";
const FILE = `(?:(?:a|an|the|my)\\s+)?(?:new\\s+)?(?:file\\s+)?(?:called\\s+|named\\s+)?${PATH}`;

type Pattern = readonly [RegExp, (match: RegExpExecArray) => DemoAction];

/** Tried in this order; the first that matches wins. */
const PATTERNS: readonly Pattern[] = [
  [
    /^(?:make|write|draw up|create|show)?\s*(?:me\s+)?(?:a\s+|the\s+)?plan(?:\s+(?:for|to|of|with))?\b[:\s]*(.*)$/is,
    (m) => ({ type: "plan", steps: planSteps(m[1] ?? "") }),
  ],
  [
    /^(?:please\s+)?count\s+(slowly\s+)?(?:up\s+)?(?:from\s+(?:1|one)\s+)?(?:up\s+)?to\s+(\d+)(\s+slowly)?/i,
    (m) => ({
      type: "count",
      to: Math.min(Number(m[2]), MAX_COUNT),
      slowly: m[1] !== undefined || m[3] !== undefined,
    }),
  ],
  [
    pattern(`in\\s+${FILE},?\\s+(?:replace|change)\\s+(.+?)\\s+(?:with|to|by|into)\\s+(.+)`),
    (m) => replaceAction(m[1], { from: m[2], to: m[3] }),
  ],
  [
    pattern(`(?:replace|change)\\s+(.+?)\\s+(?:with|to|by|into)\\s+(.+?)\\s+in\\s+${FILE}`),
    (m) => replaceAction(m[3], { from: m[1], to: m[2] }),
  ],
  [
    pattern(
      `(?:append|add)\\s+(?:the\\s+)?(?:line|text)?\\s*(.+?)\\s+to\\s+(?:the\\s+end\\s+of\\s+)?${FILE}`,
    ),
    (m) => ({ type: "append", path: bare(m[2]), text: bare(m[1]) }),
  ],
  [
    pattern(
      `(?:write|create|make|add)\\s+${FILE}[,:]?\\s+` +
        `(?:with|saying|containing|that\\s+says|that\\s+contains|which\\s+says)\\s*` +
        `(?:the\\s+)?(?:text|contents?|line|words?)?[:\\s]\\s*(.+)`,
    ),
    (m) => ({ type: "write", path: bare(m[1]), text: bare(m[2]) }),
  ],
  [
    pattern(
      `(?:create|make|touch)\\s+(?:an?\\s+)?(?:empty\\s+)?(?:new\\s+)?file\\s+(?:called\\s+|named\\s+)?${PATH}`,
    ),
    (m) => ({ type: "write", path: bare(m[1]), text: "" }),
  ],
  [
    pattern(`(?:delete|remove)\\s+(?:the\\s+)?(?:file\\s+)?${PATH}`),
    (m) => ({ type: "delete", path: bare(m[1]) }),
  ],
  [
    pattern(
      `(?:list|show)\\s+(?:me\\s+)?(?:all\\s+)?(?:of\\s+)?(?:the\\s+)?(?:files|directory|folder)` +
        `(?:\\s+(?:here|(?:in|of|under)\\s+(?:the\\s+)?(?:folder\\s+|directory\\s+)?${PATH}))?`,
    ),
    (m) => ({ type: "list", path: listedPath(m[1]) }),
  ],
  [
    pattern(`what\\s+files\\s+are\\s+(?:here|there|in\\s+${PATH})`),
    (m) => ({ type: "list", path: listedPath(m[1]) }),
  ],
  [
    pattern(
      `(?:explain|describe|summari[sz]e)\\s+(?:the\\s+)?(?:file\\s+)?${PATH}(?:\\s+to\\s+me)?`,
    ),
    (m) => ({ type: "show", path: bare(m[1]), explain: true }),
  ],
  [
    pattern(
      `(?:show|print|read|open|view|cat|display)\\s+(?:me\\s+)?(?:the\\s+)?(?:file\\s+)?${PATH}`,
    ),
    (m) => ({ type: "show", path: bare(m[1]), explain: false }),
  ],
  [
    pattern(`(?:run|execute|call)\\b\\s*(?:the\\s+)?(?:shell\\s+)?(?:command\\s*)?:?\\s*(.+)`),
    (m) => ({ type: "run", command: bare(m[1]) }),
  ],
  [/^\$\s+(.+)$/s, (m) => ({ type: "run", command: m[1] ?? "" })],
];

/** The steps that a request asks for, in order; never empty. */
export function parseDemoRequest(text: string): readonly DemoAction[] {
  return splitSteps(text).map(parseStep);
}

function parseStep(text: string): DemoAction {
  for (const [regexp, make] of PATTERNS) {
    const match = regexp.exec(text);
    if (match) return make(match);
  }
  return { type: "unknown", text };
}

/** Cuts at "then", outside of quotes and backticks. */
function splitSteps(text: string): readonly string[] {
  const pieces: string[] = [];
  let start = 0;
  const marks =
    /`[^`]*`|"[^"\n]*"|(?<![A-Za-z])'[^'\n]*'|(?:[,;.]\s*|\s+)(?:and\s+)?then\s*[,:]?\s+/gi;
  for (const mark of text.matchAll(marks)) {
    if (/^[`"']/.test(mark[0])) continue;
    pieces.push(text.slice(start, mark.index));
    start = mark.index + mark[0].length;
  }
  pieces.push(text.slice(start));
  const steps = pieces.map(trimStep).filter((piece) => piece !== "");
  return steps.length > 0 ? steps : [""];
}

function trimStep(text: string): string {
  return text.trim().replace(/^(?:first|finally|please|now|also|and)[,:]?\s+/i, "")
    .replace(/^(?:please|can you|could you|would you)\s+/i, "").trim();
}

function pattern(source: string): RegExp {
  return new RegExp(`^${source}[.!?]?$`, "is");
}

function replaceAction(
  path: string | undefined,
  change: { readonly from: string | undefined; readonly to: string | undefined },
): DemoAction {
  return { type: "replace", path: bare(path), from: bare(change.from), to: bare(change.to) };
}

function listedPath(path: string | undefined): string {
  return path === undefined || path === "here" ? "." : bare(path);
}

function planSteps(text: string): readonly string[] {
  const steps = text.split(/\s*(?:[,;\n]|\band\b)\s*/i).map((step) =>
    step.replace(/[.]$/, "").trim()
  )
    .filter((step) => step !== "");
  return steps.length > 0 ? steps : ["Look at the files", "Make the change", "Check the result"];
}

/** Without the quotes or backticks around it. */
function bare(text: string | undefined): string {
  const trimmed = (text ?? "").trim().replace(/([`"'])[.!?]$/, "$1");
  const quoted = /^(`+)([\s\S]*)\1$|^"([\s\S]*)"$|^'([\s\S]*)'$/.exec(trimmed);
  return quoted ? (quoted[2] ?? quoted[3] ?? quoted[4] ?? "").trim() : trimmed;
}
