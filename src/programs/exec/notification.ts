/** What a run is told by the server; must not know what is made of it. */
import type { Notification } from "../../client/client.ts";

/** A notification of the server with its params. */
export type ServerNotification = Notification;

/** The message of an error with its cause, as the real program prints it. */
export function errorText(
  error: { readonly message: string; readonly additionalDetails: string | null },
): string {
  return error.additionalDetails ? `${error.message} (${error.additionalDetails})` : error.message;
}

/** True for what concerns this thread, and for what concerns none. */
export function concerns({ params }: ServerNotification, threadId: string): boolean {
  return !("threadId" in params) || params.threadId === threadId;
}
