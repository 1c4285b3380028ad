/** Reads the table of mounts for other names of a file; must not know why it has several. */

/** One mount: the folder `root` of file system `device` is at `point`. */
export interface Mount {
  readonly device: string;
  readonly root: string;
  readonly point: string;
}

/** The mounts of `/proc/self/mountinfo`, in its order. */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap(parseMount);
}

/**
 * Other paths at which the mounts show the same file. Some may be covered by later mounts: the caller
 * compares what is really there.
 */
export function otherNames(path: string, mounts: readonly Mount[]): string[] {
  let own: Mount | null = null;
  for (const mount of mounts) {
    // Of two mounts at one point, the later one covers the other.
    const isCloser = own === null || mount.point.length >= own.point.length;
    if (isCloser && rest(path, mount.point) !== null) own = mount;
  }
  if (own === null) return [];
  const inside = join(own.root, rest(path, own.point) ?? "");
  const device = own.device;
  const names = mounts.flatMap((mount) => {
    const below = mount.device === device ? rest(inside, mount.root) : null;
    return below === null ? [] : [join(mount.point, below)];
  });
  return [...new Set(names)].filter((name) => name !== path);
}

/** Fields: id, parent, device, root, mount point, options ... */
function parseMount(line: string): Mount[] {
  const [, , device, root, point] = line.split(" ");
  if (device === undefined || root === undefined || point === undefined) return [];
  return [{ device, root: unescape(root), point: unescape(point) }];
}

/** Spaces and the like are written as octal numbers, of bytes. */
function unescape(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}

/** What follows `folder` in `path`, starting with a slash or empty; null when it is not below. */
function rest(path: string, folder: string): string | null {
  if (folder === "/") return path === "/" ? "" : path;
  if (path === folder) return "";
  return path.startsWith(`${folder}/`) ? path.slice(folder.length) : null;
}

function join(folder: string, below: string): string {
  if (below === "") return folder;
  return folder === "/" ? below : folder + below;
}
