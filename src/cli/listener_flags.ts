/** The flags that shape listeners, besides those about tokens; must not know what a program does with them. */
import type { Flag } from "./commands.ts";
import { checkListenUrl } from "./listen_url.ts";

/** Where an app-server listens. */
export const listen: Flag = {
  name: "listen",
  value: "URL",
  // Upstream takes one; each further one here is a further listener.
  repeatable: true,
  check: checkListenUrl,
  doc: "Where to listen: stdio:// (default), ws://IP:PORT, wss://IP:PORT, unix://[PATH] or off " +
    "(repeatable; also CODEX_APP_SERVER_LISTEN, or `listen` in [app_server])",
};

/** How it does so. */
export const listenerFlags: readonly Flag[] = [
  {
    name: "ws-tls-cert",
    value: "FILE",
    completes: "file",
    doc: "Certificate of wss:// listeners, in PEM (default: one that is made once, for pinning)",
  },
  { name: "ws-tls-key", value: "FILE", completes: "file", doc: "Its private key, in PEM" },
  {
    name: "ws-tls-client-ca",
    value: "FILE",
    completes: "file",
    doc: "Let in only clients with a certificate from this authority, on wss:// listeners",
  },
  {
    name: "ws-allowed-host",
    value: "NAME",
    repeatable: true,
    check: checkHostName,
    doc: "A further name by which clients may call a listener without tokens (repeatable)",
  },
  {
    name: "ws-max-connections",
    value: "COUNT",
    check: checkLimit,
    doc: "Connections of one listener at once (default: 10000)",
  },
  {
    name: "ws-max-connections-per-address",
    value: "COUNT",
    check: checkLimit,
    doc: "The same from one address (default: 1000; from this machine as many as in total)",
  },
  {
    name: "ws-max-message-bytes",
    value: "BYTES",
    check: checkMessageLimit,
    doc: "Largest message of a client (default, and at most: 62914560)",
  },
];

/** What the runtime's own server can do. */
const MESSAGE_BYTES_MAX = 60 * 1024 * 1024;

function checkHostName(value: string): string | null {
  return /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_-])?$/i.test(value)
    ? null
    : "expected a name without scheme, port and final dot";
}

function checkLimit(value: string): string | null {
  return /^[1-9][0-9]{0,6}$/.test(value) ? null : "expected a number from 1 to 9999999";
}

function checkMessageLimit(value: string): string | null {
  return /^[1-9][0-9]{0,7}$/.test(value) && Number(value) <= MESSAGE_BYTES_MAX
    ? null
    : `expected a number from 1 to ${MESSAGE_BYTES_MAX}`;
}
