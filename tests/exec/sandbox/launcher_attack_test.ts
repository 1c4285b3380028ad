import assert from "node:assert/strict";
import { hasProgram, unusable } from "./launcher_support.ts";

const MAIN = new URL("./launcher_attack_main.ts", import.meta.url).pathname;
const SETPRIV = "/usr/bin/setpriv";
const NOBODY = 65534;

interface Identity {
  readonly name: string;
  readonly prefix: readonly string[];
  readonly uid: number | null;
  readonly isPossible: boolean;
}

const isRoot = Deno.uid() === 0;
const identities: readonly Identity[] = [
  { name: "the user of the tests", prefix: [], uid: null, isPossible: unusable === null },
  {
    name: "root without CAP_SYS_ADMIN",
    prefix: [SETPRIV, "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"],
    uid: 0,
    isPossible: isRoot && hasProgram(SETPRIV),
  },
  {
    name: "an ordinary user",
    prefix: [
      SETPRIV,
      `--reuid=${NOBODY}`,
      `--regid=${NOBODY}`,
      "--clear-groups",
      "--inh-caps=-all",
    ],
    uid: NOBODY,
    isPossible: isRoot && hasProgram(SETPRIV),
  },
];

/** A user without rights may not even reach the tests or the runtime. */
function canReach({ prefix }: Identity): boolean {
  const [program, ...args] = prefix;
  if (program === undefined) return true;
  const check = 'test -r "$0" && test -x "$1"';
  const { success } = new Deno.Command(program, {
    args: [...args, "/bin/sh", "-c", check, MAIN, Deno.execPath()],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success;
}

async function attack(
  folder: string,
  { identity, network }: { readonly identity: Identity; readonly network: string },
): Promise<string> {
  await Deno.mkdir(`${folder}/deno`);
  await Deno.mkdir(`${folder}/places`);
  if (identity.uid !== null) {
    for (const path of [folder, `${folder}/deno`, `${folder}/places`]) {
      await Deno.chown(path, identity.uid, identity.uid);
    }
  }
  const [program = "", ...args] = [
    ...identity.prefix,
    Deno.execPath(),
    ...["run", "-A", "--no-check", "--no-config", MAIN, `${folder}/places`, network],
  ];
  const { stdout, stderr } = await new Deno.Command(program, {
    args,
    env: { DENO_DIR: `${folder}/deno`, HOME: folder, NO_COLOR: "1" },
    cwd: folder,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  return text === "" ? decoder.decode(stderr) : text;
}

for (const identity of identities) {
  const isReady = hasProgram("/usr/bin/python3") && identity.isPossible && canReach(identity);
  for (const network of ["none", "full"]) {
    Deno.test({
      name: `launcher holds every attack of ${identity.name}, network ${network}`,
      ignore: !isReady,
      fn: async () => {
        const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_attack_" }));
        try {
          const lines = (await attack(folder, { identity, network })).split("\n");
          const held = lines.filter((line) => line.startsWith("held "));
          assert.deepEqual(lines.filter((line) => !line.startsWith("held ") && line !== ""), [
            "done",
            'exit 0 null ""',
            "unchanged",
            "no placeholder left",
          ]);
          assert(held.length > 130, `Only ${held.length} attempts were made`);
          // These fail for the reason that is meant, not by chance.
          const expected = [
            "held write outside: EROFS",
            "held chmod outside: EROFS",
            "held chmod of the input: EROFS",
            "held rename .git: EBUSY",
            "held clone3: ENOSYS",
            "held unshare user: EPERM",
            "held umount .git: EPERM",
            "held see the server: ENOENT",
            "held signal the server: ESRCH",
            "held read the secret: b''",
            "held connect to a hidden socket: ECONNREFUSED",
            "held io_uring: EPERM",
            "held push into a terminal: EPERM",
            ...network === "none" ? ["held TCP: EPERM", "held netlink: EPERM"] : [],
          ];
          assert.deepEqual(expected.filter((line) => !held.includes(line)), []);
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      },
    });
  }
}
