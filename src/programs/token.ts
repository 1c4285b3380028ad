/** `codex app-server token`: makes secrets and signed tokens for listeners; must not know what a listener does with them. */
import { SignJWT } from "jose";
import type { Args } from "../cli/args.ts";
import { durationSeconds } from "../cli/token_command.ts";
import { absolutePath } from "../lib/absolute_path.ts";
import { CliError, invariant, messageOf } from "../lib/errors.ts";
import { sha256 } from "../server/auth/capability_token.ts";
import { openSigningSecret } from "../server/auth/ws_auth.ts";
import type { Host } from "./host.ts";
import { withDisposed } from "../lib/with_disposed.ts";

const SECRET_BYTES = 32;
const SECRET_MODE = 0o600;
const DEFAULT_DURATION = "1h";

/** Runs `token new` or `token mint`. */
export async function token(args: Args, host: Host): Promise<number> {
  if (args.path.includes("mint")) await mint(args, host);
  else makeSecret(absolutePath(args.text("FILE") ?? "", host.cwd), host);
  return 0;
}

/** The secret itself is never printed: a terminal keeps what it has shown. */
function makeSecret(path: string, host: Host): void {
  const secret = host.randomBytes(SECRET_BYTES).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
  try {
    const bytes = new TextEncoder().encode(`${secret}\n`);
    const options = { createNew: true, write: true, mode: SECRET_MODE } as const;
    withDisposed(Deno.openSync(path, options), (file) => file.writeSync(bytes));
  } catch (error) {
    const isThere = error instanceof Deno.errors.AlreadyExists;
    const why = isThere
      ? "it exists; remove it first if nobody uses it any more"
      : messageOf(error);
    throw new CliError(`Cannot make ${path}: ${why}`, 1, { cause: error });
  }
  host.stdout.write(`${path}\n`);
  host.stderr.write(
    `SHA-256 of the token: ${sha256(secret).toHex()}\n` +
      `Start with: --ws-auth capability-token --ws-token-file ${path}\n` +
      `or with:    --ws-auth signed-bearer-token --ws-shared-secret-file ${path}\n`,
  );
}

async function mint(args: Args, host: Host): Promise<void> {
  const path = args.text("ws-shared-secret-file");
  const seconds = durationSeconds(args.text("expires-in") ?? DEFAULT_DURATION);
  invariant(path !== null && seconds !== null, "The command line was checked");
  const now = Math.floor(host.clock.now() / 1000);
  const jwt = new SignJWT().setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt(now).setExpirationTime(now + seconds);
  const [issuer, audience] = [args.text("ws-issuer"), args.text("ws-audience")];
  const subject = args.text("subject");
  if (issuer !== null) jwt.setIssuer(issuer);
  if (audience !== null) jwt.setAudience(audience);
  if (subject !== null) jwt.setSubject(subject);
  const warn = (text: string) => void host.stderr.write(`${text}\n`);
  const secret = openSigningSecret(absolutePath(path, host.cwd), warn).current();
  invariant(secret !== null, "A file that was just read is there");
  host.stdout.write(`${await jwt.sign(new TextEncoder().encode(secret))}\n`);
}
