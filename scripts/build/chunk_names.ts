/** Gives the chunks of a bundle names that follow from their content alone; must not know what is in them. */
import { createHash } from "node:crypto";

/** A chunk as the bundler names it. */
const CHUNK = /^(.+)-[A-Z0-9]{8}\.js$/;
/** How one file of a bundle names another. */
const REFERENCE = /"\.\/([^"\/]+\.js)"/g;

/**
 * Renames all chunks. The bundler's own names depend on where sources and packages lie, also relative to each
 * other, so the same program would be another one when it is built elsewhere.
 *
 * A name is a hash of the text and of the chunks that it refers to. As these may refer back, all hashes start
 * without references and are refined until no more chunks can be told apart.
 */
export function nameByContent(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  let names = new Map([...files.keys()].map((name) => [name, stem(name)]));
  for (let classes = 0, before = -1; classes > before;) {
    const refined = new Map<string, string>();
    for (const [name, text] of files) {
      refined.set(name, `${stem(name)}-${hash(withNames(text, names))}`);
    }
    names = refined;
    before = classes;
    classes = new Set(names.values()).size;
  }
  const final = new Map([...names].map(([name, made]) => [name, finalName(name, made)]));
  if (new Set(final.values()).size < final.size) {
    throw new Error("Two chunks of the bundle are alike");
  }
  return new Map(
    [...files].map(([name, text]) => [final.get(name) ?? name, withNames(text, final)] as const)
      .sort(([left], [right]) => left < right ? -1 : 1),
  );
}

function withNames(text: string, names: ReadonlyMap<string, string>): string {
  return text.replaceAll(REFERENCE, (whole, name: string) => {
    const made = names.get(name);
    return made === undefined ? whole : `"./${made}"`;
  });
}

/** What is not a chunk, such as the entry, keeps its name. */
function finalName(name: string, made: string): string {
  return CHUNK.test(name) ? `${made.slice(0, stem(name).length + 9)}.js` : name;
}

function stem(name: string): string {
  return CHUNK.exec(name)?.[1] ?? name;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
