/**
 * What this protocol has beyond upstream's, by name: a client gets none of it unless it asks in `initialize`.
 * Must not load a schema: `initialize` is answered without.
 */

/**
 * - `numberedEvents`: the notifications of a thread carry numbers, and `thread/resume` replays what was missed;
 * - `idempotency`: a request that changes something takes a key, and is carried out once however often it is sent;
 * - `clients`: the clients of a thread know of each other, and who answered a question;
 * - `methods`: the answer to `initialize` lists the methods that the server has.
 */
export const EXTENSIONS = ["numberedEvents", "idempotency", "clients", "methods"] as const;

/** The name of an extension. */
export type Extension = typeof EXTENSIONS[number];

/** What a client is granted of what it asked for, in our order; words that are not known are passed over. */
export function grantedExtensions(asked: readonly string[]): Extension[] {
  return EXTENSIONS.filter((extension) => asked.includes(extension));
}

/** Members of messages that only a client which asked for the extension may see. */
export const EXTENSION_MEMBERS: Readonly<
  Record<"notification" | "result", Readonly<Record<string, readonly Extension[]>>>
> = {
  notification: {
    logId: ["numberedEvents"],
    seq: ["numberedEvents"],
    seqFrom: ["numberedEvents"],
    answeredBy: ["clients"],
    cancelledBy: ["numberedEvents", "clients"],
    clients: ["clients"],
  },
  result: {
    sessionExtensions: EXTENSIONS,
    clientId: ["clients"],
    methods: ["methods"],
    logId: ["numberedEvents"],
    seq: ["numberedEvents"],
    replay: ["numberedEvents"],
  },
};

/** Notifications that only a client which asked for the extension gets. */
export const EXTENSION_NOTIFICATIONS: Readonly<Record<string, readonly Extension[]>> = {
  "thread/clients/updated": ["clients"],
};
