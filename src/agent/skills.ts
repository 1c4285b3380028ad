/** Finds the skills of the user and of a project: folders with a SKILL.md; must not run or load them. */
import { join } from "node:path";
import { messageOf } from "../lib/errors.ts";

/** A skill as clients list it. */
export interface Skill {
  readonly name: string;
  readonly description: string;
  readonly path: string;
  readonly scope: "user" | "repo";
  readonly enabled: true;
}

/** The skills that apply in one folder, and those that could not be read. */
export interface FoundSkills {
  readonly skills: Skill[];
  readonly errors: { path: string; message: string }[];
}

/** A SKILL.md says who it is within its first bytes; more is never read. */
const HEAD_BYTES = 16 * 1024;

/** Looks in the home folder and in the project. */
export async function findSkills(
  options: { readonly codexHome: string; readonly cwd: string },
): Promise<FoundSkills> {
  const found: FoundSkills = { skills: [], errors: [] };
  await addSkills(join(options.codexHome, "skills"), { scope: "user", found });
  await addSkills(join(options.cwd, ".codex", "skills"), { scope: "repo", found });
  return found;
}

async function addSkills(
  root: string,
  options: { readonly scope: Skill["scope"]; readonly found: FoundSkills },
): Promise<void> {
  const { scope, found } = options;
  for (const folder of await foldersIn(root)) {
    const path = join(root, folder, "SKILL.md");
    try {
      const head = await readHead(path);
      if (head === null) continue;
      found.skills.push({ ...parseHead(head, folder), path, scope, enabled: true });
    } catch (error) {
      found.errors.push({ path, message: messageOf(error) });
    }
  }
}

async function foldersIn(root: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(root));
    return entries.filter((entry) => entry.isDirectory).map((entry) => entry.name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}

async function readHead(path: string): Promise<string | null> {
  try {
    using file = await Deno.open(path);
    const buffer = new Uint8Array(HEAD_BYTES);
    const count = await file.read(buffer) ?? 0;
    return new TextDecoder().decode(buffer.subarray(0, count));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The front matter between `---` lines; only two of its values matter here. */
function parseHead(head: string, folder: string): { name: string; description: string } {
  const matter = /^---\r?\n([\s\S]*?)\r?\n---/.exec(head)?.[1] ?? "";
  return { name: valueOf("name", matter) || folder, description: valueOf("description", matter) };
}

/** A plain or quoted value on one line, or a block (`|`, `>`) of indented lines, as one line of text. */
function valueOf(key: string, matter: string): string {
  const lines = matter.split(/\r?\n/);
  const start = lines.findIndex((line) => line.startsWith(`${key}:`));
  const first = (lines[start] ?? "").slice(key.length + 1).trim();
  if (!/^[|>][-+\d]*$/.test(first)) return first.replace(/^(["'])(.*)\1$/, "$2");
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^\S/.test(line));
  const block = end < 0 ? rest : rest.slice(0, end);
  return block.map((line) => line.trim()).filter((line) => line !== "").join(" ");
}
