/** Steps that the tests of `command/exec` share; must not assert anything. */
import type { Client } from "../../src/client/client.ts";
import type { NotificationParams, Params, Result } from "../../src/protocol/mod.ts";

/** A policy under which commands run as they are. */
export const FULL = { type: "dangerFullAccess" } as const;

/** Runs a script of `sh` to its end. */
export function sh(
  client: Client,
  script: string,
  options: Partial<Params<"command/exec">> = {},
): Promise<Result<"command/exec">> {
  const command = ["/bin/sh", "-c", script];
  const answer = client.request("command/exec", { command, sandboxPolicy: FULL, ...options });
  // A test that fails before it waits for the answer is to show its own failure.
  answer.catch(() => undefined);
  return answer;
}

/** Base64 of a text. */
export function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

type Delta = NotificationParams<"command/exec/outputDelta">;

/** Collects the output deltas of a client from now on. */
export class Deltas {
  readonly all: Delta[] = [];
  #waiting: { isThere: () => boolean; resolve: () => void }[] = [];

  constructor(client: Client) {
    client.on("command/exec/outputDelta", (delta) => {
      this.all.push(delta);
      for (const each of this.#waiting) if (each.isThere()) each.resolve();
    });
  }

  /** The bytes of one stream of a command, as text. */
  text(processId: string, stream: "stdout" | "stderr" = "stdout"): string {
    const own = this.all.filter((each) => each.processId === processId && each.stream === stream);
    return own.map((each) => new TextDecoder().decode(Uint8Array.fromBase64(each.deltaBase64)))
      .join("");
  }

  /** Resolves once a command has written the text. */
  async sees(processId: string, expected: string | RegExp): Promise<string> {
    const isThere = () => {
      const text = this.text(processId);
      return typeof expected === "string" ? text.includes(expected) : expected.test(text);
    };
    if (!isThere()) await new Promise<void>((resolve) => this.#waiting.push({ isThere, resolve }));
    return this.text(processId);
  }
}
