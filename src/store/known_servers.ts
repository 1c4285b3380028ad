/** Certificates of servers that this user has accepted, one line each; must not know how they are checked. */
import { appendHomeFile } from "./home_file.ts";

/**
 * A file of lines such as `box.example:4500 sha256:0a1b...`; the last line of a server counts, lines that are none
 * are left alone. It is read at each question: another client may have written meanwhile.
 */
export class KnownServersFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  fingerprintOf(server: string): string | null {
    let found: string | null = null;
    for (const line of this.#text().split("\n")) {
      const [name, hash] = line.trim().split(/\s+/);
      const hex = /^sha256:([0-9a-f]{64})$/i.exec(hash ?? "")?.[1];
      if (name === server && hex !== undefined) found = hex.toLowerCase();
    }
    return found;
  }

  remember(server: string, fingerprint: string): void {
    appendHomeFile(this.#path, `${server} sha256:${fingerprint}\n`);
  }

  #text(): string {
    try {
      return Deno.readTextFileSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }
}
