/** Picks the implementation for a provider, loading only that one; must not know how requests look. */
import type { ModelProvider } from "../../config/config.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Env } from "../../lib/proxy.ts";
import type { ModelClient } from "./port.ts";

/** What a model client needs of the world. */
export interface ModelClientDeps {
  readonly clock: Clock;
  /** A number from 0 to below 1. */
  readonly random: () => number;
  readonly env: Env;
  /** The OpenAI key of this user, or null where nobody has logged in. */
  readonly token: () => Promise<string | null>;
  /** `NAME/VERSION (...)`, the same that clients get from `initialize`; NAME is the originator. */
  readonly userAgent: string;
}

/** The client of a provider. Never fails for a missing key or a bad address: the first request does. */
export async function createModelClient(
  provider: ModelProvider,
  deps: ModelClientDeps,
): Promise<ModelClient> {
  switch (provider.wireApi) {
    case "responses": {
      const { createResponsesClient } = await import("./responses.ts");
      return createResponsesClient({ provider, ...deps });
    }
    case "chat": {
      const { createChatClient } = await import("./chat.ts");
      return createChatClient({ provider, ...deps });
    }
    case "demo": {
      const { createDemoClient } = await import("./demo.ts");
      return createDemoClient(deps);
    }
  }
}
