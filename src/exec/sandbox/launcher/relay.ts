/**
 * The relay of `network: proxy` (see `operations.ts`): it lets programs that only know host and port reach the
 * unix socket of our proxy; must not know what the proxy allows.
 *
 * It decides nothing and can do nothing that the command could not do with that socket itself, so it need not
 * be trusted: it copies bytes. For each connection that it accepts on the loopback of its network namespace it
 * opens one to the proxy, and starts two processes that copy, one for each direction: no process has to wait for
 * two things at once, and a side that does not read holds the other one up.
 *
 *     relay        takes a token, accepts, starts a connection; forever
 *     connection   connects to the proxy, copies what it answers, waits for the upload, gives the token back
 *     upload       copies what the command sends
 *
 * Without a token nothing is accepted, so that there is a limit to the processes. All signals stay blocked, and
 * ended children vanish by themselves. A failure ends one connection and is reported to nobody.
 */
import { RELAY_PORT } from "../relay_port.ts";
import { type Argument, call, type Operation } from "./script.ts";

/** Connections at a time. */
const TOKENS = 64;
/** Further ones that wait. */
const BACKLOG = 128;
const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SHUT_WR = 1;
const SHUT_RDWR = 2;
const SIGNAL_SET_BYTES = 8;
const SIOCSIFFLAGS = { text: "SIOCSIFFLAGS", value: 0x8914 } as const;
const LAST_DESCRIPTOR = 0xffffffff;
/** What a `sockaddr_un` holds besides the family. */
const SOCKET_NAME_BYTES = 108;
/** A `struct timespec` of 10 ms. */
const PAUSE: Argument = { text: "{10 ms}", words: [0, 10_000_000] };
const NO_SIGNALS: Argument = { text: "{none}", words: [0] };

/** Descriptors of the relay, and of its connections, which close the first two. */
const LISTENER = 0;
const TOKEN_SOURCE = 1;
const TOKEN_SINK = 2;
const CLIENT = 3;
const PROXY = 0;

/** The folder from which the relay reaches a socket. */
export function socketFolder(socket: string): string {
  return socket.slice(0, Math.max(1, socket.lastIndexOf("/")));
}

/** Brings the loopback up and listens there, on a descriptor that is the lowest free one. */
export function listenOperations(listener: number): Operation[] {
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode("lo"));
  request[16] = 1; // IFF_UP
  return [
    call("open a socket", "socket", { args: [AF_INET, SOCK_DGRAM, 0], expected: listener }),
    call("bring the loopback up", "ioctl", {
      args: [listener, SIOCSIFFLAGS, { text: '{"lo", IFF_UP}', bytes: request }],
    }),
    call("close the socket", "close", { args: [listener] }),
    call("open the socket of the relay", "socket", {
      args: [AF_INET, SOCK_STREAM, 0],
      expected: listener,
    }),
    call("take the port of the relay", "bind", { args: [listener, relayAddress(), 16] }),
    call("listen for the command", "listen", { args: [listener, BACKLOG] }),
  ];
}

/**
 * What the relay does. It is started in the folder of the socket, by the init: it ignores the ends of children as
 * that does, so they vanish.
 */
