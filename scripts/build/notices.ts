/** Collects the licences of what a built file contains; must not know how it is packed. */

const ROOT = new URL("../../", import.meta.url);

/** The MIT licence in the name of whoever grants it. */
function mit(copyright: string): string {
  return `MIT License

${copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
}

/** The package of the runtime comes without the text. */
const RUNTIME = `deno\n\n${mit("Copyright 2018-2026 the Deno authors")}`;

/** One text: our licence, the runtime's, and that of every package in the bundle. */
export async function notices(): Promise<string> {
  const own = await Deno.readTextFile(new URL("LICENSE", ROOT));
  const packages = await bundledPackages();
  const texts = await Promise.all(
    packages.map(async ({ id, folder }) => `${id}\n\n${await licenseIn(folder, id)}`),
  );
  return `${["codex\n\n" + own.trim(), RUNTIME, ...texts].join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

/** Those that the program imports, and what they import; the listing also has what only tests use. */
async function bundledPackages(): Promise<{ readonly id: string; readonly folder: string }[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    cwd: ROOT,
    stdin: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Error("deno info failed");
  const { modules, npmPackages }: {
    modules: readonly { readonly npmPackage?: string }[];
    npmPackages: Readonly<Record<string, NpmPackage>>;
  } = JSON.parse(new TextDecoder().decode(stdout));
  const bundled = new Map<string, string>();
  const waiting = modules.flatMap(({ npmPackage }) => npmPackage ?? []);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const found = npmPackages[id];
    if (bundled.has(id) || !found) continue;
    bundled.set(id, found.localPath);
    waiting.push(...found.dependencies);
  }
  return [...bundled].map(([id, folder]) => ({ id, folder }))
    .sort((one, other) => one.id < other.id ? -1 : 1);
}

interface NpmPackage {
  readonly localPath: string;
  readonly dependencies: readonly string[];
}

async function licenseIn(folder: string, id: string): Promise<string> {
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !/^licen[cs]e/i.test(name)) continue;
    return (await Deno.readTextFile(`${folder}/${name}`)).trim();
  }
  // Some packages only name it beside their author.
  const manifest = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  if (manifest.license === "MIT" && typeof manifest.author === "string") {
    return mit(`Copyright (c) ${manifest.author}`);
  }
  throw new Error(`The package ${id} comes without a licence; it cannot be shipped`);
}
