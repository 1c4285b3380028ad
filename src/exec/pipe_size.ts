/** Makes the pipes of our own stdio larger, where they are pipes; must not know what goes through them. */

const F_SETPIPE_SZ = 1031;
/** What the kernel lets everybody have. The default is 64 KiB, so a message of 1 MiB takes 20 turns of both sides. */
const PIPE_BYTES = 1024 * 1024;

/** Best effort: without it everything works, only large messages are slower. */
export function growStdioPipes(): void {
  if (Deno.build.os !== "linux") return;
  const library = Deno.dlopen("libc.so.6", {
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  });
  try {
    for (const descriptor of [0, 1]) {
      library.symbols.fcntl(descriptor, F_SETPIPE_SZ, PIPE_BYTES);
    }
  } finally {
    library.close();
  }
}
