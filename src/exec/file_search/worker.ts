/** The worker of a file search: an entry of its own, like `main.ts`; must not know how the server is made. */
/// <reference lib="deno.worker" />
import { setImmediate } from "node:timers";
import { messageOf } from "../../lib/errors.ts";
import { Libc } from "../filesystem/libc.ts";
import { Engine } from "./engine.ts";
import type { Folders } from "./folders.ts";
import { LinuxFolders } from "./linux_folders.ts";
import type { FromWorker, SearchRequest, ToWorker } from "./messages.ts";
import { PortableFolders } from "./portable_folders.ts";

const searches = new Map<number, AbortController>();
let engine: Engine | null = null;

self.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  switch (message.type) {
    case "begin":
      engine = new Engine({ ...message, folders: foldersOfThisMachine(), pause });
      return;
    case "search":
      return void search(message.id, message.request);
    case "cancel":
      searches.get(message.id)?.abort();
  }
};

async function search(id: number, request: SearchRequest): Promise<void> {
  const controller = new AbortController();
  searches.set(id, controller);
  try {
    const { signal } = controller;
    const result = await engine?.search(request, {
      signal,
      update: (hits) => post({ type: "update", id, hits }),
    });
    if (result) post({ type: "found", id, result });
  } catch (error) {
    post({ type: "failed", id, message: messageOf(error) });
  } finally {
    searches.delete(id);
  }
}

function post(message: FromWorker): void {
  self.postMessage(message);
}

/** Messages that have arrived are read before the work goes on. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** System calls where we know them and may make them. */
function foldersOfThisMachine(): Folders {
  if (Deno.build.os !== "linux") return new PortableFolders();
  try {
    return new LinuxFolders(new Libc());
  } catch (error) {
    // Another C library, or no permission to load one.
    if (error instanceof Error) return new PortableFolders();
    throw error;
  }
}
