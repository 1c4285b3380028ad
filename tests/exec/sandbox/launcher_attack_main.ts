/**
 * Runs `launcher_attack.py` in a sandbox as whoever started this, and prints what it prints. Started by
 * `launcher_attack_test.ts` as several users, since one process cannot be all of them.
 */
import { PATH, run, specOf, unusable } from "./launcher_support.ts";

const [folder = "", network = ""] = Deno.args;
const root = `${Deno.realPathSync(folder)}/a b`;
const workspace = `${root}/workspace`;

function prepare(): void {
  const folders = [
    "outside",
    "hidden",
    "workspace/.git",
    "workspace/folder",
    "workspace/real_agents",
  ];
  folders.push("workspace/deep/er/kept", "workspace/hidden_folder");
  for (const each of folders) Deno.mkdirSync(`${root}/${each}`, { recursive: true });
  const files = ["outside/victim", "secret", "hidden/inside", "workspace/.git/config"];
  files.push("workspace/file", "workspace/hidden_file", "workspace/deep/er/kept/file");
  for (const each of files) Deno.writeTextFileSync(`${root}/${each}`, `this is ${each}`);
  Deno.symlinkSync(`${root}/outside`, `${workspace}/link`);
  Deno.symlinkSync(`${root}/secret`, `${workspace}/secret_link`);
  Deno.symlinkSync("real_agents", `${workspace}/.agents`);
}

/** Everything but the workspace, as text to compare. */
function picture(): string {
  const lines: string[] = [];
  const visit = (path: string) => {
    const { mode, mtime, uid, isDirectory, isFile } = Deno.lstatSync(path);
    const text = isFile ? Deno.readTextFileSync(path) : "";
    lines.push([path, mode, mtime?.getTime(), uid, text].join(" "));
    if (!isDirectory) return;
    const names = [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
    for (const name of names) visit(`${path}/${name}`);
  };
  for (const each of ["outside", "hidden", "secret", "workspace/.git", "workspace/deep/er"]) {
    visit(`${root}/${each}`);
  }
  return lines.join("\n");
}

async function main(): Promise<void> {
  if (unusable !== null) {
    console.log(`unusable: ${unusable}`);
    return;
  }
  prepare();
  using _control = Deno.listen({ transport: "unix", path: `${root}/control.sock` });
  using tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const abstract = `codex-launcher-test-${Deno.pid}`;
  const listener = new Deno.Command("/usr/bin/python3", {
    args: [
      "-c",
      `import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind("\\0${abstract}"); s.listen(); print("up", flush=True); sys.stdin.read()`,
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  await listener.stdout.getReader().read();
  const before = picture();
  const spec = specOf({
    cwd: workspace,
    writable: [workspace],
    readOnly: [".git", ".codex", ".agents", "deep/er/kept", "deep/none/of/this"].map((name) =>
      `${workspace}/${name}`
    ),
    hidden: [`${root}/secret`, `${root}/hidden`, `${root}/control.sock`, `${workspace}/hidden_file`]
      .concat(`${workspace}/hidden_folder`),
    network: network === "full" ? { type: "full" } : { type: "none" },
  });
  const places = {
    root,
    workspace,
    server: Deno.pid,
    abstract,
    port: tcp.addr.port,
    network,
  };
  const script = new URL("./launcher_attack.py", import.meta.url).pathname;
  const text = Deno.readTextFileSync(script);
  const { stdout, stderr, code, trouble } = await run(spec, {
    argv: ["/usr/bin/python3", "-I", "-c", text, JSON.stringify(places)],
    env: { PATH },
  });
  console.log(stdout);
  console.log(`exit ${code} ${JSON.stringify(trouble)} ${JSON.stringify(stderr.slice(-2000))}`);
  console.log(picture() === before ? "unchanged" : `CHANGED\n${before}\n${picture()}`);
  const left = [...Deno.readDirSync(workspace)].map(({ name }) => name);
  console.log(left.includes(".codex") ? "PLACEHOLDER LEFT" : "no placeholder left");
  listener.kill();
  await listener.status;
}

await main();
Deno.exit(0);
