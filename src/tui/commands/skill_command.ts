/** `/skills`: what the agent has instructions for; must not know how it uses them. */
import { sanitizeLine } from "../../lib/sanitize.ts";
import { openPicker } from "../picker/list_picker.ts";
import { fixedRows } from "../picker/rows.ts";
import type { CommandContext, SlashCommand } from "./context.ts";

async function listSkills(context: CommandContext): Promise<void> {
  const { session, conversation, composer } = context;
  const cwd = session.settings?.cwd;
  const { data } = await session.client.request(
    "skills/list",
    cwd === undefined ? {} : { cwds: [cwd] },
  );
  for (const { path, message } of data.flatMap(({ errors }) => errors)) {
    conversation.notice("warning", `The skill ${path} cannot be read: ${message}`);
  }
  const skills = data.flatMap((entry) => entry.skills).filter(({ enabled }) => enabled);
  if (skills.length === 0) return conversation.notice("info", "There are no skills here");
  openPicker<string>(context, {
    ...context,
    title: () => "Skills",
    emptyText: "There are no skills here",
    confirmHint: "puts it into the prompt",
    source: fixedRows(skills.map(({ name, description, shortDescription, path, scope }) => ({
      value: name,
      key: path,
      label: name,
      doc: shortDescription ?? description,
      preview: `${description}\n\n${scope} · ${path}`,
    }))),
    onPick: (name) => composer.insert(`$${sanitizeLine(name)} `),
  });
}

/** The commands. */
export const skillCommands: readonly SlashCommand[] = [
  {
    name: "skills",
    doc: "list what the agent has instructions for",
    needs: ["skills/list"],
    whileRunning: true,
    run: listSkills,
  },
];
