/** What tests see of a screen while a program draws on it. */
import assert from "node:assert/strict";
import { startScreen } from "../support/screen.ts";

Deno.test("a frame is seen when it is whole, not while its first half stands over the one before", async () => {
  const begin = "printf '\\033[?2026hhalf'; read -r line";
  const end = "printf 'whole\\033[?2026l'; read -r line";
  await using screen = await startScreen(["/bin/sh"], ["-c", `${begin}; ${end}`]);
  const seen = screen.until("half");
  const drawing = Promise.withResolvers<void>();
  const stop = screen.emulator.onParsed(() => {
    if (screen.modes.synchronizedOutput) drawing.resolve();
  });
  await drawing.promise;
  stop();
  screen.press("enter");
  assert.match(await seen, /half\s+whole/);
});
