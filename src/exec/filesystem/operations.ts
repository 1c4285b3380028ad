/** From a request to the operation that answers it; must not know how requests arrive. */
import { toBytes } from "./byte_text.ts";
import { readFile, writeFile } from "./content.ts";
import { copy } from "./copy.ts";
import { createDirectory, getMetadata, inspect, readDirectory } from "./folders.ts";
import type { GuardedDisk } from "./guarded_disk.ts";
import { denied, unsuitable } from "./os_error.ts";
import { remove } from "./remove.ts";
import type { FileConfinement, FileOperations, FileRequest } from "./requests.ts";
import type { Steps } from "./steps.ts";
import { walk } from "./walk.ts";

/** What operations work on. */
export interface Workplace {
  readonly guard: GuardedDisk;
  readonly confinement: FileConfinement | null;
}

/** The operation in steps. Nothing is done before the first of them. */
export function* operation(workplace: Workplace, request: FileRequest): Steps<unknown> {
  const { guard, confinement } = workplace;
  if (request.operation === "confinement") return confinement;
  if (confinement?.landlock.type === "failed") {
    throw denied(`File operations cannot be confined here: ${confinement.landlock.reason}`);
  }
  assertNoNul(request.params);
  switch (request.operation) {
    case "readFile":
      return yield* readFile(guard, request.params);
    case "writeFile":
      return yield* writeFile(guard, request.params);
    case "createDirectory":
      return yield* createDirectory(guard, request.params);
    case "getMetadata":
      return getMetadata(guard, request.params.path);
    case "inspect":
      return inspect(guard, request.params.path);
    case "walk":
      return yield* walk(guard, request.params);
    case "readDirectory":
      return yield* readDirectory(guard, request.params.path);
    case "remove":
      return yield* remove(guard, request.params);
    case "copy":
      return yield* copy(guard, request.params);
    case "assertVisible":
      guard.assertVisible(toBytes(request.params.path));
      return null;
  }
}

/** For the system a path would end there. */
function assertNoNul(params: { readonly path: string } | FileOperations["copy"]["params"]): void {
  const paths = "path" in params ? [params.path] : [params.source, params.destination];
  if (!paths.some((path) => path.includes("\0"))) return;
  // Upstream's words.
  throw unsuitable("file name contained an unexpected NUL byte");
}
