/** Lets long synchronous work give way: other work of the process goes on between slices; must not know the work. */

const RETRIES_MAX = 40;
const RETRY_MS = 25;
/** Longest stretch of work without a pause. */
const SLICE_MS = 4;

/** Call `pause` between steps that are short by themselves. */
export class TimeSlices {
  #startMs = performance.now();

  /** True when a pause is due; lets callers finish a batch first. */
  get isDue(): boolean {
    return performance.now() - this.#startMs >= SLICE_MS;
  }

  /** Waits until everything else that is ready has run. */
  async pause(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
    this.#startMs = performance.now();
  }
}

/** Tries until `attempt` answers true, for about a second; answers whether it did. */
export async function retryBriefly(attempt: () => boolean): Promise<boolean> {
  for (let retry = 0; retry < RETRIES_MAX; retry++) {
    if (attempt()) return true;
    await new Promise<void>((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return attempt();
}
