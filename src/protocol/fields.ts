/** Field schemas that several features share; must not know any method. */
import * as z from "zod";
import { memo } from "./method.ts";

/** A string that may be absent or null; the protocol keeps the two apart. */
export const MaybeString = memo(() => z.string().nullish());

/** A page size; upstream reads it as a 32-bit unsigned integer. */
export const Limit = memo(() => z.int().min(0).max(4_294_967_295).nullish());

/** Where the next page starts, or null at the end. Opaque to clients. */
export const NextCursor = memo(() => z.string().nullable());

/** Free-form settings by name. */
export const Settings = memo(() => z.record(z.string(), z.unknown()).nullish());

/** The params of a message that names a thread and nothing else; one type per message, as upstream. */
export function threadOnly(id: string) {
  return () => z.object({ threadId: z.string() }).meta({ id });
}

/**
 * The member of every request that changes something: with the `idempotency` extension it is carried out once,
 * however often it is sent with this key. A method that declares it takes part; there is no other list.
 */
export function keyField() {
  return { idempotencyKey: MaybeString() };
}

/** The params of a request that names a thread, changes it and says nothing else. */
export function threadChange(id: string) {
  return () => z.object({ threadId: z.string(), ...keyField() }).meta({ id });
}

/**
 * The members that the `numberedEvents` extension adds to the notifications of a thread: their number in the log
 * `logId`, and the first of their numbers where several deltas became one.
 */
export function numberFields() {
  return {
    logId: z.string().optional(),
    seq: z.int().optional(),
    seqFrom: z.int().optional(),
  };
}

/** Strings by name. */
export const StringMap = memo(() => z.record(z.string(), z.string()).nullish());

/** The result of a method that has nothing to say. */
export const Empty = memo(() => z.object({}).meta({ id: "EmptyResponse" }));
