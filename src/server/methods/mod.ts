/** Which module answers which methods; each is loaded by the first request for it. */
import { invariant } from "../../lib/errors.ts";
import type { ClientMethod } from "../../protocol/mod.ts";
import type { RequestContext } from "../context.ts";
import type { Runtime } from "../runtime.ts";

/** Written as a method, because TypeScript then lets a handler of typed params stand for one of any. */
interface Untyped {
  handler(params: unknown, context: RequestContext): unknown;
}

/** Handlers by method; the router has parsed the params with the schema of the very method. */
export type HandlerTable = ReadonlyMap<string, Untyped["handler"]>;

type Segment = ClientMethod extends infer M ? M extends `${infer S}/${string}` ? S : never : never;

/** As in the protocol, the first segment of a method names its module. */
const modules: Readonly<
  Record<Segment, (runtime: Runtime) => Promise<Readonly<Record<string, Untyped["handler"]>>>>
> = {
  thread: async (runtime) => (await import("./thread.ts")).threadHandlers(runtime.agent, runtime),
  turn: async ({ agent, turnLog }) => (await import("./turn.ts")).turnHandlers(agent, turnLog),
  account: async (runtime) => (await import("./account.ts")).accountHandlers(runtime),
  model: async (runtime) => (await import("./model.ts")).modelHandlers(runtime),
  config: async (runtime) => (await import("./config.ts")).configHandlers(runtime),
  configRequirements: async () => (await import("./config.ts")).configRequirementsHandlers(),
  command: async (runtime) => (await import("./command.ts")).commandHandlers(runtime),
  fs: async (runtime) => (await import("./fs.ts")).fsHandlers(runtime),
  fuzzyFileSearch: async (runtime) =>
    (await import("./fuzzy_file_search.ts")).fuzzyFileSearchHandlers(runtime),
  skills: async (runtime) => (await import("./skills.ts")).skillsHandlers(runtime),
};

/** The handlers of the methods whose first segment it is. */
export async function loadHandlers(segment: string, runtime: Runtime): Promise<HandlerTable> {
  invariant(isSegment(segment), `No module answers ${segment}/`);
  return new Map(Object.entries(await modules[segment](runtime)));
}

/** Loads the code behind what every client asks for first. */
export async function preloadHandlers(): Promise<void> {
  await import("./thread.ts");
}

function isSegment(text: string): text is Segment {
  return Object.hasOwn(modules, text);
}
