/** What tests of `fs/*` through a client have in common. */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** The default of test servers is full access; this takes its place. */
export async function startConfined(mode: "read-only" | "workspace-write"): Promise<TestServer> {
  const server = await startServer();
  const path = `${server.home}/home/config.toml`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace("danger-full-access", mode));
  return server;
}

/** Asserts code and message of a refusal, as clients see them. */
export async function refused(
  answer: Promise<unknown>,
  expected: { readonly code: number; readonly message: string | RegExp; readonly reason?: string },
): Promise<void> {
  await assert.rejects(answer, (error) => {
    assert.ok(error instanceof Error && "code" in error && "data" in error);
    assert.equal(error.code, expected.code, error.message);
    if (typeof expected.message === "string") assert.equal(error.message, expected.message);
    else assert.match(error.message, expected.message);
    if (expected.reason) assert.deepEqual(error.data, { reason: expected.reason });
    return true;
  });
}

/** Writes a file through the client. */
export async function put(client: Client, path: string, text: string): Promise<void> {
  await client.request("fs/writeFile", { path, dataBase64: btoa(text) });
}

/** Reads a file through the client. */
export async function get(client: Client, path: string): Promise<string> {
  return atob((await client.request("fs/readFile", { path })).dataBase64);
}
