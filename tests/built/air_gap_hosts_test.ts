/**
 * What is in the bundle that could lead out: every host name, every way to open a connection, and the words of
 * telemetry and update checks; each that is allowed has its reason. Runs nothing of it.
 */
import assert from "node:assert/strict";
import { bundle } from "../../scripts/build/bundle.ts";

const ROOT = new URL("../../", import.meta.url);

/** Hosts that occur in the bundle, with the reason. Only the first group is ever connected to. */
const HOSTS: Readonly<Record<string, string>> = {
  "api.openai.com": "the default address of the provider `openai`, used when that is chosen",
  "localhost": "the default addresses of `--oss`: Ollama and LM Studio on this machine",

  "HOST": "the usage text of a proxy",
  "host": "the usage text of `--remote`",
  "github.com": "part of a message of a package about an error in itself",
  "iTerm.app": "the name of a terminal",
  "iterm.app": "the same",
  "prompt.sh": "the name of a file for an editor",
  "127.0.0.1": "examples in help and messages, and the address that listeners take",
  "IP": "the usage text of `--listen`",
  "chatgpt.com": "part of a message about the usage limit, in the words of upstream",
  "example.com": "an example in a message about `allow_domains`",
  "json-schema.org": "names of dialects, which `$schema` must hold",
  "logtape.org": "part of a warning of LogTape about its own configuration",
  "www.apache.org": "part of the licence of a package that certificates are made with",
};

/** The ranges that the proxy of sandboxed commands never connects to; they are addresses, not destinations. */
const RESERVED = "src/exec/network_proxy/address.ts";

/**
 * Files that can begin a connection, with the reason. Commands of the agent are not meant: they are other
 * programs, and the policy and the sandbox are for them.
 */
const CALLERS: Readonly<Record<string, string>> = {
  "src/agent/model/http.ts": "requests to the model provider",
  "src/agent/model/list_models.ts": "which models a provider has, for the first questions",
  "src/agent/model/network.ts": "proxy and certificates for these requests",
  "src/agent/model/reachable.ts": "whether the provider can be reached, for `doctor`",
  "src/client/connect.ts": "the handshake with a server that the user names",
  "src/client/stream.ts": "the same: sockets, TLS and the proxy on the way",
  "src/exec/exec_server/http_methods.ts":
    "requests that a client of `exec-server` asks for, where --http allows it",
  "src/exec/network_proxy.ts": "the proxy of sandboxed commands: its own unix socket",
  "src/exec/network_proxy/destinations.ts": "what a command asks that proxy for, if it is allowed",
  "src/programs/cache/prime.ts": "a `data:` address, which makes the runtime load its own code",
  "src/rpc/websocket.ts": "clients of a server that the user names",
  "src/server/listen/network.ts": "listens; it begins no connection",
  "src/server/listen/node_socket.ts": "asks about sockets of a listener",
  "src/server/listen/unix_socket.ts":
    "whether another server has the unix socket that is to be opened",
};

/** What the runtime offers to begin a connection or to ask a name server. */
const WAYS_OUT =
  /\bfetch\(|\bnew (WebSocket(Stream)?|EventSource|XMLHttpRequest|WebTransport)\(|\bDeno\.(connect\w*|createHttpClient|resolveDns|listenDatagram|startTls|openKv)\b|\bsendBeacon\b|["'`]node:(http|https|http2|net|tls|dgram|dns|dns\/promises|cluster|inspector)["'`]/g;

const TELEMETRY =
  /telemetry|sentry|opentelemetry|\botlp\b|otel_|statsig|posthog|mixpanel|amplitude|segment\.(io|com)|datadog|honeycomb|google-analytics/gi;
const UPDATES =
  /registry\.npmjs|npm view|\/releases\/latest|latest[_-]?version|new(er)? version|update[_ -]?available|check(ing)? for updates/gi;

/** Names of the top level that host names are likely to end in. */
const TOP_LEVEL =
  "com|org|net|io|dev|ai|app|cloud|sh|land|run|so|co|us|eu|de|uk|me|info|tech|systems|network|internal|local";
/** Four numbers, and not a part of more: object identifiers in certificates are mostly longer. */
const ADDRESS = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g;
/** Those of four numbers: curves for signatures, and attributes of names such as `CN`. */
const OBJECT_IDENTIFIER = /^(?:1\.3\.(?:101\.11[0-3]|132\.0)|2\.5\.4\.\d{1,2})$/;
const URL_HOST = /\b(?:https?|wss?|ftp|git|ssh|tcp|udp|quic|vsock):\/\/([A-Za-z0-9._-]+)/g;
/** A whole string, with a port or path perhaps: elsewhere, `a.info` is a property. */
const BARE_HOST = new RegExp(
  `["'\`]((?:[a-z0-9-]+\\.)+(?:${TOP_LEVEL}))(?::\\d+)?(?:/[^"'\`]*)?["'\`]`,
  "gi",
);

/** All hosts that a text names, sorted. */
function hostsIn(text: string): string[] {
  const found = [
    ...[...text.matchAll(ADDRESS)].map(([address]) => address)
      .filter((address) => !OBJECT_IDENTIFIER.test(address)),
    ...[...text.matchAll(URL_HOST), ...text.matchAll(BARE_HOST)].map(([, host = ""]) => host),
  ];
  return [...new Set(found)].sort();
}

/** The program's own sources. */
async function sources(): Promise<Map<string, string>> {
  const found = new Map([["main.ts", await Deno.readTextFile(new URL("main.ts", ROOT))]]);
  const open = ["src"];
  for (const folder of open) {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
      const path = `${folder}/${name}`;
      if (isDirectory) open.push(path);
      else if (name.endsWith(".ts")) found.set(path, await Deno.readTextFile(new URL(path, ROOT)));
    }
  }
  return found;
}

function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length;
}

Deno.test("the search for hosts sees addresses, URLs and bare names, and no properties", () => {
  const text =
    "a.info;fetch(`https://${b}/`);c=\"wss://Hub.Example.com:1/x\",d='stats.example.io'," +
    'e="10.1.2.3",f=g.dev,h="collector.internal:4318/v1",i="auth.json"';
  const expected = ["10.1.2.3", "Hub.Example.com", "collector.internal", "stats.example.io"];
  assert.deepEqual(hostsIn(text), expected);
});

Deno.test("the bundle names no host without a reason, and no reason is out of date", async () => {
  const text = [...(await bundle("test")).values()].join("\n");
  const reserved = hostsIn(await Deno.readTextFile(new URL(RESERVED, ROOT)));
  assert.deepEqual(
    hostsIn(text).filter((host) => host in HOSTS || !reserved.includes(host)),
    Object.keys(HOSTS).sort(),
  );
  assert.deepEqual(text.match(TELEMETRY), null);
  assert.deepEqual(text.match(UPDATES), null);
  // As many as in the sources, so none comes from a package; one that is not used is left out.
  const own = [...(await sources()).values()].reduce((sum, one) => sum + count(one, WAYS_OUT), 0);
  const bundled = count(text, WAYS_OUT);
  assert.ok(bundled > 0 && bundled <= own, `${bundled} in the bundle, ${own} in the sources`);
});

Deno.test("no file begins a connection without a reason, and no reason is out of date", async () => {
  const callers = [...await sources()].filter(([, text]) => count(text, WAYS_OUT) > 0);
  assert.deepEqual(callers.map(([path]) => path).sort(), Object.keys(CALLERS).sort());
});
