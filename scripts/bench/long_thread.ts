/** Writes a long thread into a home, in the format that every server of the protocol reads; knows no server. */

/** Items of a turn: what the person said, what the model answered. */
const TURN_ITEMS = 2;
const ANSWER = "The parser keeps **one** cursor, and `advance()` moves it:\n\n" +
  "```ts\nconst next = tokens[++cursor];\n```\n\n- it never goes back\n- it says where it stands\n";

/** A thread of so many items, whose last one is `last`; returns its ID. */
export async function writeLongThread(
  home: string,
  { cwd, items, last }: { readonly cwd: string; readonly items: number; readonly last: string },
): Promise<string> {
  const id = "01a1fbdf-6615-7611-bb58-73a2f5712d39";
  const at = "2026-11-20T10:00:00.000Z";
  const line = (type: string, payload: unknown) =>
    `${JSON.stringify({ timestamp: at, type, payload })}\n`;
  const lines = [line("session_meta", {
    id,
    timestamp: at,
    cwd,
    originator: "codex-tui",
    cli_version: "0.120.0",
    source: "cli",
    model_provider: "mock",
    base_instructions: { text: "" },
  })];
  const turns = Math.ceil(items / TURN_ITEMS);
  for (let index = 0; index < turns; index++) {
    lines.push(...turnLines(line, {
      turnId: `01a1fbdf-ae1f-7730-80e9-${index.toString(16).padStart(12, "0")}`,
      cwd,
      prompt: `Explain part ${index}`,
      answer: index === turns - 1 ? last : ANSWER,
    }));
  }
  const folder = `${home}/sessions/2026/11/20`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/rollout-2026-11-20T10-00-00-${id}.jsonl`, lines.join(""));
  return id;
}

function turnLines(
  line: (type: string, payload: unknown) => string,
  { turnId, cwd, prompt, answer }: {
    readonly turnId: string;
    readonly cwd: string;
    readonly prompt: string;
    readonly answer: string;
  },
): string[] {
  const message = (role: string, type: string, text: string) =>
    line("response_item", { type: "message", role, content: [{ type, text }] });
  return [
    line("event_msg", {
      type: "task_started",
      turn_id: turnId,
      started_at: 1_795_168_800,
      model_context_window: 258_400,
      collaboration_mode_kind: "default",
    }),
    line("turn_context", {
      turn_id: turnId,
      cwd,
      approval_policy: "never",
      sandbox_policy: { type: "danger-full-access" },
      model: "mock-model",
      summary: "auto",
    }),
    message("user", "input_text", prompt),
    line("event_msg", {
      type: "user_message",
      message: prompt,
      images: [],
      local_images: [],
      text_elements: [],
    }),
    line("event_msg", { type: "agent_message", message: answer, phase: null }),
    message("assistant", "output_text", answer),
    line("event_msg", {
      type: "task_complete",
      turn_id: turnId,
      last_agent_message: answer,
      completed_at: 1_795_168_801,
      duration_ms: 1000,
    }),
  ];
}
