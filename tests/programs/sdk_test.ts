/** The official TypeScript SDK, oldest and newest, against our executable in each form. */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { type Form, FORMS } from "../support/forms.ts";
import { say } from "../support/mock_model.ts";
import { makePlace, type Place } from "./exec_process.ts";

/** Exact versions under the names that they are installed by. */
const SDKS = { "sdk-oldest": "0.120.0", "sdk-newest": "0.163.0" } as const;

/** As much of the SDK as the tests use. */
interface Sdk {
  readonly Codex: new (options: {
    readonly codexPathOverride: string;
    readonly apiKey?: string;
    readonly env: Readonly<Record<string, string>>;
  }) => {
    startThread(options: object): SdkThread;
    resumeThread(id: string, options: object): SdkThread;
  };
}

interface SdkThread {
  readonly id: string | null;
  run(input: unknown, options?: object): Promise<{
    readonly finalResponse: string;
    readonly items: readonly { readonly id: string; readonly type: string }[];
    readonly usage: { readonly input_tokens: number } | null;
  }>;
  runStreamed(
    input: string,
  ): Promise<{ readonly events: AsyncIterable<{ readonly type: string }> }>;
}

for (const [name, version] of Object.entries(SDKS)) {
  Deno.test(`SDK ${version} runs, streams, resumes and asks for a schema`, async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "codex_sdk_" });
    try {
      const sdk = await installSdk(folder, `${name}@npm:@openai/codex-sdk@${version}`);
      for (const form of FORMS) {
        const why = form.isMissing ? `, ignored: ${form.reason}` : "";
        await t.step({
          name: `${form.name}${why}`,
          ignore: form.isMissing,
          fn: () => useSdk(sdk, form),
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Everything that users of the SDK do with it. */
async function useSdk({ Codex }: Sdk, form: Form): Promise<void> {
  await using place = await makePlace(say("one"), say("two"), say("three"), say('{"a":1}'));
  const { PATH = "", HOME = "" } = Deno.env.toObject();
  const codex = new Codex({
    codexPathOverride: await executable(place, form),
    apiKey: "unused",
    env: { ...place.env, ...form.env, PATH, HOME },
  });
  const options = {
    model: "mock-model",
    sandboxMode: "read-only",
    workingDirectory: place.outside,
    additionalDirectories: [place.project],
    skipGitRepoCheck: true,
    modelReasoningEffort: "low",
    networkAccessEnabled: false,
    webSearchMode: "disabled",
    approvalPolicy: "never",
  };

  const thread = codex.startThread(options);
  const first = await thread.run("hi");
  assert.equal(first.finalResponse, "one");
  assert.deepEqual(first.items.map(({ type }) => type), ["agent_message"]);
  assert.ok((first.usage?.input_tokens ?? 0) > 0);

  const types: string[] = [];
  for await (const event of (await thread.runStreamed("again")).events) types.push(event.type);
  const turn = ["thread.started", "turn.started", "item.completed", "turn.completed"];
  assert.deepEqual(types, turn);

  assert.ok(thread.id);
  const resumed = await codex.resumeThread(thread.id, options).run("once more");
  assert.equal(resumed.finalResponse, "three");

  const schema = { type: "object", properties: { a: { type: "number" } } };
  const structured = await thread.run([{ type: "text", text: "as JSON" }], {
    outputSchema: schema,
  });
  assert.deepEqual(JSON.parse(structured.finalResponse), { a: 1 });
  const { body, headers } = await place.model.request(3);
  assert.deepEqual((body.text as { format: { schema: unknown } }).format.schema, schema);
  assert.match(JSON.stringify(body.input), /"hi".*"again".*"once more".*"as JSON"/);
  assert.equal(headers["originator"], "codex_sdk_ts");
}

/**
 * Installs one package with npm, without the real program that it depends on optionally: as an import of
 * this project it would download hundreds of megabytes that no test may use.
 */
async function installSdk(folder: string, spec: string): Promise<Sdk> {
  const { success, stderr } = await new Deno.Command("npm", {
    args: [
      "install",
      "--prefix",
      folder,
      "--omit=optional",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--prefer-offline",
      spec,
    ],
    stdout: "null",
    stderr: "piped",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const [name = ""] = spec.split("@npm:");
  return await import(pathToFileURL(`${folder}/node_modules/${name}/dist/index.js`).href);
}

/** The SDK starts one executable, so from source the words that start us go into a script. */
async function executable(place: Place, form: Form): Promise<string> {
  const [only = "", ...more] = form.command;
  if (more.length === 0) return only;
  const path = `${place.home}/codex`;
  const words = form.command.map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(path, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  return path;
}
