/**
 * Asks for the other names of a file while mounts come and go; prints what is found. Started by
 * `mounted_names_test.ts` in a mount namespace of its own.
 */
import { mountedNames } from "../../../src/exec/sandbox/launcher/disk.ts";

const [folder = ""] = Deno.args;

async function run(program: string, ...args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args: [...args] }).output();
  if (!success) throw new Error(`${program} failed`);
}

function tell(): void {
  console.log(JSON.stringify(mountedNames(`${folder}/one/secret`)));
}

if (import.meta.main) {
  tell();
  tell();
  await run("mount", "--bind", `${folder}/one`, `${folder}/two`);
  tell();
  await Deno.mkdir(`${folder}/above/below`, { recursive: true });
  await run("mount", "--bind", `${folder}/one`, `${folder}/above/below`);
  // Of this the kernel does not tell those who ask it for changes of the table.
  await Deno.rename(`${folder}/above`, `${folder}/moved`);
  tell();
  await run("umount", `${folder}/two`);
  await run("umount", `${folder}/moved/below`);
  tell();
}
