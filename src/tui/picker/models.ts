/** Choosing a model and how hard it thinks; must not know what is done with the choice. */
import { pagesOf } from "../../client/pages.ts";
import type { ReconnectingClient } from "../../client/reconnect.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Result } from "../../protocol/mod.ts";
import type { PaneHost, ViewOptions } from "../pane/view.ts";
import { openPicker } from "./list_picker.ts";
import { fixedRows, type PickerRow } from "./rows.ts";

/** A model that the server offers. */
export type Model = Result<"model/list">["data"][number];

/** What was chosen; an effort of null is the one of the model itself. */
export interface ModelChoice {
  readonly model: string;
  readonly effort: string | null;
}

export interface ModelPickerOptions extends ViewOptions {
  readonly models: readonly Model[];
  readonly clock: Clock;
  readonly current: ModelChoice | null;
  onPick(choice: ModelChoice): void;
}

/** All models that people may choose; a hidden one only when it is in use. */
export async function loadModels(
  client: Pick<ReconnectingClient, "request">,
  { current }: { readonly current: string | null },
): Promise<Model[]> {
  const models: Model[] = [];
  const pages = pagesOf((cursor) => client.request("model/list", { cursor, includeHidden: true }));
  for await (const { data } of pages) models.push(...data);
  return models.filter(({ hidden, model }) => !hidden || model === current);
}

/** Shows the models, then the efforts of the one that was chosen, if there are several. */
export function pickModel(host: PaneHost, options: ModelPickerOptions): void {
  const { models, current } = options;
  openPicker<Model>(host, {
    ...options,
    title: () => "Model",
    emptyText: "The server offers no models",
    source: fixedRows(models.map((model) => modelRow(model, current))),
    initialKey: models.find(({ model }) => model === current?.model)?.id,
    onPick: (model) => pickEffort(host, { ...options, model }),
  });
}

/** Shows the efforts of a model; one that has none or one is taken as it is. */
export function pickEffort(
  host: PaneHost,
  options: Omit<ModelPickerOptions, "models"> & { readonly model: Model },
): void {
  const { model, current, onPick } = options;
  const efforts = model.supportedReasoningEfforts;
  if (efforts.length < 2) {
    return onPick({ model: model.model, effort: efforts[0]?.reasoningEffort ?? null });
  }
  const inUse = current?.model === model.model ? current.effort : null;
  openPicker<string>(host, {
    ...options,
    title: () => `Reasoning effort of ${model.displayName}`,
    emptyText: "The model has no efforts",
    initialKey: inUse ?? model.defaultReasoningEffort,
    source: fixedRows(efforts.map(({ reasoningEffort, description }) => ({
      value: reasoningEffort,
      key: reasoningEffort,
      label: reasoningEffort === model.defaultReasoningEffort
        ? `${reasoningEffort} (default)`
        : reasoningEffort,
      doc: description,
      sign: reasoningEffort === inUse ? "current" : undefined,
    }))),
    onPick: (effort) => onPick({ model: model.model, effort }),
  });
}

function modelRow(model: Model, current: ModelChoice | null): PickerRow<Model> {
  return {
    value: model,
    key: model.id,
    label: model.isDefault ? `${model.displayName} (default)` : model.displayName,
    doc: model.description,
    sign: model.model === current?.model ? "current" : undefined,
  };
}
