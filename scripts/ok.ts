/** `deno task ok`: every check in order of cost, stopping at the first that fails; must not fix anything. */

interface Step {
  readonly name: string;
  readonly args: readonly string[];
}

const STEPS: readonly Step[] = [
  { name: "fmt", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "check", args: ["check", "main.ts", "src", "scripts", "tests"] },
  { name: "layers", args: ["run", "-A", "--no-check", "scripts/check_layers.ts"] },
  { name: "gen", args: ["run", "-A", "--no-check", "scripts/gen.ts", "--check"] },
  { name: "test", args: ["run", "-A", "--no-check", "scripts/test.ts"] },
];

/** Runs the steps and returns the exit code; the tests print their own closing line. */
async function main(): Promise<number> {
  const withoutTests = Deno.args.includes("--without-tests");
  for (const step of STEPS) {
    if (step.name === "test" && withoutTests) continue;
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [...step.args],
      cwd: new URL("../", import.meta.url),
      stdout: "inherit",
      stderr: "inherit",
    }).spawn().status;
    if (code === 0) continue;
    console.error(`ok: ${step.name} failed, later checks did not run`);
    return 1;
  }
  if (withoutTests) console.log("ok: every check but the tests passed");
  return 0;
}

if (import.meta.main) Deno.exit(await main());
