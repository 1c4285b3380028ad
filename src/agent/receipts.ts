/** Which requests have put which input into a thread, so that none does so twice; must not know requests or clients. */

/** How long a receipt counts. */
export const RECEIPT_MS = 24 * 60 * 60 * 1000;

/** What identifies one request: fingerprints of who sent it with which key, and of what it said. */
export interface Receipt {
  readonly scope: string;
  readonly params: string;
}

/** A receipt with the turn that the input went to. */
export interface KeptReceipt extends Receipt {
  readonly turnId: string;
  /** Unix milliseconds. */
  readonly atMs: number;
}

/** The receipts of one thread. Each is written with the input itself, so there is never one without the other. */
export class Receipts {
  /** By scope, oldest first. */
  readonly #kept = new Map<string, KeptReceipt>();

  constructor(kept: readonly KeptReceipt[] = []) {
    for (const receipt of kept) this.#kept.set(receipt.scope, receipt);
  }

  add(receipt: KeptReceipt): void {
    for (const old of this.#kept.values()) {
      if (receipt.atMs - old.atMs <= RECEIPT_MS) break;
      this.#kept.delete(old.scope);
    }
    this.#kept.set(receipt.scope, receipt);
  }

  /** The receipt of an earlier request, unless it is too old. */
  find(scope: string, nowMs: number): KeptReceipt | null {
    const kept = this.#kept.get(scope);
    return kept && nowMs - kept.atMs <= RECEIPT_MS ? kept : null;
  }
}
