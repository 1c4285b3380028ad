/** A message that was sent before, made ready to be edited, its images included; must not know who edits it. */
import type { ReconnectingClient } from "../client/reconnect.ts";
import type { RewindPoint } from "./picker/rewind.ts";
import type { Draft } from "./session_port.ts";

// As the composer writes them; a name has no bracket in it.
const LABEL = /\[Image #\d+ ([^\]]*)\]/g;

/** The draft that the message was. Images are kept by the server only; those that it does not give back are left out. */
export async function earlierDraft(
  client: Pick<ReconnectingClient, "request">,
  { threadId, point }: { readonly threadId: string; readonly point: RewindPoint },
): Promise<Draft> {
  const { text, turnId } = point;
  if (point.images.length === 0) return { text, images: [] };
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  const items = thread.turns.find(({ id }) => id === turnId)?.items ?? [];
  const message = items.find((item) => item.type === "userMessage");
  const names = [...text.matchAll(LABEL)].map(([, name]) => name ?? "");
  const urls = (message?.content ?? []).flatMap((part) =>
    part.type === "image" && part.url.startsWith("data:") ? [part.url] : []
  );
  const images = urls.map((dataUrl, index) => ({ name: names[index] ?? "image", dataUrl }));
  return { text, images };
}
