/** Writes tar archives that depend on nothing but their content; must not know what is in them. */
import { packTar } from "modern-tar";

/** A file of an archive. */
export interface TarFile {
  /** A relative path; folders are not entries of their own. */
  readonly name: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
}

/** An archive ends with two empty blocks. */
const END_BYTES = 1024;

/** One file as the beginning of an archive: further members or an archive may follow. */
export async function tarMember(file: TarFile): Promise<Uint8Array> {
  const whole = await tarArchive([file]);
  return whole.subarray(0, whole.length - END_BYTES);
}

/** A whole archive. */
export async function tarArchive(files: readonly TarFile[]): Promise<Uint8Array> {
  return await packTar(files.map(({ name, mode, bytes }) => ({
    header: { name, mode, size: bytes.length, mtime: new Date(0), uid: 0, gid: 0, type: "file" },
    body: bytes,
  })));
}
