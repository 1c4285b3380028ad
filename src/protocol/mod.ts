/**
 * The tables of the protocol: which module declares which method, and the types derived from all of them.
 * Must not load a schema by itself: importing zod costs 19 ms of start-up.
 */
import type * as approval from "./approval.ts";
import type * as events from "./events.ts";
import type * as initialize from "./initialize.ts";
import type { AnyRequestEntry, ParamsOf, ResultOf } from "./method.ts";

/** The first segment of a method names the module that declares it; nothing else is loaded for it. */
export const requestModules = {
  initialize: () => import("./initialize.ts"),
  thread: () => import("./thread.ts"),
  turn: () => import("./turn.ts"),
  account: () => import("./account.ts"),
  model: () => import("./model.ts"),
  config: () => import("./config.ts"),
  configRequirements: () => import("./config_requirements.ts"),
  skills: () => import("./skills.ts"),
  fs: () => import("./fs.ts"),
  command: () => import("./command.ts"),
  fuzzyFileSearch: () => import("./fuzzy_file_search.ts"),
};

type RequestModules = typeof requestModules;
type ModuleName = keyof RequestModules;
type RequestsOf<N extends ModuleName> = Awaited<ReturnType<RequestModules[N]>>["requests"];

type Intersect<U> = (U extends unknown ? (member: U) => void : never) extends
  (member: infer I) => void ? I : never;

/** Every request from the client to the server. */
export type ClientRequests = Intersect<{ [N in ModuleName]: RequestsOf<N> }[ModuleName]>;
/** A method that a client may call. */
export type ClientMethod = keyof ClientRequests;
/** The params of a client method, after parsing. */
export type Params<M extends ClientMethod> = ParamsOf<ClientRequests[M]>;
/** The result of a client method. */
export type Result<M extends ClientMethod> = ResultOf<ClientRequests[M]>;

/** Every notification from the client to the server. */
export type ClientNotifications = typeof initialize.clientNotifications;

/** Every notification from the server to the client. */
export type ServerNotifications = typeof events.notifications;
/** A notification method that a server may send. */
export type NotificationMethod = keyof ServerNotifications;
/** The params of a server notification. */
export type NotificationParams<M extends NotificationMethod> = ParamsOf<ServerNotifications[M]>;

/** Every request from the server to the client. */
export type ServerRequests = typeof approval.serverRequests;
/** A method that a server may call. */
export type ServerRequestMethod = keyof ServerRequests;
/** The params of a server request. */
export type ServerRequestParams<M extends ServerRequestMethod> = ParamsOf<ServerRequests[M]>;
/** The result of a server request, after parsing. */
export type ServerRequestResult<M extends ServerRequestMethod> = ResultOf<ServerRequests[M]>;

type Nothing<T extends never> = T;
/** Methods in a module that their first segment does not name: an error on this line names them. */
export type MisplacedMethods = Nothing<
  { [N in ModuleName]: Exclude<keyof RequestsOf<N>, N | `${N}/${string}`> }[ModuleName]
>;

/** A declaration together with the method that it declares. */
export interface RequestDeclaration extends AnyRequestEntry {
  readonly method: string;
}

/** The declarations of the modules that were loaded so far, by method. */
const loaded = new Map<string, RequestDeclaration>();
const loadedModules = new Set<ModuleName>();

/** The declaration of a method; null when there is no such method. Loads its module the first time. */
export async function loadRequestEntry(method: string): Promise<RequestDeclaration | null> {
  const known = loadedRequestEntry(method);
  if (known !== undefined) return known;
  const name = moduleOf(method);
  return name ? (await loadModule(name)).find((entry) => entry.method === method) ?? null : null;
}

/** The same without waiting; undefined while the module of the method is not loaded yet. */
export function loadedRequestEntry(method: string): RequestDeclaration | null | undefined {
  const known = loaded.get(method);
  if (known) return known;
  const name = moduleOf(method);
  return name && !loadedModules.has(name) ? undefined : null;
}

/** Every method that a client may call, in the order of the tables. Loads all modules. */
export async function allRequestMethods(): Promise<string[]> {
  return (await allRequestEntries()).map((entry) => entry.method);
}

/** Every declaration of a client request, in the order of the tables. Loads all modules. */
export async function allRequestEntries(): Promise<RequestDeclaration[]> {
  const names = Object.keys(requestModules).filter(isModuleName);
  return (await Promise.all(names.map(loadModule))).flat();
}

/** The table of the notifications that clients send. */
export async function loadClientNotifications(): Promise<ClientNotifications> {
  return (await import("./initialize.ts")).clientNotifications;
}

/** The table of the notifications that servers send. */
export async function loadServerNotifications(): Promise<ServerNotifications> {
  return (await import("./events.ts")).notifications;
}

/** The table of the requests that servers send. */
export async function loadServerRequests(): Promise<ServerRequests> {
  return (await import("./approval.ts")).serverRequests;
}

/** Modules by name, once somebody has asked for them. */
const loading = new Map<ModuleName, Promise<RequestDeclaration[]>>();

/** Imports a module once: each further `import()` of it costs milliseconds until the first one is through. */
function loadModule(name: ModuleName): Promise<RequestDeclaration[]> {
  let module = loading.get(name);
  if (!module) loading.set(name, module = importModule(name));
  return module;
}

async function importModule(name: ModuleName): Promise<RequestDeclaration[]> {
  const { requests } = await requestModules[name]();
  const table: Record<string, AnyRequestEntry> = requests;
  const entries = Object.entries(table).map(([method, entry]) =>
    loaded.get(method) ?? { method, ...entry }
  );
  for (const entry of entries) loaded.set(entry.method, entry);
  loadedModules.add(name);
  return entries;
}

function moduleOf(method: string): ModuleName | null {
  const slash = method.indexOf("/");
  const name = slash < 0 ? method : method.slice(0, slash);
  return isModuleName(name) ? name : null;
}

function isModuleName(name: string): name is ModuleName {
  return Object.hasOwn(requestModules, name);
}
