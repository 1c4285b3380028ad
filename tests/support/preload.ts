/** Opens what every process opens once and keeps: otherwise the first test that needs it would seem to leak it. */
import { libc } from "../../src/exec/ffi_libc.ts";
import { terminalSystem } from "../../src/exec/pty/libc.ts";
import { prepareLeader } from "../../src/exec/session_leader.ts";

if (Deno.build.os === "linux") libc();
terminalSystem();
await prepareLeader();
