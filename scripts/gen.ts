/**
 * Writes what is derived from tables and committed: the pages and names of methods in `src/protocol`, the page of keys in `src/tui`, and
 * the table of permissions in `README.md`; `--check` only compares. Must not know what is in them.
 */
import { keysPage } from "./gen/keys.ts";
import { execServerPage, methodNames, methodsPage } from "./gen/methods.ts";
import { permissionsTable } from "./gen/permissions.ts";

/** A file with derived text; `render` gets the text that is there and gives the one that should be. */
interface Target {
  readonly path: string;
  render(stored: string): string | Promise<string>;
}

const TARGETS: readonly Target[] = [
  { path: "src/protocol/methods.md", render: methodsPage },
  { path: "src/protocol/method_names.ts", render: methodNames },
  { path: "src/protocol/exec_server_methods.md", render: execServerPage },
  { path: "src/tui/keys.md", render: keysPage },
  {
    path: "README.md",
    render: (stored) => replaceMarked(stored, { name: "permissions", text: permissionsTable() }),
  },
];

/** The text with everything between the two marks of that name replaced; the marks stay. */
export function replaceMarked(
  stored: string,
  { name, text }: { readonly name: string; readonly text: string },
): string {
  const [start, end] = [`<!-- gen:${name} -->\n`, `<!-- /gen:${name} -->\n`];
  const [before, between, ...more] = stored.split(start);
  const [, after, ...rest] = between?.split(end) ?? [];
  if (before === undefined || after === undefined || more.length + rest.length > 0) {
    throw new Error(`The marks gen:${name} do not stand once each in the file that is written to`);
  }
  return `${before}${start}\n${text}\n${end}${after}`;
}

async function main(): Promise<number> {
  const isCheck = Deno.args.includes("--check");
  let staleCount = 0;
  for (const { path, render } of TARGETS) {
    const file = new URL(`../${path}`, import.meta.url);
    const stored = await Deno.readTextFile(file).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    const text = await render(stored);
    if (text === stored) continue;
    staleCount++;
    if (isCheck) console.error(`${path} is stale: run deno task gen`);
    else await Deno.writeTextFile(file, text);
  }
  return isCheck && staleCount > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
