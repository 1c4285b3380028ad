/** The platforms that can be built for, with the runtime of each as data; must not know how a file is made of it. */

/** The runtime of one platform: a package of the npm registry that holds one executable. */
export interface Runtime {
  readonly package: string;
  readonly version: string;
  /** SHA-256 of the executable `package/deno`, as lower-case hex. */
  readonly sha256: string;
}

/**
 * Rust target triples to runtimes. The versions differ, because of 2.9.6 only the first one could be had
 * when these were pinned; the tests run on it.
 */
export const TARGETS = {
  "x86_64-unknown-linux-gnu": {
    package: "@deno/linux-x64-glibc",
    version: "2.9.6",
    sha256: "bceb5b6a6239b0b010418406d8c77a508f67cf4337d94288f1c19fe71304aab0",
  },
  "aarch64-unknown-linux-gnu": {
    package: "@deno/linux-arm64-glibc",
    version: "2.9.5",
    sha256: "e1a70c5eb03b0ebaf761077029ef86b9ba22d50e2b54ca45ce5437457f701b63",
  },
  "x86_64-apple-darwin": {
    package: "@deno/darwin-x64",
    version: "2.9.5",
    sha256: "befc4fee79127584c0f5c9f76ca6bb73c8e6ff523c01acd52e9c5db1968a09cb",
  },
  "aarch64-apple-darwin": {
    package: "@deno/darwin-arm64",
    version: "2.9.5",
    sha256: "b5bd08edab254d42d7b05aa5b6cb4c9b8d4dede4975aff76951ce2cce18866fa",
  },
} as const satisfies Readonly<Record<string, Runtime>>;

/** A platform that can be built for. */
export type Target = keyof typeof TARGETS;

/** All targets, in the order of the table. */
export const TARGET_NAMES: readonly Target[] = Object.keys(TARGETS).filter(isTarget);

/** The target of that name, or null. */
export function parseTarget(text: string): Target | null {
  return isTarget(text) ? text : null;
}

function isTarget(text: string): text is Target {
  return Object.hasOwn(TARGETS, text);
}
