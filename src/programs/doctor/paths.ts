/** Looks at files and folders without touching them; must not know what they are for. */
import { dirname } from "node:path";

/** What is at a path. `hidden`: this user may not even look. */
export type Found =
  | { readonly type: "found"; readonly stat: Deno.FileInfo }
  | { readonly type: "absent" }
  | { readonly type: "notBelowFolder" }
  | { readonly type: "hidden" };

/** What is at the path, links followed. */
export async function lookAt(path: string): Promise<Found> {
  try {
    return { type: "found", stat: await Deno.stat(path) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { type: "absent" };
    if (error instanceof Deno.errors.NotADirectory) return { type: "notBelowFolder" };
    if (error instanceof Deno.errors.PermissionDenied) return { type: "hidden" };
    throw error;
  }
}

/** The path itself, or the nearest one above it that exists and may be looked at. */
export async function nearestExisting(path: string): Promise<string> {
  const above = dirname(path);
  if (above === path) return path;
  return (await lookAt(path)).type === "found" ? path : await nearestExisting(above);
}

/** The permission bits as `chmod` takes them, such as `755`; null where the system has none. */
export function modeText({ mode }: Pick<Deno.FileInfo, "mode">): string | null {
  return mode === null ? null : (mode & 0o7777).toString(8);
}

/** Whether users other than the owner have any of these permissions (`0o077`: any at all). */
export function isOpenToOthers({ mode }: Pick<Deno.FileInfo, "mode">, bits = 0o077): boolean {
  return mode !== null && (mode & bits) !== 0;
}

/** A number of bytes for people. */
export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  while (value >= 1024 && units.length > 1) {
    value /= 1024;
    units.shift();
  }
  return `${value < 10 && units[0] !== "B" ? value.toFixed(1) : Math.round(value)} ${units[0]}`;
}
