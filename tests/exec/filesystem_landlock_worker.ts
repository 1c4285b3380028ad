/** A worker for tests: confines its thread and then writes with the runtime's own calls, as if no rule were checked. */
import { confineThread } from "../../src/exec/filesystem/landlock.ts";
import { Libc } from "../../src/exec/filesystem/libc.ts";

addEventListener("message", (event) => {
  if (!(event instanceof MessageEvent)) return;
  const { writable, readable, attempts }: {
    writable: readonly string[];
    readable: readonly string[] | null;
    attempts: readonly { readonly path: string; readonly call: "write" | "read" | "remove" }[];
  } = event.data;
  using libc = new Libc();
  const confinement = confineThread(libc, { writable, readable });
  const outcomes = attempts.map(({ path, call }) => {
    try {
      if (call === "write") Deno.writeTextFileSync(path, "x");
      if (call === "read") Deno.readTextFileSync(path);
      if (call === "remove") Deno.removeSync(path);
      return "ok";
    } catch (error) {
      return error instanceof Error ? error.name : String(error);
    }
  });
  event.ports[0]?.postMessage({ confinement, outcomes });
  close();
});