export function relayOperations({ listener, confine, socket }: {
  readonly listener: number;
  readonly confine: readonly Operation[];
  readonly socket: string;
}): Operation[] {
  return [
    call("move the listener", "dup3", { args: [listener, LISTENER, 0], expected: LISTENER }),
    // The journal too: from here on the command may run, and then nothing has failed to start.
    call("keep nothing else", "close_range", { args: [LISTENER + 1, LAST_DESCRIPTOR, 0] }),
    ...confine,
    call("make a purse", "pipe2", { args: [{ slot: "pipe" }, 0] }),
    call("fill it with tokens", "write", {
      args: [TOKEN_SINK, "t".repeat(TOKENS), TOKENS],
      expected: TOKENS,
    }),
    call("take a token", "read", {
      args: [TOKEN_SOURCE, { slot: "nowhere" }, 1],
      expected: 1,
      label: "relay.next",
    }),
    call("accept", "accept4", {
      args: [LISTENER, 0, 0, 0],
      expected: CLIENT,
      label: "relay.accept",
      otherwise: "relay.pause",
    }),
    {
      type: "fork",
      name: "start the connection",
      title: "connection",
      keep: "nowhere",
      child: connectionOperations(socket),
      otherwise: "relay.drop",
    },
    call("leave it to the connection", "close", { args: [CLIENT], then: "relay.next" }),
    call("drop it", "close", { args: [CLIENT], label: "relay.drop" }),
    call("give the token back", "write", { args: [TOKEN_SINK, "t", 1], then: "relay.next" }),
    // Out of memory, for instance. Waits for a signal that cannot come.
    call("pause", "rt_sigtimedwait", {
      args: [NO_SIGNALS, 0, PAUSE, SIGNAL_SET_BYTES],
      label: "relay.pause",
      then: "relay.accept",
      otherwise: "relay.accept",
    }),
  ];
}

function connectionOperations(socket: string): Operation[] {
  const [end, broken, leave] = ["connection.end", "connection.broken", "connection.leave"];
  return [
    call("leave accepting to the relay", "close_range", { args: [LISTENER, TOKEN_SOURCE, 0] }),
    call("open a socket", "socket", {
      args: [AF_UNIX, SOCK_STREAM, 0],
      expected: PROXY,
      otherwise: leave,
    }),
    call("connect to the proxy", "connect", {
      args: [PROXY, socketAddress(socket), 2 + SOCKET_NAME_BYTES],
      otherwise: leave,
    }),
    {
      type: "fork",
      name: "start the upload",
      title: "upload",
      keep: "nowhere",
      child: uploadOperations(),
      otherwise: leave,
    },
    { type: "copy", name: "to the command", from: PROXY, to: CLIENT, otherwise: broken },
    call("tell the command", "shutdown", { args: [CLIENT, SHUT_WR], then: end, otherwise: end }),
    ...breakOff(broken),
    // Children vanish, so this returns an error, and not before the last of them has ended.
    call("wait for the upload", "wait4", { args: [-1, 0, 0, 0], label: end, mayFail: true }),
    call("give the token back", "write", { args: [TOKEN_SINK, "t", 1], label: leave }),
    call("end", "exit_group", { args: [0] }),
  ];
}

function uploadOperations(): Operation[] {
  const [end, broken] = ["upload.end", "upload.broken"];
  return [
    { type: "copy", name: "from the command", from: CLIENT, to: PROXY, otherwise: broken },
    call("tell the proxy", "shutdown", { args: [PROXY, SHUT_WR], then: end, otherwise: end }),
    ...breakOff(broken),
    call("end", "exit_group", { args: [0], label: end }),
  ];
}

/** Wakes the process that copies the other way. */
function breakOff(label: string): Operation[] {
  return [
    call("break off the connection", "shutdown", {
      args: [CLIENT, SHUT_RDWR],
      mayFail: true,
      label,
    }),
    call("break off", "shutdown", { args: [PROXY, SHUT_RDWR], mayFail: true }),
  ];
}

/** `struct sockaddr_in`. */
function relayAddress(): Argument {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, RELAY_PORT);
  bytes.set([127, 0, 0, 1], 4);
  return { text: `{127.0.0.1:${RELAY_PORT}}`, bytes };
}

/** `struct sockaddr_un`, relative to the folder that the relay is in. */
function socketAddress(socket: string): Argument {
  const name = new TextEncoder().encode(socket.slice(socket.lastIndexOf("/") + 1));
  const bytes = new Uint8Array(2 + SOCKET_NAME_BYTES);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(name.subarray(0, SOCKET_NAME_BYTES - 1), 2);
  return { text: JSON.stringify(`./${socket.slice(socket.lastIndexOf("/") + 1)}`), bytes };
}
