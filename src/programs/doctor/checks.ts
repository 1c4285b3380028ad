/** The table of all checks, in the order of the report; must not know how they run or are shown. */
import { cacheCheck } from "./cache.ts";
import type { Check } from "./check.ts";
import { clockCheck } from "./clock.ts";
import { configCheck } from "./config.ts";
import { credentialsCheck } from "./credentials.ts";
import { endpointCheck } from "./endpoint.ts";
import { gitCheck } from "./git.ts";
import { diskCheck, homeCheck } from "./home.ts";
import { kernelCheck, landlockCheck, namespacesCheck, seccompCheck } from "./kernel.ts";
import { openFilesCheck } from "./open_files.ts";
import { sandboxCheck } from "./sandbox.ts";
import { selfStartCheck } from "./self_start.ts";
import { terminalCheck } from "./terminal.ts";
import { runtimeCheck, versionCheck } from "./version.ts";

/** What `codex doctor` looks at. */
export const CHECKS: readonly Check[] = [
  versionCheck,
  runtimeCheck,
  cacheCheck,
  homeCheck,
  diskCheck,
  configCheck,
  credentialsCheck,
  endpointCheck,
  sandboxCheck,
  kernelCheck,
  namespacesCheck,
  landlockCheck,
  seccompCheck,
  terminalCheck,
  gitCheck,
  openFilesCheck,
  clockCheck,
  selfStartCheck,
];
