/** Sandboxes for tests: with the backends that a test wants, and nothing of this machine that is not said. */
import { Ceiling, type CeilingOptions, openCeiling } from "../../../src/exec/ceiling.ts";
import { BACKEND_NAMES, type BackendName, type Probe } from "../../../src/exec/sandbox/backend.ts";
import type { PlaceSources } from "../../../src/exec/sandbox/places.ts";
import { Backends, PROBES, type Probes } from "../../../src/exec/sandbox/probe.ts";
import { Sandbox } from "../../../src/exec/sandbox/sandbox.ts";

/** Trials that all fail, but those that a test replaces. */
export function fakeProbes(
  probes: Partial<Readonly<Record<BackendName, () => Promise<Probe>>>> = {},
): Probes {
  const unusable = (name: BackendName) => () =>
    Promise.resolve({ type: "unusable", name, reason: "Not in this test" } as const);
  return {
    launcher: unusable("launcher"),
    bubblewrap: unusable("bubblewrap"),
    landlock: unusable("landlock"),
    seatbelt: unusable("seatbelt"),
    ...probes,
  };
}

/** Only the named backends of this machine. */
export function onlyBackends(...names: readonly BackendName[]): Backends {
  return new Backends(fakeProbes(Object.fromEntries(names.map((name) => [name, PROBES[name]]))));
}

/** A sandbox with no backend at all, unless the test gives it some. */
export function testSandbox(options: {
  readonly backends?: Backends;
  readonly ceiling?: Ceiling;
  readonly sources?: Partial<PlaceSources>;
  readonly openListeners?: () => readonly string[];
  readonly warn?: (warning: string) => void;
} = {}): Sandbox {
  const { backends = new Backends(fakeProbes()), ceiling = openCeiling(), sources, ...rest } =
    options;
  return new Sandbox({
    backends,
    ceiling,
    sources: {
      tmpdir: null,
      protectedPaths: [],
      hiddenPaths: [],
      socketPaths: [],
      proxySocket: null,
      ...sources,
    },
    ...rest,
  });
}

/** A ceiling with nothing beyond what the test says. */
export function testCeiling(options: Partial<CeilingOptions> = {}): Ceiling {
  return new Ceiling({
    asked: null,
    configured: "read-only",
    isExposed: false,
    cwd: "/nowhere",
    tmpdir: null,
    workspace: {
      writableRoots: [],
      networkAccess: false,
      excludeTmpdirEnvVar: true,
      excludeSlashTmp: true,
    },
    ...options,
  });
}

/** The backends that work on this machine, tried once for a whole file of tests. */
export async function workingBackends(): Promise<readonly BackendName[]> {
  const probes = await new Backends().all();
  return BACKEND_NAMES.filter((name) =>
    probes.some((probe) => probe.type === "works" && probe.backend.name === name)
  );
}
