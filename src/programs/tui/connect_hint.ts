/** Says what can be done about a server that is not reached at the start; must not know how it was tried. */

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Nothing listens there: start `codex app-server --listen ADDRESS` on that " +
    "machine, or correct the address",
  ENOENT: "No server has opened this socket: start `codex app-server --listen unix://PATH`, or " +
    "correct the path",
  ENOTFOUND: "No machine of that name is known: correct the address, or look at the network",
  EAI_AGAIN: "Names cannot be resolved at the moment: look at the network",
  EHOSTUNREACH: "There is no way to that machine: look at the network, a VPN or a firewall",
  ENETUNREACH: "There is no way to that machine: look at the network, a VPN or a firewall",
  ETIMEDOUT: "It does not answer: look at the network, a VPN or a firewall",
  EACCES: "This user may not open it: the socket belongs to somebody else",
};

/** A line for people, or null where the error says enough itself. */
export function connectHint(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code: unknown = Reflect.get(cause, "code");
    const hint = typeof code === "string" && Object.hasOwn(HINTS, code) ? HINTS[code] : undefined;
    if (hint !== undefined) return hint;
  }
  return null;
}
