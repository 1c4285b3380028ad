/** What the model is told besides the conversation: once, again when it changes, and per turn. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { ModelRequest } from "../../src/agent/model/port.ts";
import type { Client } from "../../src/client/client.ts";
import type { Params } from "../../src/protocol/mod.ts";
import { startMockModel } from "../support/mock_model.ts";
import { gate, say } from "../support/scripted_model.ts";
import { startServer, type TestServer, text } from "../support/server.ts";
import { runTurn } from "./turn_steps.ts";

/** A message of the input as `role: text`; other items as their type. */
function messages(request: Pick<ModelRequest, "input"> | undefined): string[] {
  return (request?.input ?? []).map((item) =>
    item.type === "message"
      ? `${item.role}: ${item.content.map((part) => part.text ?? part.type).join(" ")}`
      : item.type
  );
}

/** What a request says that the one before did not. */
function added(requests: readonly ModelRequest[], index: number): string[] {
  const before = messages(requests[index - 1]).length;
  return messages(requests[index]).slice(before);
}

async function startThread(client: Client, params: Params<"thread/start"> = {}): Promise<string> {
  return (await client.request("thread/start", params)).thread.id;
}

/** A turn with overrides, to its end. */
async function turnWith(
  client: Client,
  params: Omit<Params<"turn/start">, "input"> & Partial<Pick<Params<"turn/start">, "input">>,
): Promise<void> {
  const { turn } = await client.request("turn/start", { input: text("next"), ...params });
  const completed = await client.next("turn/completed", (event) => event.turn.id === turn.id);
  assert.equal(completed.turn.status, "completed");
}

async function projectDocs(server: TestServer): Promise<string> {
  const sub = join(server.project, "sub");
  await Deno.mkdir(join(server.project, ".git"));
  await Deno.mkdir(sub);
  await Deno.writeTextFile(join(server.home, "home", "AGENTS.md"), "Everywhere: be kind.");
  await Deno.writeTextFile(join(server.project, "AGENTS.md"), "In the project: use tabs.");
  await Deno.writeTextFile(join(sub, "AGENTS.md"), "In the folder: no tabs.");
  return sub;
}

Deno.test("the first request tells permissions, surroundings and instruction files", async () => {
  await using server = await startServer({ responses: [say("hi")] });
  const cwd = await projectDocs(server);
  const client = await server.connect();
  await runTurn(client, await startThread(client, { cwd }), "the prompt");
  const [request] = server.model.requests;
  const told = messages(request);
  assert.equal(told.at(-1), "user: the prompt");
  const [permissions] = told.filter((line) => line.startsWith("developer: <permissions>"));
  assert.match(permissions ?? "", /without a sandbox[\s\S]*the user is asked before every patch/);
  const [environment] = told.filter((line) => line.startsWith("user: <environment_context>"));
  assert.ok(environment?.includes(`<cwd>${cwd}</cwd>`));
  assert.match(environment ?? "", /<shell>.*bash<\/shell>/);
  assert.match(environment ?? "", /<current_date>\d{4}-\d\d-\d\d<\/current_date>/);
  assert.match(environment ?? "", /<timezone>UTC<\/timezone>/);
  const [docs] = told.filter((line) => line.startsWith("user: # AGENTS.md instructions"));
  assert.match(docs ?? "", /be kind[\s\S]*use tabs[\s\S]*no tabs/);
  assert.equal(told.length, 4);
  assert.match(request?.instructions ?? "", /coding agent/);
});

Deno.test("a project without instruction files is told nothing about them", async () => {
  await using server = await startServer({ responses: [say("hi")] });
  const client = await server.connect();
  await runTurn(client, await startThread(client), "hi");
  assert.doesNotMatch(messages(server.model.requests[0]).join("\n"), /AGENTS\.md/);
});

Deno.test("the second turn repeats nothing", async () => {
  await using server = await startServer({ responses: [say("hi"), say("ho")] });
  const cwd = await projectDocs(server);
  const client = await server.connect();
  const threadId = await startThread(client, { cwd });
  await runTurn(client, threadId, "one");
  await runTurn(client, threadId, "two");
  assert.deepEqual(added(server.model.requests, 1), ["assistant: hi", "user: two"]);
});

Deno.test("changed permissions are told again, alone, and hold from then on", async () => {
  await using server = await startServer({ responses: [say("1"), say("2"), say("3")] });
  const client = await server.connect();
  const threadId = await startThread(client);
  await runTurn(client, threadId, "one");
  await turnWith(client, {
    threadId,
    approvalPolicy: "never",
    sandboxPolicy: { type: "readOnly", networkAccess: false },
  });
  const [, permissions, ...rest] = added(server.model.requests, 1);
  assert.match(permissions ?? "", /^developer: <permissions>[\s\S]*nothing can be written/);
  assert.match(permissions ?? "", /nobody will be asked/);
  assert.deepEqual(rest, ["user: next"]);
  await runTurn(client, threadId, "three");
  assert.deepEqual(added(server.model.requests, 2), ["assistant: 2", "user: three"]);
});

