/** Every guarantee of every backend, by attack where it works here; the table of them is that of README.md. */
import assert from "node:assert/strict";
import {
  BACKEND_NAMES,
  type BackendName,
  type Guarantees,
} from "../../../src/exec/sandbox/backend.ts";
import {
  GUARANTEE_TEXTS,
  guaranteeNames,
  unmetDemand,
} from "../../../src/exec/sandbox/guarantees.ts";
import { GUARANTEES as BUBBLEWRAP } from "../../../src/exec/sandbox/bubblewrap.ts";
import { GUARANTEES as LANDLOCK } from "../../../src/exec/sandbox/landlock.ts";
import { GUARANTEES as SEATBELT } from "../../../src/exec/sandbox/seatbelt.ts";
import { workingBackends } from "./test_sandbox.ts";

const MAIN = new URL("guarantee_attack_main.ts", import.meta.url).pathname;
const README = new URL("../../../README.md", import.meta.url);
const MARK = "sandbox-table";
const PYTHON = "/usr/bin/python3";
const SETPRIV = "/usr/bin/setpriv";
const NOBODY = 65534;
const WORKING = await workingBackends();

/** What the backends say of themselves; of the launcher where its kernel has Landlock. */
const DECLARED: Readonly<Record<BackendName, Guarantees>> = {
  launcher: { ...BUBBLEWRAP, limitsReading: true, networkProxy: true },
  bubblewrap: BUBBLEWRAP,
  landlock: LANDLOCK,
  seatbelt: SEATBELT,
};

interface Report {
  readonly unusable?: string;
  readonly declared?: Guarantees;
  readonly found?: Readonly<
    Record<string, { readonly holds: boolean | null; readonly detail: string }>
  >;
}

function isProgram(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const AS_NOBODY = [
  SETPRIV,
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  "--clear-groups",
  "--inh-caps=-all",
];

/** A user without rights may not even reach the tests or the runtime. */
function canBeNobody(): boolean {
  if (Deno.uid() !== 0 || !isProgram(SETPRIV)) return false;
  const [program = "", ...args] = AS_NOBODY;
  return new Deno.Command(program, {
    args: [...args, "/bin/sh", "-c", 'test -r "$0" && test -x "$1"', MAIN, Deno.execPath()],
    stdout: "null",
    stderr: "null",
  }).outputSync().success;
}

async function attack(backend: BackendName, isNobody: boolean): Promise<Report> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "codex_guarantees_" });
  try {
    if (isNobody) await Deno.chown(folder, NOBODY, NOBODY);
    const [program = "", ...args] = [
      ...isNobody ? AS_NOBODY : [],
      Deno.execPath(),
      ...["run", "-A", "--no-check", "--no-config", MAIN, backend, folder],
    ];
    const { stdout, stderr } = await new Deno.Command(program, {
      args,
      env: { DENO_DIR: `${folder}/deno`, HOME: folder, NO_COLOR: "1" },
      cwd: folder,
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    return JSON.parse(text || JSON.stringify({ unusable: new TextDecoder().decode(stderr) }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const backend of BACKEND_NAMES.filter((name) => name !== "seatbelt")) {
  for (const isNobody of [false, true]) {
    const works = WORKING.includes(backend) && isProgram(PYTHON) && (!isNobody || canBeNobody());
    const who = isNobody ? "an ordinary user" : "the user of the tests";
    Deno.test({
      name: `${backend} holds what it says, and nothing more, for ${who}${
        works ? "" : ", ignored"
      }`,
      ignore: !works,
      fn: async () => {
        const { unusable, declared, found } = await attack(backend, isNobody);
        assert.equal(unusable, undefined);
        assert.deepEqual(declared, DECLARED[backend]);
        for (const name of guaranteeNames()) {
          const { holds = null, detail = "" } = found?.[name] ?? {};
          // What would be refused cannot be attacked; that it is refused is what counts.
          if (holds === null) assert.equal(DECLARED[backend][name], false, `${name}: ${detail}`);
          else assert.equal(holds, DECLARED[backend][name], `${name}: ${detail}`);
        }
      },
    });
  }
}

Deno.test("a specification is refused by the name of the guarantee that a backend lacks", () => {
  const spec = {
    cwd: "/w",
    writable: ["/w"],
    readOnly: ["/w/.git"],
    hidden: [],
    readable: null,
    network: { type: "full" },
  } as const;
  const none = Object.fromEntries(guaranteeNames().map((name) => [name, false]));
  const lacking = (...names: readonly string[]): Guarantees => ({
    ...DECLARED.launcher,
    ...Object.fromEntries(names.map((name) => [name, false])),
  });
  assert.equal(unmetDemand(spec, DECLARED.launcher), null);
  assert.match(unmetDemand(spec, { ...DECLARED.launcher, ...none }) ?? "", /\(writesConfined\)$/);
  const cases = [
    ["hides", { ...spec, hidden: ["/s"] }],
    ["limitsReading", { ...spec, readable: [] }],
    ["networkOff", { ...spec, network: { type: "none" } }],
    ["networkProxy", { ...spec, network: { type: "proxy", socket: "/p" } }],
  ] as const;
  for (const [name, demanding] of cases) {
    assert.ok(unmetDemand(demanding, lacking(name))?.endsWith(` here (${name})`), name);
    assert.equal(unmetDemand(demanding, DECLARED.launcher), null);
    assert.equal(unmetDemand(spec, lacking(name)), null, "not asked for");
  }
  // These are said, and no reason to refuse: there would be no last resort otherwise.
  const said = lacking("metadataConfined", "carvesOut", "carvesOutMissing", "processesApart");
  assert.equal(unmetDemand({ ...spec, hidden: ["/s"], network: { type: "none" } }, said), null);
});

/** The table of README.md. What cannot be attacked on Linux is marked. */
function table(): string {
  const head = [
    "guarantee",
    ...BACKEND_NAMES.map((name) => name === "seatbelt" ? `${name}¹` : name),
  ];
  const rows = guaranteeNames().map((guarantee) => [
    GUARANTEE_TEXTS[guarantee].held,
    ...BACKEND_NAMES.map((name) => DECLARED[name][guarantee] ? "yes" : "no"),
  ]);
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], fill: string) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(" | ")} |`;
  return [line(head, " "), line(head.map(() => ""), "-"), ...rows.map((row) => line(row, " "))]
    .join("\n");
}

Deno.test("the table of backends in README.md is the one that the attacks confirm", async () => {
  const readme = await Deno.readTextFile(README);
  const [, shown] = new RegExp(`<!-- ${MARK} -->\n\n([^]*?)\n\n<!-- /${MARK} -->`).exec(readme) ??
    [];
  assert.equal(shown, table(), `README.md must hold this table:\n\n${table()}\n`);
});
