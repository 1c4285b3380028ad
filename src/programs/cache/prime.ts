/** Loads all code once, so that V8's code cache is stored for it; must not run any of ours. */

/**
 * Loads every chunk of the bundle and the parts of the runtime that programs use lazily.
 *
 * Only what something else loads lazily, too, may stand here: any other name would become a chunk of its own
 * and cost every start a file more. A test finds what is missing. The runtime stores the code of a module
 * before the `import()` of it resolves, so nothing is lost when the process ends right after this.
 */
export async function loadEverything(): Promise<void> {
  await Promise.all([
    loadRuntime(),
    loadPrograms(),
    loadInterface(),
    loadServer(),
    loadProtocol(),
    loadPackages(),
  ]);
}

/** The runtime loads some of its own code when a name is first read, and some with the first call. */
async function loadRuntime(): Promise<void> {
  void [Deno.Command, Deno.serve, Deno.upgradeWebSocket, globalThis.WebSocket];
  const { createHash } = await import("node:crypto");
  createHash("sha256");
  const response = await fetch("data:,");
  await response.body?.cancel();
}

async function loadPrograms(): Promise<void> {
  await Promise.all([
    import("../../cli/help.ts"),
    import("../app_server.ts"),
    import("../app_server/auth.ts"),
    import("../app_server/sockets.ts"),
    import("../completion.ts"),
    import("../doctor.ts"),
    import("../doctor/inspect.ts"),
    import("../exec.ts"),
    import("../exec_server.ts"),
    import("../exec_server/tasks.ts"),
    import("../failure.ts"),
    import("../features.ts"),
    import("../first_questions.ts"),
    import("../generate.ts"),
    import("../log_sink.ts"),
    import("../logging.ts"),
    import("../login.ts"),
    import("../logout.ts"),
    import("../prompt/clack.ts"),
    import("../prompt/keys.ts"),
    import("../prompt/plain.ts"),
    import("../sandbox.ts"),
    import("../special_folders.ts"),
    import("../systemd_unit.ts"),
    import("../token.ts"),
    import("../version.ts"),
  ]);
}

async function loadInterface(): Promise<void> {
  await Promise.all([
    import("../../config/providers.ts"),
    import("../../config/toml_edit.ts"),
    import("../../tui/render/lowlight.ts"),
    import("../../tui/server_methods.ts"),
    import("../tui.ts"),
    import("../tui/accept_fingerprint.ts"),
    import("../tui/attention_settings.ts"),
    import("../tui/choose_thread.ts"),
    import("../tui/connect_hint.ts"),
    import("../tui/plain_pick.ts"),
    import("../tui/remote_server.ts"),
    import("../tui/resolve_start.ts"),
    import("../tui/run_app.ts"),
  ]);
}

async function loadServer(): Promise<void> {
  await Promise.all([
    import("../../agent/model/chat.ts"),
    import("../../agent/model/demo.ts"),
    import("../../agent/model/responses.ts"),
    import("../../config/load.ts"),
    import("../../config/toml_index.ts"),
    import("../../config/upstream_features.ts"),
    import("../../exec/leader_image.ts"),
    import("../../exec/network_proxy.ts"),
    import("../../exec/network_proxy/domain_rules.ts"),
    import("../../exec/large_stdio.ts"),
    import("../../exec/pty.ts"),
    import("../../exec/sandbox/bubblewrap.ts"),
    import("../../exec/sandbox/landlock.ts"),
    import("../../exec/sandbox/launcher.ts"),
    import("../../exec/sandbox/seatbelt.ts"),
    import("../../server/auth/expiry.ts"),
    import("../../server/auth/signed_token.ts"),
    import("../../server/exec_server.ts"),
    import("../../server/listen.ts"),
    import("../../server/listen/network.ts"),
    import("../../server/listen/self_signed.ts"),
    import("../../server/methods/account.ts"),
    import("../../server/methods/command.ts"),
    import("../../server/methods/config.ts"),
    import("../../server/methods/fs.ts"),
    import("../../server/methods/fuzzy_file_search.ts"),
    import("../../server/methods/model.ts"),
    import("../../server/methods/skills.ts"),
    import("../../server/methods/thread.ts"),
    import("../../server/methods/turn.ts"),
    import("../../server/runtime.ts"),
    import("../../store/runtime_folders.ts"),
  ]);
}

async function loadProtocol(): Promise<void> {
  await Promise.all([
    import("../../protocol/account.ts"),
    import("../../protocol/approval.ts"),
    import("../../protocol/command.ts"),
    import("../../protocol/config.ts"),
    import("../../protocol/config_requirements.ts"),
    import("../../protocol/events.ts"),
    import("../../protocol/fs.ts"),
    import("../../protocol/fuzzy_file_search.ts"),
    import("../../protocol/initialize.ts"),
    import("../../protocol/model.ts"),
    import("../../protocol/schema.ts"),
    import("../../protocol/skills.ts"),
    import("../../protocol/thread.ts"),
    import("../../protocol/turn.ts"),
    import("../../protocol/typescript.ts"),
  ]);
}

async function loadPackages(): Promise<void> {
  await Promise.all([
    import("diff"),
    import("node:fs"),
    import("node:sqlite"),
    import("node:timers"),
    import("smol-toml"),
    import("toml-eslint-parser"),
    import("unbash"),
  ]);
}
