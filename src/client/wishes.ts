/** What a thread was asked to be like, to be said again to a server that loads it anew; must not know connections. */

/** Params of the requests that open a thread, without those that say which one. */
export type Wishes = Readonly<Record<string, unknown>>;

/** A new server does not know these; upstream's goes by its configuration where nobody says them. */
const KEPT = [
  ...["model", "modelProvider", "cwd", "approvalPolicy", "approvalsReviewer", "sandbox", "config"],
  ...["baseInstructions", "developerInstructions", "personality", "serviceTier"],
  "persistExtendedHistory",
];
/** Members of `turn/start` that hold for the turns after it, under the names that they have there as here. */
const CHANGED_BY_TURNS = [
  ...["model", "cwd", "approvalPolicy", "approvalsReviewer", "personality", "serviceTier"],
];
/** Those that only the configuration of an opening has. */
const CONFIG_OF_TURNS = { effort: "model_reasoning_effort", summary: "model_reasoning_summary" };
/** An opening takes a word for the policy; what the environment enforces has none. */
const SANDBOX_MODES: Readonly<Record<string, string>> = {
  dangerFullAccess: "danger-full-access",
  readOnly: "read-only",
  workspaceWrite: "workspace-write",
};

/** What the params of `thread/start`, `thread/resume` or `thread/fork` ask for. */
export function wishesOf(params: unknown): Wishes {
  return pick(params, KEPT);
}

/** The wishes that hold after a turn with these params has begun. */
export function wishesAfter(wishes: Wishes, params: unknown): Wishes {
  const { sandboxPolicy } = Object(params);
  const mode = SANDBOX_MODES[Object(sandboxPolicy).type];
  const config = Object.entries(CONFIG_OF_TURNS).map(([name, key]) => [key, Object(params)[name]])
    .filter(([, value]) => isSaid(value));
  return {
    ...wishes,
    ...pick(params, CHANGED_BY_TURNS),
    ...mode === undefined ? {} : { sandbox: mode },
    ...config.length === 0
      ? {}
      : { config: { ...Object(wishes.config), ...Object.fromEntries(config) } },
  };
}

function pick(params: unknown, names: readonly string[]): Wishes {
  const given = Object.entries(Object(params));
  return Object.fromEntries(given.filter(([name, value]) => names.includes(name) && isSaid(value)));
}

/** Null leaves a choice to the server, as saying nothing does. */
function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null;
}