Deno.test("another folder brings its surroundings and its instruction files", async () => {
  await using server = await startServer({ responses: [say("1"), say("2")] });
  const sub = await projectDocs(server);
  const client = await server.connect();
  const threadId = await startThread(client);
  await runTurn(client, threadId, "one");
  assert.doesNotMatch(messages(server.model.requests[0]).join("\n"), /no tabs/);
  await turnWith(client, { threadId, cwd: sub });
  const [, environment, docs, ...rest] = added(server.model.requests, 1);
  assert.ok(environment?.includes(`<cwd>${sub}</cwd>`));
  assert.match(docs ?? "", /no tabs/);
  assert.deepEqual(rest, ["user: next"]);
});

Deno.test("an instruction file that was edited is told again", async () => {
  await using server = await startServer({ responses: [say("1"), say("2")] });
  await projectDocs(server);
  const client = await server.connect();
  const threadId = await startThread(client);
  await runTurn(client, threadId, "one");
  await Deno.writeTextFile(
    join(server.project, "AGENTS.md"),
    "In the project: use spaces, please.",
  );
  await runTurn(client, threadId, "two");
  const [, docs, ...rest] = added(server.model.requests, 1);
  assert.match(docs ?? "", /use spaces, please/);
  assert.deepEqual(rest, ["user: two"]);
});

Deno.test("steering adds the words alone, after the answer that they interrupt", async () => {
  await using server = await startServer({ responses: [[gate("one"), say("1")], say("2")] });
  const client = await server.connect();
  const threadId = await startThread(client);
  const { turn } = await client.request("turn/start", { threadId, input: text("one") });
  await server.model.reached("one");
  await client.request("turn/steer", {
    threadId,
    input: text("or two"),
    expectedTurnId: turn.id,
  });
  server.model.release("one");
  await client.next("turn/completed");
  assert.deepEqual(added(server.model.requests, 1), ["assistant: 1", "user: or two"]);
});

Deno.test("instructions of a client reach the model", async () => {
  await using server = await startServer({ responses: [say("hi")] });
  const client = await server.connect();
  const threadId = await startThread(client, {
    baseInstructions: "You are a poet.",
    developerInstructions: "Rhyme.",
  });
  await runTurn(client, threadId, "hi");
  const [request] = server.model.requests;
  assert.equal(request?.instructions, "You are a poet.");
  const told = messages(request).filter((line) => line.startsWith("developer: "));
  assert.ok(told.some((line) => line.includes("Rhyme.")));
});

Deno.test("overrides of a turn reach the provider; the schema is for that turn alone", async () => {
  await using mock = await startMockModel({ responses: [say("{}"), say("free")] });
  await using server = await startServer({ baseUrl: mock.url });
  const client = await server.connect();
  const threadId = await startThread(client);
  const outputSchema = {
    type: "object",
    properties: { title: { type: "string" } },
    required: ["title"],
    additionalProperties: false,
  };
  await turnWith(client, {
    threadId,
    model: "gpt-5.4",
    effort: "high",
    serviceTier: "default",
    outputSchema,
  });
  await runTurn(client, threadId, "freely");
  const bodies = mock.requests.map(({ body }) => body);
  assert.deepEqual(bodies.map(({ model }) => model), ["gpt-5.4", "gpt-5.4"]);
  assert.deepEqual(bodies.map(({ service_tier }) => service_tier), ["default", "default"]);
  for (const { reasoning } of bodies) assert.deepEqual(pick(reasoning, "effort"), "high");
  assert.deepEqual(pick(bodies[0]?.text, "format"), {
    type: "json_schema",
    name: "codex_output_schema",
    strict: true,
    schema: outputSchema,
  });
  assert.equal(pick(bodies[1]?.text, "format"), undefined);
});

function pick(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

Deno.test("a picture on the server's disk becomes a data URL, one on the net stays a link", async () => {
  await using server = await startServer({ responses: [say("I see")] });
  const path = join(server.project, "dot.png");
  await Deno.writeFile(path, Uint8Array.fromBase64(PNG));
  const client = await server.connect();
  const threadId = await startThread(client);
  const url = "https://example.invalid/cat.png";
  const input = [
    ...text("look"),
    { type: "localImage" as const, path },
    { type: "image" as const, url },
  ];
  const { turn } = await client.request("turn/start", { threadId, input });
  const { item } = await client.next("item/completed");
  assert.deepEqual(item.type === "userMessage" ? item.content : null, input);
  await client.next("turn/completed", (event) => event.turn.id === turn.id);
  const last = server.model.requests[0]?.input.at(-1);
  assert.deepEqual(last?.type === "message" ? last.content : null, [
    { type: "input_text", text: "look" },
    { type: "input_image", image_url: `data:image/png;base64,${PNG}` },
    { type: "input_image", image_url: url },
  ]);
});

Deno.test("a picture that is missing or no picture is told, and the turn goes on", async () => {
  await using server = await startServer({ responses: [say("Too bad")] });
  const fake = join(server.project, "fake.png");
  await Deno.writeTextFile(fake, "just text");
  const client = await server.connect();
  const threadId = await startThread(client);
  const paths = [join(server.project, "none.png"), fake, server.project];
  await turnWith(client, {
    threadId,
    input: paths.map((path) => ({ type: "localImage" as const, path })),
  });
  const told = messages(server.model.requests[0]).at(-1) ?? "";
  for (const path of paths) assert.ok(told.includes(`[image ${path} could not be read: `), path);
});
