/** A tiny program that makes what it becomes leader of a session; must not start anything but to try itself. Linux only. */
import { buildExecutable } from "./sandbox/launcher/elf.ts";
import { sealedMemoryFile } from "./sandbox/launcher/memory_file.ts";
import { call } from "./sandbox/launcher/script.ts";

/** Marks reports of failures, of which there are none here. */
const NO_MARK = "00000000";
const TRIAL = ["/bin/sh", "sh", "-c", "exit 7"];
const TRIAL_EXIT_CODE = 7;

/**
 * The words before a program and its arguments (its own name first) that make it leader of a session; null where this
 * does not work: on other systems and processors, and where memory files cannot be executed.
 */
export async function leaderImage(): Promise<readonly string[] | null> {
  const { os, arch } = Deno.build;
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) return null;
  try {
    const operations = [
      call("become leader of a session", "setsid", { mayFail: true }),
      { type: "execute", name: "become the program" } as const,
    ];
    const file = sealedMemoryFile("codex-leader", buildExecutable(operations, arch));
    const image = `/proc/${Deno.pid}/fd/${file}`;
    const trial = new Deno.Command(image, {
      args: [NO_MARK, ...TRIAL],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    const { code } = await trial.spawn().status;
    return code === TRIAL_EXIT_CODE ? [image, NO_MARK] : null;
  } catch {
    // Whatever stands in the way, there are other means.
    return null;
  }
}
