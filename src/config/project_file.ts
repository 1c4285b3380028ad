/** Reads the config files of a trusted project, of which only harmless keys count; must not know other layers. */
import { join } from "node:path";
import { checkLayer } from "./check.ts";
import { PROJECT_KEYS } from "./keys.ts";
import { type Layer, newLayer } from "./layer.ts";
import type { ReadFile } from "./load.ts";
import { projectRootMarkers, trustedProjects } from "./resolve.ts";
import { readToml } from "./toml_read.ts";
import { projectDirectories, projectTrust } from "./trust.ts";
import type { Table } from "./values.ts";

/** The layers of the project around `cwd`, from its root down; none unless `below` says that it is trusted. */
export async function projectLayers(
  below: Table,
  options: { readonly cwd: string; readonly userFile: string; readonly readFile: ReadFile },
): Promise<{ readonly layers: readonly Layer[]; readonly warnings: readonly string[] }> {
  const markers = projectRootMarkers(below);
  const trust = projectTrust(trustedProjects(below), { cwd: options.cwd, markers });
  if (trust !== "trusted") return { layers: [], warnings: [] };
  const layers: Layer[] = [];
  const warnings: string[] = [];
  for (const directory of projectDirectories(options.cwd, markers)) {
    const dotCodexFolder = join(directory, ".codex");
    const file = join(dotCodexFolder, "config.toml");
    // With the home directory as the project this is the user's own file.
    const content = file === options.userFile ? null : await options.readFile(file);
    if (content === null) continue;
    const table = await readToml(content, { file });
    const harmless = Object.fromEntries(
      Object.entries(table).filter(([key]) => PROJECT_KEYS.has(key)),
    );
    await checkLayer(harmless, { type: "file", file, text: content });
    for (const key of Object.keys(table).filter((one) => !PROJECT_KEYS.has(one))) {
      warnings.push(
        `\`${key}\` in ${file} is ignored: a project may not set it; set it in ${options.userFile}`,
      );
    }
    if (Object.keys(harmless).length > 0) {
      layers.push(newLayer({ type: "project", dotCodexFolder }, harmless));
    }
  }
  return { layers, warnings };
}
