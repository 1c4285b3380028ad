/** Constructors of protocol entries: one entry declares a method and everything else derives from it. */
import type * as z from "zod";

/** Builds a schema on first use: 150 schemas up front cost about 76 ms of start-up. */
export type SchemaThunk<T> = () => z.ZodType<T>;

/** What a request queues behind: nothing, every request of a name, or the requests of one thread. */
export type Ordering<P> =
  | "concurrent"
  | { readonly global: string }
  | { readonly thread: (params: P) => string };

export interface RequestSpec<P, R> {
  /** One or more sentences; they reach the generated schema and the docs. */
  readonly doc: string;
  /** Null: the method takes no params, and an object in their place is ignored. */
  readonly params: SchemaThunk<P> | null;
  readonly result: SchemaThunk<R>;
  readonly ordering: Ordering<NoInfer<P>>;
  /** The whole method needs the `experimentalApi` capability. */
  readonly experimental?: true;
  /** Param fields that need the `experimentalApi` capability, with the name that the error uses. */
  readonly experimentalFields?: Readonly<Record<string, string>>;
}

export interface RequestEntry<P, R> extends RequestSpec<P, R> {
  readonly kind: "request";
}

/** Any request entry, for code that works on all of them alike. */
export interface AnyRequestEntry {
  readonly kind: "request";
  readonly doc: string;
  readonly params: SchemaThunk<unknown> | null;
  readonly result: SchemaThunk<unknown>;
  // A method signature, so that the entries of all params types fit.
  readonly ordering: "concurrent" | { readonly global: string } | {
    thread(params: unknown): string;
  };
  readonly experimental?: true;
  readonly experimentalFields?: Readonly<Record<string, string>>;
}

export interface NotificationSpec<P> {
  readonly doc: string;
  readonly params: SchemaThunk<P> | null;
}

/** Notification from the client to the server. */
export interface ClientNotificationEntry<P> extends NotificationSpec<P> {
  readonly kind: "clientNotification";
}

/** How a message may be treated when a subscriber is slow: droppable deltas are merged, the rest never lost. */
export type Delivery = "required" | "droppable";
/** Who receives it: the subscribers of a thread, one connection, or every initialized connection. */
export type Scope = "thread" | "connection" | "all";

export interface NotificationEntry<P> extends NotificationSpec<P> {
  readonly kind: "notification";
  readonly delivery: Delivery;
  readonly scope: Scope;
}

export interface ServerRequestEntry<P, R> {
  readonly kind: "serverRequest";
  readonly doc: string;
  readonly params: SchemaThunk<P>;
  readonly result: SchemaThunk<R>;
}

/** Declares a request from the client to the server. */
export function request<P, R>(spec: RequestSpec<P, R>): RequestEntry<P, R> {
  return { kind: "request", ...spec, result: memo(spec.result), params: memoOrNull(spec.params) };
}

/** Declares a notification from the client to the server. */
export function clientNotification<P>(spec: NotificationSpec<P>): ClientNotificationEntry<P> {
  return { kind: "clientNotification", ...spec, params: memoOrNull(spec.params) };
}

/** Declares a notification from the server to the client. */
export function notification<P>(
  spec: NotificationSpec<P> & { readonly delivery: Delivery; readonly scope: Scope },
): NotificationEntry<P> {
  return { kind: "notification", ...spec, params: memoOrNull(spec.params) };
}

/** Declares a request from the server to the client. */
export function serverRequest<P, R>(
  spec: Omit<ServerRequestEntry<P, R>, "kind">,
): ServerRequestEntry<P, R> {
  return { kind: "serverRequest", ...spec, params: memo(spec.params), result: memo(spec.result) };
}

/** Builds the schema once, on first use; also for schemas that several entries share. */
export function memo<T>(thunk: () => T): () => T {
  let built: { value: T } | undefined;
  return () => (built ??= { value: thunk() }).value;
}

function memoOrNull<T>(thunk: (() => T) | null): (() => T) | null {
  return thunk && memo(thunk);
}

/** The params type of an entry; `undefined` where the method takes none. */
export type ParamsOf<E> = E extends { readonly params: SchemaThunk<infer P> | null }
  ? (unknown extends P ? undefined : P)
  : undefined;
/** The result type of an entry. */
export type ResultOf<E> = E extends { readonly result: SchemaThunk<infer R> } ? R : never;
