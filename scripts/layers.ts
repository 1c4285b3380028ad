/** The architecture as data: which layer may import which, and which files stay free of what. */

/** Layers that a layer may import besides itself; anything may import types from `protocol`. */
export const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  main: ["programs", "cli", "lib"],
  programs: [
    "tui",
    "web",
    "client",
    "server",
    "agent",
    "exec",
    "mcp",
    "store",
    "config",
    "account",
    "rpc",
    "protocol",
    "cli",
    "lib",
  ],
  tui: ["client", "protocol", "lib"],
  web: ["client", "protocol", "lib"],
  client: ["rpc", "protocol", "lib"],
  server: ["agent", "exec", "store", "config", "account", "rpc", "protocol", "lib"],
  agent: ["exec", "mcp", "store", "config", "account", "lib"],
  exec: ["rpc", "protocol", "lib"],
  mcp: ["exec", "rpc", "lib"],
  config: ["store", "lib"],
  account: ["store", "lib"],
  store: ["lib"],
  cli: ["lib"],
  rpc: ["lib"],
  protocol: ["lib"],
  lib: [],
};

/** Single edges against the table, each a lazy import, with the reason. */
export const LAZY_EDGES: readonly { from: string; to: string; why: string }[] = [
  {
    from: "src/client/in_process.ts",
    to: "server",
    why: "exec and tests run the server inside their own process through the same client",
  },
];

/** A browser loads these: no `Deno`, no `node:` modules, no `process`. */
const BROWSER_CLEAN = [
  /^src\/(lib|protocol|web)\//,
  /^src\/rpc\/(jsonrpc|connection|router|transport)\.ts$/,
  /^src\/client\/client\.ts$/,
];

/** These read the environment, the clock and randomness, and pass them down. */
const READS_AMBIENT = [/^main\.ts$/, /^src\/programs\//, /^scripts\//, /^tests\//];

/** These print for people; everything else logs through the port or returns data. */
const PRINTS = [/^src\/programs\//, /^scripts\//, /^tests\//];

/** Whether the file must load in a browser. */
export function isBrowserClean(path: string): boolean {
  return BROWSER_CLEAN.some((pattern) => pattern.test(path));
}

/** Whether the file may read the environment, the clock and randomness. */
export function mayReadAmbient(path: string): boolean {
  return READS_AMBIENT.some((pattern) => pattern.test(path));
}

/** Whether the file may print. */
export function mayPrint(path: string): boolean {
  return PRINTS.some((pattern) => pattern.test(path));
}

/** The layer of a path relative to the project, or null for what is no layer (scripts, tests). */
export function layerOf(path: string): string | null {
  if (path === "main.ts") return "main";
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}
