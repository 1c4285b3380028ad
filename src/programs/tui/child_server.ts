/** A server of the interface's own, as a child that ends with it; must not know the screen. */
import type { Args } from "../../cli/args.ts";
import { CODEX, subcommand } from "../../cli/commands.ts";
import { startStdioChild } from "../../exec/stdio_child.ts";
import { CliError } from "../../lib/errors.ts";
import { sanitizeText } from "../../lib/sanitize.ts";
import { stdioTransport } from "../../rpc/stdio.ts";
import type { Transport, TransportSink } from "../../rpc/transport.ts";
import type { Host } from "../host.ts";

/**
 * Starts a server, and another one for each connection after the first: one that died is followed by the next, which
 * continues its threads. The first is started at once, so that it comes up while this process loads its own code.
 */
export function childServer(
  args: Args,
  { host, overrides }: { readonly host: Host; readonly overrides: readonly string[] },
): () => Promise<Transport> {
  const argv = [
    ...host.packaging.command,
    "app-server",
    ...serverFlags(args),
    ...overrides.map((override) => `--config=${override}`),
  ];
  let first: Promise<Transport> | null = start({ argv, host });
  // Told to whoever connects.
  first.catch(() => null);
  return () => {
    const started = first ?? start({ argv, host });
    first = null;
    return started;
  };
}

// deno-lint-ignore require-await -- A failure is the promise's.
async function start(
  { argv, host }: { readonly argv: readonly string[]; readonly host: Host },
): Promise<Transport> {
  const child = startStdioChild({ argv, cwd: host.cwd, env: host.env });
  const transport = stdioTransport({ input: child.output, output: child.input, peer: "server" });
  return withReason(transport, async () => {
    const { code, signal, lastErrors } = await child.end;
    const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
    const errors = sanitizeText(lastErrors).trim();
    return `the server ${how}${errors === "" ? "" : `: ${errors}`}`;
  });
}

/** The flags of this command line that a server has as well, as they were written. */
function serverFlags(args: Args): string[] {
  const server = subcommand(CODEX, "app-server");
  if (!server) throw new CliError("The command line has no app-server");
  return server.flags.flatMap(({ name, value }) => {
    if (!args.knows(name)) return [];
    const texts = args.texts(name);
    return value === undefined
      ? texts.slice(0, 1).map(() => `--${name}`)
      : texts.map((text) => `--${name}=${text}`);
  });
}

/** The transport, which tells at its end why the other side ended rather than that it did. */
function withReason(transport: Transport, reasonOf: () => Promise<string>): Transport {
  let isClosedByUs = false;
  return {
    peer: transport.peer,
    tellsDrained: transport.tellsDrained ?? false,
    get bufferedBytes() {
      return transport.bufferedBytes;
    },
    open(sink: TransportSink) {
      transport.open({
        frame: (text) => sink.frame(text),
        drained: () => sink.drained?.(),
        closed(reason, code) {
          if (isClosedByUs) return sink.closed(reason, code);
          void reasonOf().then((why) => sink.closed(why, code));
        },
      });
    },
    send: (text) => transport.send(text),
    close(reason, code) {
      isClosedByUs = true;
      transport.close(reason, code);
    },
  };
}
