/** What the end of a connection means, as codes of RFC 6455 and of our own (4000 and more); must not know transports. */

interface CloseMeaning {
  readonly code: number;
  /** For people. */
  readonly meaning: string;
  /** With which a program ends that cannot go on without the connection (sysexits.h). */
  readonly exitCode: number;
}

/** The codes that a server closes with. A client may come back after each of them; only `normal` is no failure. */
export const CLOSE_CODES = {
  normal: { code: 1000, meaning: "One side had nothing more to say", exitCode: 0 },
  shutdown: { code: 1001, meaning: "The server was told to stop or to restart", exitCode: 69 },
  tooLarge: { code: 1009, meaning: "A message was larger than the limit", exitCode: 76 },
  serverError: {
    code: 1011,
    meaning: "The server made a mistake; its log says which",
    exitCode: 70,
  },
  tokenExpired: { code: 4001, meaning: "The token of the client has expired", exitCode: 77 },
  slowReader: {
    code: 4002,
    meaning: "The client did not read what it was sent, and no more could be kept for it",
    exitCode: 76,
  },
  flood: { code: 4003, meaning: "The client sent more than could be refused", exitCode: 76 },
  idle: { code: 4004, meaning: "There was no sign of life of the client", exitCode: 69 },
} as const satisfies Readonly<Record<string, CloseMeaning>>;

/** Of a connection that was cut off, or closed in a way that nobody has defined. */
const LOST_EXIT_CODE = 69;

/** The exit code of a program whose connection has ended with `code`; null where it ended without any. */
export function exitCodeOfClose(code: number | null): number {
  const known = Object.values(CLOSE_CODES).find((one) => one.code === code);
  return known?.exitCode ?? LOST_EXIT_CODE;
}

/** A code that a peer has sent, or undefined for those by which a WebSocket says that there was none. */
export function sentCode(code: number): number | undefined {
  return code < SENT_MIN || code === NO_STATUS || code === ABNORMAL ? undefined : code;
}

/** Why a connection ended, for people, where nobody gave a reason. */
export function closeText(code: number): string {
  // Upstream's TUIs leave without a code.
  if (code === NO_STATUS || code === CLOSE_CODES.normal.code) return "closed by the other side";
  if (code === ABNORMAL) return "the connection broke off";
  const known = Object.values(CLOSE_CODES).find((one) => one.code === code);
  return `closed with code ${code}${known ? `: ${known.meaning}` : ""}`;
}

/** The runtime also says 0. */
const SENT_MIN = 1000;

const NO_STATUS = 1005;
const ABNORMAL = 1006;
