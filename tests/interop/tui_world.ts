/** Our interface on a terminal, over a socket, in front of a real server; must not know what a test checks. */
import {
  type AppWorld,
  configText,
  makeWorld,
  READY,
  type WorldOptions,
} from "../tui/app_world.ts";
import type { Screen, ScreenOptions } from "../support/screen.ts";
import {
  type RealProgram,
  realPrograms,
  type RealSocketServer,
  startRealSocketServer,
} from "./real_server.ts";

/** The two sides and the model behind them. Disposing it ends the server and removes everything. */
export interface RealWorld extends AppWorld {
  readonly program: RealProgram;
  readonly server: RealSocketServer;
  /** Opens the interface on the server, up to where somebody can type; `words` come before `--remote`. */
  meet(words?: readonly string[], options?: ScreenOptions): Promise<Screen>;
  /** Starts the server again at its address, once it has ended. */
  startAgain(): Promise<RealSocketServer>;
}

/** Declares one test per real program; where one is missing, its test is ignored. */
export function testEachReal(
  name: string,
  test: (program: RealProgram) => Promise<void>,
): void {
  const programs = new Map(realPrograms().map((program) => [program.version, program]));
  for (const version of ["0.120", "0.169"] as const) {
    const program = programs.get(version);
    Deno.test({
      name: `${name} [${version}]`,
      ignore: program === undefined,
      fn: async () => {
        if (program) await test(program);
      },
    });
  }
}

/** Starts a real server on a home of its own; the interface has another one. */
export async function makeRealWorld(
  program: RealProgram,
  options: WorldOptions = {},
): Promise<RealWorld> {
  const world = await makeWorld(options);
  try {
    const home = `${world.root}/real`;
    await Deno.mkdir(home);
    const settings = `model = "${program.model}"\ncheck_for_update_on_startup = false`;
    await Deno.writeTextFile(
      `${home}/config.toml`,
      configText({ url: world.model.url, project: world.project, settings }),
    );
    const place = { home, cwd: world.project };
    const server = await startRealSocketServer(program, place);
    return {
      ...world,
      program,
      server,
      async meet(words = [], screenOptions = {}) {
        const screen = await world.start([...words, "--remote", server.url], screenOptions);
        try {
          await screen.until((text) => text.includes(READY) && text.includes(program.model), {
            why: "the first screen",
          });
          return screen;
        } catch (error) {
          await screen[Symbol.asyncDispose]();
          throw error;
        }
      },
      startAgain: () => startRealSocketServer(program, { ...place, listen: server.url }),
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await world[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
}
