/** What each guarantee of a backend means in words, and which of them a specification cannot do without. */
import type { Guarantees } from "./backend.ts";
import type { SandboxSpec } from "./spec.ts";

/** The name of a guarantee. */
export type Guarantee = keyof Guarantees;

/** Each guarantee: what is held to, and what may happen where it is not. */
export const GUARANTEE_TEXTS: Readonly<
  Record<Guarantee, { readonly held: string; readonly missing: string }>
> = {
  writesConfined: {
    held: "Files change below the writable folders only",
    missing: "Files elsewhere can be changed",
  },
  metadataConfined: {
    held: "Modes, owners, times and attributes of files elsewhere stay",
    missing: "Modes, owners, times and attributes of files elsewhere can be changed",
  },
  carvesOut: {
    held: "Read-only paths inside writable folders stay as they are",
    missing:
      ".git, .codex and .agents inside writable folders can be changed, and what is put there " +
      "may be executed later, outside of the sandbox",
  },
  carvesOutMissing: {
    held: "Nothing can be made where such a path does not exist yet",
    missing: "Such paths can be made where they do not exist yet",
  },
  hides: {
    held: "Credentials and control sockets cannot be read or connected to",
    missing: "Credentials and control sockets can be read or connected to",
  },
  limitsReading: {
    held: "Reading can be limited to some folders",
    missing: "Reading cannot be limited to some folders",
  },
  networkOff: {
    held: "Without network access there is no network at all",
    missing: "The network cannot be shut off",
  },
  networkProxy: {
    held: "The network can be limited to the proxy for allowed domains",
    missing: "The network cannot be limited to allowed domains",
  },
  processesApart: {
    held: "Processes outside cannot be seen, signalled or traced",
    missing: "Processes outside can be seen",
  },
};

/** What a backend lacks that people must be told of unasked; the rest is a matter of comfort. */
export function weaknessesOf(guarantees: Guarantees): readonly string[] {
  return ESSENTIAL.filter((name) => !guarantees[name]).map((name) => GUARANTEE_TEXTS[name].missing);
}

const ESSENTIAL: readonly Guarantee[] = [
  "writesConfined",
  "metadataConfined",
  "carvesOut",
  "hides",
  "networkOff",
];

/** All guarantees, in the order in which people read them. */
export function guaranteeNames(): Guarantee[] {
  const isName = (name: string): name is Guarantee => name in GUARANTEE_TEXTS;
  return Object.keys(GUARANTEE_TEXTS).filter(isName);
}

/**
 * Why a backend with these guarantees cannot be used for a specification: the name of the one that it lacks,
 * in a sentence. Null when it can: what it lacks beyond that is reported to people, but no reason to refuse.
 */
export function unmetDemand(spec: SandboxSpec, guarantees: Guarantees): string | null {
  for (const name of demandsOf(spec)) {
    if (!guarantees[name]) return `${GUARANTEE_TEXTS[name].missing} here (${name})`;
  }
  return null;
}

function demandsOf(spec: SandboxSpec): Guarantee[] {
  const demands: Guarantee[] = ["writesConfined"];
  if (spec.hidden.length > 0) demands.push("hides");
  if (spec.readable !== null) demands.push("limitsReading");
  if (spec.network.type === "none") demands.push("networkOff");
  if (spec.network.type === "proxy") demands.push("networkProxy");
  return demands;
}
