/** Slash commands that change how the agent works; must not know how settings reach the server. */
import {
  loadModels,
  type Model,
  type ModelChoice,
  pickEffort,
  pickModel,
} from "../picker/models.ts";
import { permissionsText, pickPermissions } from "../picker/presets.ts";
import type { CommandContext, SlashCommand } from "./context.ts";

async function model(context: CommandContext, args: string): Promise<void> {
  const { session } = context;
  const { settings } = session;
  const current = settings && { model: settings.model, effort: settings.effort };
  const models = await loadModels(session.client, { current: current?.model ?? null });
  const onPick = (choice: ModelChoice) => chooseModel(context, choice);
  const options = { ...context, current, onPick };
  if (args === "") return pickModel(context, { ...options, models });
  chooseByWords(args, { context, models, options });
}

/** `/model NAME [EFFORT]`; a model that the server does not list is taken as it is, for providers that list none. */
function chooseByWords(
  args: string,
  { context, models, options }: {
    readonly context: CommandContext;
    readonly models: readonly Model[];
    readonly options: Omit<Parameters<typeof pickEffort>[1], "model">;
  },
): void {
  const [name = "", effort] = args.split(/\s+/);
  const found = models.find((one) =>
    one.model === name || one.id === name || one.displayName.toLowerCase() === name.toLowerCase()
  );
  if (effort !== undefined) return options.onPick({ model: found?.model ?? name, effort });
  if (found) return pickEffort(context, { ...options, model: found });
  context.conversation.notice("warning", `The server does not list the model ${name}`);
  options.onPick({ model: name, effort: null });
}

function chooseModel(
  { session, conversation }: CommandContext,
  { model, effort }: ModelChoice,
): void {
  session.change({ model, effort });
  const chosen = effort === null ? model : `${model} with effort ${effort}`;
  conversation.notice("info", `From the next turn on: ${chosen}`);
}

function permissions(context: CommandContext): void {
  const { session, conversation } = context;
  const { settings } = session;
  const current = settings &&
    { approvalPolicy: settings.approvalPolicy, sandbox: settings.sandbox };
  pickPermissions(context, {
    ...context,
    current,
    onPick: (chosen) => {
      session.change(chosen);
      conversation.notice("info", `From the next turn on: ${permissionsText(chosen)}`);
    },
  });
}

/** The commands. */
export const settingCommands: readonly SlashCommand[] = [
  {
    name: "model",
    doc: "choose the model and how hard it thinks",
    argumentHint: "[model] [effort]",
    needs: ["model/list"],
    whileRunning: true,
    run: model,
  },
  {
    name: "approvals",
    aliases: ["permissions"],
    doc: "choose what the agent may do without asking",
    whileRunning: true,
    run: permissions,
  },
];
