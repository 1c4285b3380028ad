/** Questions that wait for a person, of one thread; must not know who is asked or how the answer travels. */
import type { PendingApproval } from "./events.ts";
import type { ApprovalRequest, Decision } from "./tools/tool.ts";

interface Waiting {
  readonly approval: PendingApproval;
  readonly settle: (decision: Decision) => void;
}

/**
 * Pending approvals of one thread.
 *
 * Invariants: an id is never used twice, also not across restarts; the first answer wins; whatever ends a
 * question (answer, interruption, unload) is told exactly once through `onResolved`.
 */
export class Approvals {
  readonly #waiting = new Map<string, Waiting>();
  readonly #hooks: {
    readonly onRequested: (approval: PendingApproval) => void;
    readonly onResolved: (id: string) => void;
  };

  constructor(hooks: {
    readonly onRequested: (approval: PendingApproval) => void;
    readonly onResolved: (id: string) => void;
  }) {
    this.#hooks = hooks;
  }

  get pending(): readonly PendingApproval[] {
    return [...this.#waiting.values()].map((waiting) => waiting.approval);
  }

  /** Asks; rejects with `signal.reason` when the turn is interrupted first. */
  ask(
    request: ApprovalRequest,
    options: {
      readonly id: string;
      readonly turnId: string;
      readonly startedAtMs: number;
      readonly signal: AbortSignal;
    },
  ): Promise<Decision> {
    const { id, turnId, startedAtMs, signal } = options;
    const approval: PendingApproval = { id, turnId, startedAtMs, request };
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        if (this.#waiting.delete(id)) this.#hooks.onResolved(id);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.set(id, {
        approval,
        settle: (decision) => {
          signal.removeEventListener("abort", onAbort);
          resolve(decision);
        },
      });
      this.#hooks.onRequested(approval);
    });
  }

  /** Takes the first answer; false when nobody waits for it (any more). */
  answer(id: string, decision: Decision): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    this.#waiting.delete(id);
    this.#hooks.onResolved(id);
    waiting.settle(decision);
    return true;
  }
}
