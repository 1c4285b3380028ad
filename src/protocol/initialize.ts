/** `initialize` and `initialized`: how a client introduces itself. Data only. */
import * as z from "zod";
import { MaybeString } from "./fields.ts";
import { clientNotification, memo, request } from "./method.ts";

const ClientInfo = memo(() =>
  z.object({ name: z.string(), title: MaybeString(), version: z.string() }).meta({
    id: "ClientInfo",
  })
);

const Capabilities = memo(() =>
  z.object({
    experimentalApi: z.boolean().default(false),
    optOutNotificationMethods: z.array(z.string()).nullish(),
    // Names of what a client wants beyond upstream's protocol; see `extensions.ts`.
    // Not `extensions`, which newer servers of Codex take for settings of MCP.
    sessionExtensions: z.array(z.string()).nullish(),
  }).meta({ id: "InitializeCapabilities" })
);

/** What a client says about itself; `initialize_params.ts` parses the same by hand. */
export const InitializeParams = memo(() =>
  z.object({ clientInfo: ClientInfo(), capabilities: Capabilities().nullish() }).meta({
    id: "InitializeParams",
  })
);

/** Requests whose method starts with `initialize`. */
export const requests = {
  "initialize": request({
    doc: "Introduces the client; must be the first request of a connection and may be sent once.",
    params: InitializeParams,
    result: () =>
      z.object({
        userAgent: z.string(),
        codexHome: z.string(),
        platformFamily: z.string(),
        platformOs: z.string(),
        // For clients that asked for extensions: those that they get, and their own name in `clients`.
        sessionExtensions: z.array(z.string()).optional(),
        clientId: z.string().optional(),
        methods: z.array(z.string()).optional(),
      }).meta({ id: "InitializeResponse" }),
    ordering: "concurrent",
  }),
};

/** Notifications from the client to the server. */
export const clientNotifications = {
  "initialized": clientNotification({
    doc: "Confirms that the client has read the answer to `initialize`.",
    params: null,
  }),
};
