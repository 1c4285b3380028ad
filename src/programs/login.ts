/** `codex login`: stores an API key or shows what is stored; must not sign in over the network. */
import { isKeyText } from "../account/auth.ts";
import { loginStatus, saveApiKey } from "../account/login.ts";
import { CliError } from "../lib/errors.ts";
import { codexHomeOf, type Host, type Invocation } from "./host.ts";
import { KEY_QUESTION } from "./key_question.ts";
import { canPrompt, openPrompt } from "./prompt.ts";

/** Runs `login`, `login --with-api-key` or `login status`. */
export async function run({ args, host }: Invocation): Promise<number> {
  if (args.path.includes("status")) return await printStatus(host);
  if (args.isSet("with-api-key")) return await storeKey(host);
  if (canPrompt(host)) return await askForKey(host);
  throw new CliError(
    "Signing in with ChatGPT is not available; store an API key with " +
      "`printenv OPENAI_API_KEY | codex login --with-api-key`, set OPENAI_API_KEY, or use a model " +
      "that needs none: `-c model_provider=demo` or `--oss`",
  );
}

async function printStatus(host: Host): Promise<number> {
  const status = await loginStatus(codexHomeOf(host));
  // Upstream prints on stderr, and scripts ask for the exit code.
  host.stderr.write(`${status ?? "Not logged in"}\n`);
  return status === null ? 1 : 0;
}

async function askForKey(host: Host): Promise<number> {
  const prompt = await openPrompt(host);
  saveApiKey(codexHomeOf(host), await prompt.secret(KEY_QUESTION));
  host.stderr.write("Successfully logged in\n");
  return 0;
}

async function storeKey(host: Host): Promise<number> {
  if (host.stdin.isTerminal) {
    host.stderr.write(
      "--with-api-key expects the API key on stdin. Try piping it, e.g. " +
        "`printenv OPENAI_API_KEY | codex login --with-api-key`.\n",
    );
    return 1;
  }
  host.stderr.write("Reading API key from stdin...\n");
  const key = (await host.stdin.readAll()).trim();
  if (key === "") {
    host.stderr.write("No API key provided via stdin.\n");
    return 1;
  }
  if (!isKeyText(key)) {
    throw new CliError("The text on stdin is not an API key: it has blanks or unusual characters");
  }
  saveApiKey(codexHomeOf(host), key);
  host.stderr.write("Successfully logged in\n");
  return 0;
}
