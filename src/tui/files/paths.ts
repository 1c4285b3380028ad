/** Paths of the server, which may run on another system than this; must not touch any file. */

/** The folder above; the path itself at the top. */
export function parentOf(path: string): string {
  const separator = separatorOf(path);
  const trimmed = path.length > 1 && path.endsWith(separator) ? path.slice(0, -1) : path;
  const cut = trimmed.lastIndexOf(separator);
  if (cut < 0) return path;
  const parent = trimmed.slice(0, cut);
  // `/` and `C:\` are their own tops.
  return parent === "" || /^[A-Za-z]:$/.test(parent) ? parent + separator : parent;
}

/** A name in a folder. */
export function childOf(folder: string, name: string): string {
  const separator = separatorOf(folder);
  return folder.endsWith(separator) ? folder + name : folder + separator + name;
}

/** The last part. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf(separatorOf(path)) + 1);
}

/** The path as one writes it in `folder`: without the way to it, where it lies below. */
export function relativeTo(folder: string, path: string): string {
  const start = folder.endsWith(separatorOf(folder)) ? folder : folder + separatorOf(folder);
  return path.startsWith(start) ? path.slice(start.length) : path;
}

/** The path that a person means who is in `folder`: `..` and `.` are resolved. */
export function resolvePath(folder: string, typed: string): string {
  const isAbsolute = typed.startsWith("/") || /^[A-Za-z]:[\\/]/.test(typed);
  const separator = separatorOf(folder);
  const start = isAbsolute ? typed : childOf(folder, typed);
  const root = /^(?:[A-Za-z]:)?[\\/]/.exec(start)?.[0] ?? separator;
  const parts: string[] = [];
  for (const part of start.slice(root.length).split(separator === "\\" ? /[\\/]/ : "/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return root + parts.join(separator);
}

function separatorOf(path: string): string {
  return path.startsWith("/") || !path.includes("\\") ? "/" : "\\";
}
