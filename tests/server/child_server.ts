/** The real `codex app-server` as a process of its own, in any form, with a checked client over its stdio. */
import { Client } from "../../src/client/client.ts";
import type { Extension } from "../../src/protocol/extensions.ts";
import { stdioTransport } from "../../src/rpc/stdio.ts";
import type { Place } from "../programs/exec_process.ts";
import { type Form, SOURCE } from "../support/forms.ts";
import { wireCheck } from "../support/wire_check.ts";

/** A server process with its only client. */
export interface ChildServer extends AsyncDisposable {
  readonly client: Client;
  readonly pid: number;
  /** Ends the process at once, without a chance to tidy up. */
  kill(): Promise<void>;
  /** Hangs up, which ends the process in good order; resolves with its exit code. */
  stop(): Promise<number>;
}

/** Starts a server on the home of `place`; `prefix` runs it in a world that was changed for it. */
export async function startChild(
  place: Place,
  { prefix = [], form = SOURCE, sessionExtensions: extensions }: {
    readonly prefix?: readonly string[];
    readonly form?: Form;
    readonly sessionExtensions?: readonly Extension[];
  } = {},
): Promise<ChildServer> {
  const [program = "", ...args] = [...prefix, ...form.command, "app-server"];
  const settings = ['sandbox_mode="danger-full-access"', 'approval_policy="never"'];
  const child = new Deno.Command(program, {
    args: [...args, ...settings.flatMap((setting) => ["-c", setting])],
    cwd: place.project,
    env: { ...place.env, ...form.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const checked = wireCheck(stdioTransport({ input: child.stdout, output: child.stdin }));
  const end = async (how: () => void) => {
    how();
    const { code } = await child.status;
    client.close();
    return code;
  };
  const client = await Client.connect(checked.transport, {
    clientInfo: { name: "test", version: "1" },
    capabilities: { experimentalApi: true, ...extensions && { sessionExtensions: extensions } },
  });
  const stop = () => end(() => client.close());
  return {
    client,
    pid: child.pid,
    kill: async () => void await end(() => child.kill("SIGKILL")),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      checked.assertClean();
    },
  };
}

/** Words that give a program file systems of its own, or null where this is not allowed. */
export const unshareCommand: readonly string[] | null = findUnshare();

function findUnshare(): readonly string[] | null {
  const ways = [["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]];
  return ways.find((way) => isWorking(way)) ?? null;
}

function isWorking([program = "", ...args]: readonly string[]): boolean {
  const mount = "mount -t tmpfs -o size=64k tmpfs /tmp";
  try {
    const tried = new Deno.Command(program, {
      args: [...args, "sh", "-c", mount],
      stdout: "null",
      stderr: "null",
    });
    return tried.outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
