/** `account/*` requests. Data only. */
import * as z from "zod";
import { Empty, MaybeString } from "./fields.ts";
import { memo, request } from "./method.ts";

const Account = memo(() =>
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("apiKey") }),
    z.object({
      type: z.literal("chatgpt"),
      email: z.string().nullable(),
      planType: z.string(),
    }),
  ]).meta({ id: "Account" })
);

const LoginParams = memo(() =>
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("apiKey"), apiKey: z.string() }),
    // Known to upstream; the server answers these with an error that says what works.
    z.object({ type: z.literal("chatgpt") }),
    z.object({ type: z.literal("chatgptDeviceCode") }),
    z.object({
      type: z.literal("chatgptAuthTokens"),
      accessToken: z.string(),
      chatgptAccountId: z.string(),
      chatgptPlanType: MaybeString(),
    }),
  ]).meta({ id: "LoginAccountParams" })
);

// Reads and changes of the account see each other in the order in which they arrive.
const ordering = { global: "account" };

/** Requests whose method starts with `account/`. */
export const requests = {
  "account/read": request({
    doc: "Tells which account the server uses, if any, and whether its provider needs one.",
    params: () =>
      z.object({ refreshToken: z.boolean().optional() }).meta({ id: "GetAccountParams" }),
    result: () =>
      z.object({ account: Account().nullable(), requiresOpenaiAuth: z.boolean() }).meta({
        id: "GetAccountResponse",
      }),
    ordering,
  }),
  "account/login/start": request({
    doc: "Stores an API key; other kinds of login are refused. " +
      "`account/login/completed` and `account/updated` follow.",
    params: LoginParams,
    result: () => z.object({ type: z.literal("apiKey") }).meta({ id: "LoginAccountResponse" }),
    ordering,
  }),
  "account/login/cancel": request({
    doc: "Cancels a login that waits for the user.",
    params: () => z.object({ loginId: z.string() }).meta({ id: "CancelLoginAccountParams" }),
    result: () =>
      z.object({ status: z.enum(["canceled", "notFound"]) }).meta({
        id: "CancelLoginAccountResponse",
      }),
    ordering,
  }),
  "account/logout": request({
    doc: "Forgets the stored credentials; `account/updated` follows.",
    params: null,
    result: Empty,
    ordering,
  }),
};
