/** Checks the home folder and the disk that it is on; must not look into its files. */
import { statfs } from "node:fs/promises";
import { shellJoin } from "../../lib/shell_join.ts";
import { type Check, type CheckContext, error, type Finding, ok, warning } from "./check.ts";
import { isOpenToOthers, lookAt, modeText, nearestExisting, sizeText } from "./paths.ts";

/** Less than this cannot hold a thread or two. */
const FREE_BYTES_ERROR = 16 * 1024 * 1024;
const FREE_BYTES_WARNING = 512 * 1024 * 1024;

const OTHER_HOME = "Set CODEX_HOME to a folder that you can write to";

/** The folder of config, credentials and threads. */
export const homeCheck: Check = { name: "home", run: homeFindings };

/** The space below it. */
export const diskCheck: Check = {
  name: "disk",
  async run({ home, host }) {
    const path = await nearestExisting(home ?? host.cwd);
    const { bavail, bsize } = await statfs(path);
    return diskFinding(path, bavail * bsize);
  },
};

/** What to say about free space. */
export function diskFinding(path: string, freeBytes: number): Finding {
  const message = `${sizeText(freeBytes)} free at ${path}`;
  const fix = "Make room there, or set CODEX_HOME to a folder on another disk";
  if (freeBytes < FREE_BYTES_ERROR) return error(`Only ${message}`, fix);
  return freeBytes < FREE_BYTES_WARNING ? warning(`Only ${message}`, fix) : ok(message);
}

async function homeFindings(context: CheckContext): Promise<Finding | readonly Finding[]> {
  const { home } = context;
  if (home === null) {
    return error(
      "There is no home folder: neither HOME nor CODEX_HOME is set",
      "Set HOME, or set CODEX_HOME to a folder that is yours",
    );
  }
  const found = await lookAt(home);
  switch (found.type) {
    case "absent":
      return await absentFinding(home, context);
    case "hidden":
      return error(`${home} lies in a folder that this user may not enter`, OTHER_HOME);
    case "notBelowFolder":
      return error(`${home} cannot be made: something above it is not a folder`, OTHER_HOME);
    case "found":
      return found.stat.isDirectory
        ? existingFindings(home, { stat: found.stat, context })
        : error(`${home} is not a folder`, OTHER_HOME);
  }
}

async function absentFinding(home: string, { system, uid }: CheckContext): Promise<Finding> {
  const above = await nearestExisting(home);
  if (system?.isWritable(above) !== false) {
    return ok(`${home} is not there yet; it will be made, for you alone`);
  }
  return error(
    `${home} is not there and cannot be made: ${above} is read-only for user ${uid}`,
    OTHER_HOME,
  );
}

function existingFindings(
  home: string,
  about: { readonly stat: Deno.FileInfo; readonly context: CheckContext },
): Finding | readonly Finding[] {
  const { stat, context: { system, uid } } = about;
  const mode = modeText(stat);
  const findings: Finding[] = [];
  if (system?.isWritable(home) === false) {
    findings.push(error(
      `${home} is read-only for user ${uid} (its owner is ${stat.uid}, its mode ${mode})`,
      OTHER_HOME,
    ));
  } else if (uid !== null && stat.uid !== uid) {
    findings.push(warning(
      `${home} belongs to user ${stat.uid}, and what user ${uid} writes there will not`,
      `Run as user ${stat.uid}, or set CODEX_HOME to a folder of your own`,
    ));
  }
  if (isOpenToOthers(stat)) {
    findings.push(warning(
      `${home} is open to other users (mode ${mode})`,
      shellJoin(["chmod", "700", home]),
    ));
  }
  return findings.length > 0 ? findings : ok(`${home}, writable, yours alone (mode ${mode})`);
}
