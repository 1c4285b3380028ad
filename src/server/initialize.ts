/** The handshake of a client; must not load the schema library, which would double the start-up time. */
import { grantedExtensions } from "../protocol/extensions.ts";
import { METHOD_NAMES } from "../protocol/method_names.ts";
import { parseInitializeParams } from "../protocol/initialize_params.ts";
import type { IncomingRequest } from "../rpc/incoming_request.ts";
import { rpcCodes, RpcError } from "../rpc/jsonrpc.ts";
import { toRpcError } from "./errors.ts";
import type { Peer } from "./peer.ts";
import type { ServerIdentity } from "./server.ts";

/** What a header value may hold: visible ASCII, space and tab. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** How the process names itself to model providers and in files: after its first client (as upstream). */
export interface Originator {
  readonly name: string;
  readonly userAgent: string;
}

/** Answers `initialize`; returns the originator, which the first client of the process decides. */
export function initialize(peer: Peer, options: {
  readonly request: IncomingRequest;
  readonly identity: ServerIdentity;
  readonly originator: Originator | null;
}): Originator {
  const { request, identity } = options;
  if (peer.info) {
    throw new RpcError(rpcCodes.invalidRequest, "Already initialized", {
      reason: "alreadyInitialized",
    });
  }
  const { clientInfo, capabilities } = parse(request.params);
  const { name, version } = clientInfo;
  if (name === "" || !HEADER_VALUE.test(name)) {
    // deno-lint-ignore codex/error-message -- Upstream's words.
    throw new RpcError(
      rpcCodes.invalidRequest,
      `Invalid clientInfo.name: '${name}'. Must be a valid HTTP header value.`,
      { reason: "invalidClientName" },
    );
  }
  const originator = options.originator?.name ?? name;
  const userAgent =
    `${originator}/${identity.version} ${identity.platformText} (${name}; ${version})`;
  const asked = capabilities?.sessionExtensions ?? null;
  const extensions = grantedExtensions(asked ?? []);
  peer.initialize({
    name,
    version,
    experimentalApi: capabilities?.experimentalApi ?? false,
    optOut: new Set(capabilities?.optOutNotificationMethods ?? []),
    extensions: new Set(extensions),
  });
  request.reply({
    userAgent,
    codexHome: identity.codexHome,
    platformFamily: identity.platformFamily,
    platformOs: identity.platformOs,
    ...asked ? { sessionExtensions: extensions } : {},
    ...extensions.includes("clients") ? { clientId: peer.id } : {},
    ...extensions.includes("methods") ? { methods: METHOD_NAMES } : {},
  });
  return options.originator ?? { name, userAgent };
}

function parse(params: unknown): ReturnType<typeof parseInitializeParams> {
  try {
    return parseInitializeParams(params);
  } catch (error) {
    throw toRpcError(error);
  }
}
