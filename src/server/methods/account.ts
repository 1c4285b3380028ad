/** Handlers of `account/*`; they never show a key. */
import { accountView } from "../../account/auth.ts";
import { removeStoredAuth, saveApiKey } from "../../account/login.ts";
import { CodexError } from "../../lib/errors.ts";
import type { ClientMethod } from "../../protocol/mod.ts";
import type { Handlers } from "../context.ts";
import type { Runtime } from "../runtime.ts";

type AccountMethod = Extract<ClientMethod, `account/${string}`>;

export function accountHandlers(runtime: Runtime): Handlers<AccountMethod> {
  const { codexHome, env, fanout } = runtime;
  return {
    "account/read": async () => {
      const provider = await runtime.defaultProvider();
      return await accountView({ codexHome, env, provider });
    },
    "account/login/start": (params, context) => {
      if (params.type !== "apiKey") {
        throw new CodexError(
          "invalidRequest",
          `Login type \`${params.type}\` is not supported; sign in with an API key ` +
            "(type `apiKey`, or `codex login --with-api-key` on the server)",
        );
      }
      saveApiKey(codexHome, params.apiKey);
      context.after(() => {
        fanout.broadcast("account/login/completed", { loginId: null, success: true, error: null });
        fanout.broadcast("account/updated", { authMode: "apikey", planType: null });
      });
      return { type: "apiKey" };
    },
    // Only logins through a browser wait for anything, and there are none.
    "account/login/cancel": () => ({ status: "notFound" }),
    "account/logout": (_, context) => {
      removeStoredAuth(codexHome);
      context.after(() => fanout.broadcast("account/updated", { authMode: null, planType: null }));
      return {};
    },
  };
}
