/** Renders the table of programs and their permissions for `README.md`; must not know what a program does with them. */
import { ALL_KINDS, type Kind, PROGRAMS } from "../../main.ts";

/** One reason for each kind that a program holds: a missing or a needless one does not compile. */
type Reasons = {
  readonly [P in keyof typeof PROGRAMS]: {
    readonly [K in (typeof PROGRAMS)[P]["holds"][number]]: string;
  };
};

/** Deno opens nothing there for a program that lacks any kind, and agents are asked to work there too. */
const DEVICES = "to open `/dev`, `/proc`, `/sys`";
const AGENT = {
  read: "project and home folder",
  write: "patches, threads",
  net: "the model",
  env: DEVICES,
  run: "commands of the agent",
  sys: "version of the system",
  ffi: DEVICES,
  import: DEVICES,
} as const;

const INTERFACE = {
  read: "`config.toml`, `auth.json`, images, history of prompts, `known_servers`",
  write: "the same, and what an editor is given",
  net: "a server elsewhere",
  env: DEVICES,
  run: "its server, an editor, the clipboard",
  sys: "version of the system",
  ffi: "terminals",
  import: DEVICES,
} as const;

const REASONS: Reasons = {
  "exec": AGENT,
  "app-server": { ...AGENT, net: "the model, clients over WebSocket" },
  "exec-server": {
    read: "files of its clients, `config.toml`",
    write: "files of its clients",
    net: "to listen; given up afterwards, unless with `--tasks` or `--http`",
    env: DEVICES,
    run: "processes of its clients",
    sys: "user id",
    ffi: "terminals, files",
    import: DEVICES,
  },
  "sandbox": {
    read: "`config.toml`, what the paths of the policy lead to",
    write: "the socket of the proxy for `allow_domains`",
    net: "that proxy",
    env: DEVICES,
    run: "the command",
    sys: "user id, addresses of this machine",
    ffi: "to confine it",
    import: DEVICES,
  },
  "login": { read: "`auth.json`", write: "`auth.json`", env: "the kind of terminal" },
  "logout": { write: "`auth.json`" },
  "completion": {},
  "features": { read: "`config.toml`" },
  "doctor": {
    read: "what it checks",
    net: "whether the model provider answers",
    run: "`git`, commands of the sandbox, itself",
    sys: "version of the system, user id",
    ffi: "kernel features",
  },
  "cache": {
    read: "unpacked versions",
    write: "unpacked versions",
    net: DEVICES,
    env: DEVICES,
    run: DEVICES,
    sys: "user id",
    ffi: DEVICES,
    import: DEVICES,
  },
  "none": INTERFACE,
  "resume": INTERFACE,
  "fork": INTERFACE,
};

/** The table in Markdown, aligned as the formatter would. Names of the same program share a row. */
export function permissionsTable(): string {
  const namesOf = new Map<string, string[]>();
  for (const [name, { holds }] of Object.entries(PROGRAMS)) {
    const cells = JSON.stringify([heldText(holds), reasonsText(name)]);
    const text = name === "none" ? "`codex` alone" : `\`codex ${name}\``;
    namesOf.set(cells, [...namesOf.get(cells) ?? [], text]);
  }
  const rows = [...namesOf].map(([cells, names]) => [names.join(", "), ...JSON.parse(cells)]);
  return alignedTable([["program", "holds", "why"], ...rows]);
}

function heldText(kinds: readonly Kind[]): string {
  if (kinds.length === ALL_KINDS.length) return "everything";
  return kinds.length === 0 ? "nothing" : kinds.join(", ");
}

/** Kinds that share a reason are named together. */
function reasonsText(program: string): string {
  const kindsOf = new Map<string, string[]>();
  const reasons: Readonly<Record<string, Readonly<Record<string, string>>>> = REASONS;
  for (const [kind, reason] of Object.entries(reasons[program] ?? {})) {
    kindsOf.set(reason, [...kindsOf.get(reason) ?? [], kind]);
  }
  return [...kindsOf].map(([reason, kinds]) => `${kinds.join(", ")}: ${reason}`).join("; ");
}

function alignedTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[], fill: string) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths?.[column] ?? 0, fill)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [
    line(head, " "),
    line(head.map(() => ""), "-"),
    ...body.map((row) => line(row, " ")),
    "",
  ].join("\n");
}
