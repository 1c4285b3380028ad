/** Makes sure that there are the folders that a start needs, on whichever machine; must not know what is done in them. */
import type { Args } from "../../cli/args.ts";
import type { ReconnectingClient } from "../../client/reconnect.ts";
import { CliError, messageOf } from "../../lib/errors.ts";
import { makePrivateDir } from "../../store/home_file.ts";
import { cwdOfArgs } from "../config_options.ts";
import { codexHomeOf, type Host } from "../host.ts";

/** Throws a `CodexError` where a server of our own could keep nothing. */
export function checkHome(host: Pick<Host, "env" | "cwd">): void {
  makePrivateDir(`${codexHomeOf(host)}/sessions`);
}

/** Throws a `CliError` when it is not on this machine. */
export function checkOwnFolder(args: Args, host: Pick<Host, "cwd">): void {
  if (!args.isSet("cd")) return;
  const folder = cwdOfArgs(args, host);
  if (!isFolder(folder)) throw missing(folder, "on this machine");
}

/** Throws a `CliError` when it is not on the server's machine, as far as that can be asked. */
export async function checkServerFolder(client: ReconnectingClient, args: Args): Promise<void> {
  const folder = args.text("cd");
  // One that is not absolute begins where the server works, which only the server knows.
  if (folder === null || !folder.startsWith("/")) return;
  const { hasMethod } = await import("../../tui/server_methods.ts");
  if (!hasMethod(client.serverInfo, "fs/getMetadata")) return;
  const isThere = await client.request("fs/getMetadata", { path: folder }).then(
    ({ isDirectory }) => isDirectory,
    // A server that may not look may still be able to work there.
    (error: unknown) => !/no such|not found|not a directory/i.test(messageOf(error)),
  );
  if (!isThere) throw missing(folder, "on the machine of the server");
}

function missing(folder: string, where: string): CliError {
  return new CliError(`Cannot work in ${folder}: there is no such folder ${where}; correct --cd`);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return true;
    if (error instanceof Error) return false;
    throw error;
  }
}
