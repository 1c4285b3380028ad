/**
 * Makes paths absolute without `node:path`, whose first import costs 8 ms of start-up; must not touch files.
 * For the few paths that are needed before the first request; everything else uses `node:path`.
 */

/** The path itself when it is absolute, else below `base`; `.` and `..` segments are taken out. */
export function absolutePath(path: string, base: string): string {
  const whole = path.startsWith("/") ? path : `${base}/${path}`;
  const segments: string[] = [];
  for (const segment of whole.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `/${segments.join("/")}`;
}
