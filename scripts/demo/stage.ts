/** What the demo plays on: a scratch project, the program as a server and the line to it; must not know the story. */
import { layWire, type Wire } from "./wire.ts";

/** A running server and the project that it works in. */
export interface Stage {
  readonly url: string;
  readonly project: string;
  readonly wire: Wire;
  /** The text of a file of the project. */
  read(name: string): Promise<string>;
  /** Ends the server at once, for an end that cannot wait. */
  abandon(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The files of the scratch project: a text with a mistake, a check that finds it, and something slow. */
const FILES = {
  "notes.txt": "The demo is a draft.\n",
  "check.sh":
    "if grep -q draft notes.txt; then echo 'notes.txt: still a draft'; else echo fine; fi\n",
  "slow.sh":
    'for i in 1 2 3 4 5 6 7 8 9 10; do echo "step $i of 10"; echo "$i" >> progress; sleep 0.2; done\n',
};

/** Makes the project and starts the program of `command` with the demo model and an empty home, all below `root`. */
export async function openStage(
  [program, ...words]: readonly [string, ...string[]],
  { root, env = {} }: {
    readonly root: string;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<Stage> {
  const project = `${root}/project`;
  await makeProject(project);
  const child = new Deno.Command(program, {
    args: [...words, "app-server", "--listen", "ws://127.0.0.1:0", "-c", "model_provider=demo"],
    cwd: project,
    // A packed file unpacks its runtime, which must not stay behind either.
    env: {
      HOME: `${root}/home`,
      CODEX_HOME: `${root}/home`,
      CODEX_RUNTIME_DIR: `${root}/runtime`,
      XDG_CACHE_HOME: "",
      ...env,
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let isOver = false;
  void child.status.then(() => isOver = true);
  const { url, rest } = await listeningUrl(child.stderr);
  const wire = layWire(Number(new URL(url).port));
  return {
    url,
    project,
    wire,
    read: (name) => Deno.readTextFile(`${project}/${name}`),
    abandon() {
      if (!isOver) child.kill("SIGKILL");
    },
    async [Symbol.asyncDispose]() {
      await wire[Symbol.asyncDispose]();
      if (!isOver) child.kill("SIGTERM");
      await Promise.all([child.status, rest]);
    },
  };
}

/** A Git repository needs no Git: these files are what makes a directory one. */
async function makeProject(project: string): Promise<void> {
  for (const folder of [".git/objects", ".git/refs/heads", "../home"]) {
    await Deno.mkdir(`${project}/${folder}`, { recursive: true });
  }
  await Deno.writeTextFile(`${project}/.git/HEAD`, "ref: refs/heads/main\n");
  await Deno.writeTextFile(`${project}/.git/config`, "[core]\n\trepositoryformatversion = 0\n");
  for (const [name, text] of Object.entries(FILES)) {
    await Deno.writeTextFile(`${project}/${name}`, text);
  }
}

/** Waits for the line that says where the server listens; whatever follows is read and dropped. */
async function listeningUrl(
  stderr: ReadableStream<Uint8Array>,
): Promise<{ readonly url: string; readonly rest: Promise<void> }> {
  const found = Promise.withResolvers<string>();
  const rest = (async () => {
    let text = "";
    for await (const piece of stderr.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const url = /listening on: (ws:\S+)\n/.exec(text)?.[1];
      if (url !== undefined) found.resolve(url);
    }
    found.reject(new Error(`The server did not start:\n${text}`));
  })();
  return { url: await found.promise, rest };
}
