/** Puts off, in the text of a bundle, what packages do when they are loaded; must not know which chunk it is. */

/**
 * What costs more to load than the chunk itself, and is not needed for the first thing that happens: the same program,
 * with the work at the first use.
 */
export function defer(text: string): string {
  return deferEmoji(deferFileSystem(deferRequire(dropUnused(text))));
}

/** A built-in module does nothing when it is imported that anybody could miss. */
function dropUnused(text: string): string {
  return text.replaceAll(
    /\bimport\s*([^;"'()]+?)\s*from\s*"node:[\w/]+";/g,
    (statement: string, names: string) => isUsed(names, text) ? statement : "",
  );
}

function isUsed(names: string, text: string): boolean {
  return [...names.matchAll(/([\w$]+)\s*(?=[,}]|$)/g)].some(([, name = ""]) =>
    text.split(new RegExp(`(?<![\\w$])${RegExp.escape(name)}(?![\\w$])`)).length > 2
  );
}

/** Packages in a bundle need nothing else; an optional one that is missing throws, as it should. */
const BUILT_IN_REQUIRE =
  'name=>{let found=process.getBuiltinModule(name);if(!found)throw new Error("No module "+name);return found}';

/** The `require` of packages that are no modules; to make it takes `node:module`. */
function deferRequire(text: string): string {
  const imports = /\bimport\s*\{\s*createRequire as ([\w$]+)\s*\}\s*from\s*"node:module";/g;
  return [...text.matchAll(imports)].reduce(
    (rest, [statement, name = ""]) =>
      rest.replace(statement, "").replaceAll(
        new RegExp(`(?<![\\w$])${RegExp.escape(name)}\\(import\\.meta\\.url\\)`, "g"),
        BUILT_IN_REQUIRE,
      ),
    text,
  );
}

/** Only for logs of packages that nobody asks for. */
function deferFileSystem(text: string): string {
  return text.replaceAll(
    /\bimport\s*\*\s*as ([\w$]+)\s*from\s*"node:fs";/g,
    'var $1=new Proxy({},{get:(_,name)=>process.getBuiltinModule("node:fs")[name]});',
  );
}

/** The engine makes the table of all emoji as soon as it sees such an expression, which takes tens of milliseconds. */
function deferEmoji(text: string): string {
  return text.replaceAll(
    "/^\\p{RGI_Emoji}$/v",
    '{test(text){return(this.made??=new RegExp("^\\\\p{RGI_Emoji}$","v")).test(text)}}',
  );
}
