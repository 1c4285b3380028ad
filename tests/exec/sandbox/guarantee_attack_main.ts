/**
 * Attacks each guarantee of one backend and prints as JSON which hold. Started by `guarantees_test.ts` as
 * several users, since one process cannot be all of them.
 */
import { Backends, PROBES } from "../../../src/exec/sandbox/probe.ts";
import { type Backend, BACKEND_NAMES } from "../../../src/exec/sandbox/backend.ts";
import {
  type Guarantee,
  guaranteeNames,
  unmetDemand,
} from "../../../src/exec/sandbox/guarantees.ts";
import type { SandboxSpec } from "../../../src/exec/sandbox/spec.ts";
import { fakeProbes } from "./test_sandbox.ts";

const SCRIPT = new URL("guarantee_attack.py", import.meta.url).pathname;
const [name = "", folder = ""] = Deno.args;

interface Found {
  /** Null: nothing was there to be attacked, because the backend refuses such a specification. */
  readonly holds: boolean | null;
  /** The attempts that worked, or why it was refused. */
  readonly detail: string;
}

/** A fresh tree for one guarantee, with sockets that answer. */
async function attack(backend: Backend, guarantee: Guarantee): Promise<Found> {
  const root = `${folder}/${guarantee}`;
  const work = `${root}/work`;
  for (const each of ["work/.git/hooks", "work/deep/kept", "outside", "vault", "home"]) {
    Deno.mkdirSync(`${root}/${each}`, { recursive: true });
  }
  const files = ["work/.git/config", "work/file", "outside/victim", "outside/other"];
  const secrets = ["secret", "vault/inside", "home/auth.json", "home/auth.json.tmp", "home/other"];
  for (const each of [...files, ...secrets]) {
    Deno.writeTextFileSync(`${root}/${each}`, "something");
  }
  using _control = Deno.listen({ transport: "unix", path: `${root}/control.sock` });
  using _proxy = Deno.listen({ transport: "unix", path: `${root}/proxy.sock` });
  using tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hidden = guarantee === "limitsReading" || guarantee === "networkProxy"
    ? []
    : ["secret", "vault", "control.sock", "home/auth.json", "home/later.json"].map((path) =>
      `${root}/${path}`
    );
  const spec: SandboxSpec = {
    cwd: work,
    writable: [work],
    readOnly: [
      ...[".git", ".codex", "deep/kept", "none/yet"].map((path) => `${work}/${path}`),
      `${root}/home`,
    ],
    hidden,
    sockets: hidden.filter((path) => path.endsWith(".sock")),
    readable: guarantee === "limitsReading" ? SYSTEM.filter(isThere) : null,
    network: guarantee === "networkProxy"
      ? { type: "proxy", socket: `${root}/proxy.sock` }
      : { type: "none" },
  };
  const unmet = unmetDemand(spec, backend.guarantees);
  if (unmet !== null) return { holds: null, detail: unmet };
  const argv = ["/usr/bin/python3", "-I", SCRIPT, guarantee, root];
  const confined = backend.confine({
    argv: [...argv, String(tcp.addr.port), String(Deno.pid)],
    cwd: work,
    env: { PATH: "/usr/bin:/bin" },
    stdin: "null",
  }, spec);
  if ("type" in confined) return { holds: false, detail: confined.reason };
  const before = picture(root, guarantee);
  try {
    const [program = "", ...args] = confined.argv;
    const child = new Deno.Command(program, {
      args,
      cwd: confined.cwd,
      clearEnv: true,
      env: { ...confined.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stderr = new Response(child.stderr).text();
    let text = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      const wasReady = READY.test(text);
      text += part;
      if (!wasReady && READY.test(text)) renewSecrets(root);
    }
    await child.status;
    if (!/^done$/m.test(text)) {
      const why = confined.failure?.()?.message ?? await stderr;
      return { holds: false, detail: `did not run: ${why}` };
    }
    const worked = [...text.matchAll(/^worked: (.+)$/gm)].map(([, what]) => what);
    // The proxy itself must be within reach.
    const needed = worked.indexOf("the proxy");
    if (guarantee === "networkProxy" && needed < 0) return { holds: false, detail: "no proxy" };
    if (needed >= 0) worked.splice(needed, 1);
    // What a command says of itself is compared with the disk.
    if (picture(root, guarantee) !== before) worked.push("the disk has changed");
    return { holds: worked.length === 0, detail: worked.join(", ") };
  } finally {
    confined.release();
  }
}

const READY = /^ready$/m;

/** What whoever renews credentials does, while the command runs. */
function renewSecrets(root: string): void {
  Deno.writeTextFileSync(`${root}/home/new`, "new secret");
  Deno.renameSync(`${root}/home/new`, `${root}/home/auth.json`);
  Deno.writeTextFileSync(`${root}/home/later.json`, "new secret");
  Deno.writeTextFileSync(`${root}/work/go`, "");
}

/** Without these no program starts. */
const SYSTEM = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", SCRIPT];

function isThere(path: string): boolean {
  try {
    return !Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

/** What must stay as it is, as text to compare. */
function picture(root: string, guarantee: Guarantee): string {
  const watched: Readonly<Partial<Record<Guarantee, readonly string[]>>> = {
    writesConfined: ["outside"],
    metadataConfined: ["outside"],
    carvesOut: ["work/.git", "work/deep"],
    carvesOutMissing: ["work/.codex/config.toml", "work/none/yet/x"],
    hides: ["secret", "vault"],
  };
  const withMetadata = guarantee === "metadataConfined" || guarantee === "carvesOut";
  const lines: string[] = [];
  const visit = (path: string) => {
    let info: Deno.FileInfo;
    try {
      info = Deno.lstatSync(path);
    } catch {
      lines.push(`${path} is not there`);
      return;
    }
    const metadata = withMetadata ? [info.mode, info.mtime?.getTime(), info.uid] : [];
    lines.push([path, ...metadata, info.isFile ? Deno.readTextFileSync(path) : ""].join(" "));
    if (!info.isDirectory) return;
    for (const entry of [...Deno.readDirSync(path)].map((each) => each.name).sort()) {
      visit(`${path}/${entry}`);
    }
  };
  for (const each of watched[guarantee] ?? []) visit(`${root}/${each}`);
  return lines.join("\n");
}

async function main(): Promise<void> {
  const backendName = BACKEND_NAMES.find((each) => each === name);
  if (backendName === undefined) throw new Error(`No backend ${name}`);
  const backends = new Backends(fakeProbes({ [backendName]: PROBES[backendName] }));
  const backend = await backends.best();
  if (backend === null) {
    console.log(JSON.stringify({ unusable: await backends.whyNone() }));
    return;
  }
  const found: Record<string, Found> = {};
  for (const guarantee of guaranteeNames()) found[guarantee] = await attack(backend, guarantee);
  console.log(JSON.stringify({ declared: backend.guarantees, found }));
}

await main();
