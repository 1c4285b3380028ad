/** What a listener is, whichever adapter serves it: where, for whom, within which limits; must not know how. */
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Transport } from "../../rpc/transport.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import type { ListenClient } from "./gate.ts";
import type { TlsOptions } from "./tls.ts";

/** Where to listen. */
export type ListenAddress =
  | {
    readonly type: "tcp";
    /** An IP literal without brackets. */
    readonly hostname: string;
    /** 0 takes a free one. */
    readonly port: number;
    /** Absent: without TLS. */
    readonly tls?: TlsOptions;
  }
  | UnixAddress;

/** A socket for programs of the same user alone. */
export interface UnixAddress {
  readonly type: "unix";
  /** Absolute. */
  readonly path: string;
  /** There is nothing else in its folder, which therefore can be shut for other users. */
  readonly ownsFolder: boolean;
}

/** What a listener does with its clients. */
export interface ListenOptions {
  /** Takes over a new client. */
  accept(transport: Transport, client: ListenClient): void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Asks for a token. A listener that the network can reach does not start without it. A unix socket asks for none. */
  readonly authorizer?: Authorizer | undefined;
  /** Takes binary messages as text. */
  readonly acceptsBinary?: boolean;
  /** Names besides addresses and `localhost` that clients may call this machine where no token is asked for. */
  readonly allowedHosts?: readonly string[];
  readonly limits?: Partial<ListenLimits>;
}

/** What clients of one listener may take. */
export interface ListenLimits {
  readonly connections: number;
  /** Null: 1000, and no such limit for clients on this machine. */
  readonly connectionsPerAddress: number | null;
  /** A larger message closes its connection with 1009, also when it comes in fragments. */
  readonly messageBytes: number;
  /** The rest is not to be had on loopback, where the runtime's own server listens: see `listenLoopback`. */
  readonly headerBytes: number;
  /** From the first byte of TCP until the handshake is over. */
  readonly handshakeMs: number;
  /** Sockets in the middle of a handshake; each further one ends the oldest. */
  readonly handshakes: number;
  /** Null: 256, and no such limit for clients on this machine. */
  readonly handshakesPerAddress: number | null;
  /** Silent clients are pinged this often, */
  readonly pingMs: number;
  /** and let go after so long without a byte of theirs. */
  readonly idleMs: number;
}

/** Room for a file of 40 MiB in base64. Upstream cuts off above 16 MiB. */
export const LISTEN_LIMITS: ListenLimits = {
  connections: 10_000,
  connectionsPerAddress: null,
  messageBytes: 60 * 1024 * 1024,
  headerBytes: 16 * 1024,
  handshakeMs: 10_000,
  handshakes: 1024,
  handshakesPerAddress: null,
  pingMs: 30_000,
  idleMs: 120_000,
};

/** A listener that is open. */
export interface Listener {
  /** With the real port and in upstream's form: `ws://127.0.0.1:9300`, `wss://[::1]:9300`, `unix:///path`. */
  readonly url: string;
  /** Whether anybody who reaches it may give orders: it asks neither for a token nor for a certificate or user. */
  readonly isOpen: boolean;
  /** SHA-256 of its certificate in lower-case hex digits, as clients pin it; null without TLS. */
  readonly fingerprint: string | null;
  readonly connectionCount: number;
  /** Reads certificates and keys again; throws a `CliError` and keeps the old ones when they are no good. */
  reload(): void;
  /** Takes no new clients and closes the sockets of those it has; `reason` is for both sides. */
  shutdown(reason?: string): Promise<void>;
}
