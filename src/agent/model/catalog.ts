/** What is known of models without asking anyone: efforts, context windows, names; must not know HTTP. */

/** One entry of `model/list`. */
export interface CatalogModel {
  readonly id: string;
  readonly model: string;
  /** Always null: a suggestion to upgrade blocks the terminal clients with a prompt. */
  readonly upgrade: null;
  readonly upgradeInfo: null;
  readonly availabilityNux: null;
  readonly displayName: string;
  readonly description: string;
  readonly hidden: boolean;
  readonly supportedReasoningEfforts: { reasoningEffort: Effort; description: string }[];
  readonly defaultReasoningEffort: Effort;
  readonly inputModalities: ("text" | "image")[];
  readonly supportsPersonality: boolean;
  readonly additionalSpeedTiers: string[];
  readonly isDefault: boolean;
}

/** The name of the built-in model that needs no network. */
export const DEMO_MODEL = "demo";

/** Only these may be sent: 0.120 clients refuse a list with any other effort. */
const EFFORTS = {
  none: "Answers at once, without reasoning",
  minimal: "Hardly any reasoning, the fastest answers",
  low: "Little reasoning, fast answers",
  medium: "A balance of speed and depth",
  high: "More reasoning for hard problems",
  xhigh: "The most reasoning, for the hardest problems",
} as const;
type Effort = keyof typeof EFFORTS;

interface KnownModel {
  readonly description: string;
  readonly efforts: readonly Effort[];
  readonly contextWindow: number;
  readonly images: boolean;
  readonly hidden?: true;
  /** Reasons, and summarises its reasoning when asked. */
  readonly summary: string | null;
}

/** The part of a 272,000 token window that upstream reports as usable: 95 %. */
const CODEX_WINDOW = 258_400;
const OSS_WINDOW = 124_518;

const KNOWN_MODELS: ReadonlyMap<string, KnownModel> = new Map(Object.entries({
  "gpt-5.2-codex": codex("Made for coding tasks.", ["low", "medium", "high", "xhigh"]),
  "gpt-5.4": codex("General model with strong coding.", ["low", "medium", "high", "xhigh"]),
  "gpt-5.3-codex": codex("Made for coding tasks.", ["low", "medium", "high", "xhigh"]),
  "gpt-5.1-codex-max": codex("Made for long coding tasks.", ["low", "medium", "high", "xhigh"]),
  "gpt-5.2": codex("General model.", ["low", "medium", "high", "xhigh"]),
  "gpt-5.1-codex-mini": codex("Smaller, faster and cheaper.", ["medium", "high"]),
  "gpt-5.1-codex": { ...codex("Made for coding tasks.", ["low", "medium", "high"]), hidden: true },
  "gpt-5.1": { ...codex("General model.", ["low", "medium", "high"]), hidden: true },
  "gpt-5-codex": { ...codex("Made for coding tasks.", ["low", "medium", "high"]), hidden: true },
  "gpt-5": { ...codex("General model.", ["minimal", "low", "medium", "high"]), hidden: true },
  "gpt-oss-120b": oss("Open weights, 120 billion parameters."),
  "gpt-oss-20b": oss("Open weights, 20 billion parameters."),
  "gpt-oss:120b": oss("Open weights, 120 billion parameters."),
  "gpt-oss:20b": oss("Open weights, 20 billion parameters."),
}));

function codex(description: string, efforts: readonly Effort[]): KnownModel {
  return { description, efforts, contextWindow: CODEX_WINDOW, images: true, summary: "auto" };
}

function oss(description: string): KnownModel {
  const efforts = ["low", "medium", "high"] as const;
  const window = { contextWindow: OSS_WINDOW, images: false, summary: null };
  return { description, efforts, ...window, hidden: true };
}

/**
 * The models that a provider offers, the configured one first and the only default. Only OpenAI's
 * provider, the one that needs its login, is known to have the others.
 * A model that is not known is listed as it is, without a choice of efforts.
 */
export function listModels(
  provider: { readonly requiresOpenaiAuth: boolean },
  configuredModel: string,
): readonly CatalogModel[] {
  const known = provider.requiresOpenaiAuth ? [...KNOWN_MODELS.keys()] : [];
  const others = known.filter((model) => model !== configuredModel);
  return [
    catalogModel(configuredModel, true),
    ...others.map((model) => catalogModel(model, false)),
  ];
}

/** The usable context window in tokens, or null for a model that is not known. */
export function contextWindowOf(model: string): number | null {
  if (model === DEMO_MODEL) return CODEX_WINDOW;
  return knownModel(model)?.contextWindow ?? null;
}

/** What a reasoning model is asked for unless the user says otherwise; null for all other models. */
export function reasoningDefaults(
  model: string,
): { readonly effort: string; readonly summary: string | null } | null {
  const known = knownModel(model);
  return known && { effort: "medium", summary: known.summary };
}

/** A name may have a vendor in front and a date behind. */
function knownModel(model: string): KnownModel | null {
  const name = model.slice(model.lastIndexOf("/") + 1);
  return KNOWN_MODELS.get(name) ?? KNOWN_MODELS.get(name.replace(/-\d{4}-\d{2}-\d{2}$/, "")) ??
    null;
}

function catalogModel(model: string, isDefault: boolean): CatalogModel {
  const known = knownModel(model);
  const efforts = known?.efforts ?? [];
  return {
    id: model,
    model,
    upgrade: null,
    upgradeInfo: null,
    availabilityNux: null,
    displayName: model,
    description: known?.description ?? describeUnknown(model),
    hidden: !isDefault && known?.hidden === true,
    supportedReasoningEfforts: efforts.map((effort) => ({
      reasoningEffort: effort,
      description: EFFORTS[effort],
    })),
    defaultReasoningEffort: known ? "medium" : "none",
    inputModalities: known?.images === false || model === DEMO_MODEL ? ["text"] : ["text", "image"],
    supportsPersonality: false,
    additionalSpeedTiers: [],
    isDefault,
  };
}

function describeUnknown(model: string): string {
  return model === DEMO_MODEL
    ? "Built-in rules for a first look, offline; not an AI."
    : "The model of your configuration.";
}
