/** Keeps the launchers that were generated last, ready to be executed; must not know what is in a plan. */
import { libc } from "../../ffi_libc.ts";
import { sealedMemoryFile } from "./memory_file.ts";

/** A launcher that can be executed while the lease lasts. */
export interface ImageLease<Notes> {
  readonly path: string;
  /** What was noted when it was made. */
  readonly notes: Notes;
  release(): void;
}

interface Image<Notes> {
  readonly descriptor: number;
  readonly notes: Notes;
  leases: number;
  isKept: boolean;
}

/**
 * Launchers by key, at most `limit` beyond those in use. Each is a sealed file in memory.
 *
 * Invariant: a file is closed when it is neither kept nor leased, and never before.
 */
export class ImageCache<Notes> {
  readonly #limit: number;
  /** In the order of last use. */
  readonly #images = new Map<string, Image<Notes>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The launcher of that key, made now if it is not there. */
  lease(
    key: string,
    make: () => { readonly bytes: Uint8Array<ArrayBuffer>; readonly notes: Notes },
  ): ImageLease<Notes> {
    const image = this.#images.get(key) ?? this.#make(make());
    this.#images.delete(key);
    this.#images.set(key, image);
    image.leases++;
    this.#shrink();
    let isHeld = true;
    return {
      // Not `/proc/self`, so that it also holds for a program that starts the launcher in turn.
      path: `/proc/${Deno.pid}/fd/${image.descriptor}`,
      notes: image.notes,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        image.leases--;
        this.#closeUnused(image);
      },
    };
  }

  /** Closes everything that is not in use. */
  clear(): void {
    for (const image of this.#images.values()) {
      image.isKept = false;
      this.#closeUnused(image);
    }
    this.#images.clear();
  }

  #make(
    { bytes, notes }: { readonly bytes: Uint8Array<ArrayBuffer>; readonly notes: Notes },
  ): Image<Notes> {
    const descriptor = sealedMemoryFile("codex-sandbox", bytes);
    return { descriptor, notes, leases: 0, isKept: true };
  }

  #shrink(): void {
    for (const [key, image] of this.#images) {
      if (this.#images.size <= this.#limit) return;
      this.#images.delete(key);
      image.isKept = false;
      this.#closeUnused(image);
    }
  }

  #closeUnused(image: Image<Notes>): void {
    if (!image.isKept && image.leases === 0) libc().close(image.descriptor);
  }
}
