/** Stores, shows and removes the API key; must not know the terminal. */
import { removeHomeFile, replaceHomeFile } from "../store/home_file.ts";
import { authFile, readStoredAuth } from "./auth.ts";

/** Writes `auth.json` in the format of Codex, readable by nobody else. */
export function saveApiKey(codexHome: string, apiKey: string): void {
  const content = { auth_mode: "apikey", OPENAI_API_KEY: apiKey };
  replaceHomeFile(authFile(codexHome), JSON.stringify(content, null, 2));
}

/** Removes what is stored; answers whether there was anything. */
export function removeStoredAuth(codexHome: string): boolean {
  return removeHomeFile(authFile(codexHome));
}

/** One line that says what is stored, in upstream's words; null when nobody is signed in. */
export async function loginStatus(codexHome: string): Promise<string | null> {
  const stored = await readStoredAuth(codexHome);
  if (stored?.apiKey) return `Logged in using an API key - ${maskKey(stored.apiKey)}`;
  return stored?.mode === "chatgpt"
    ? "Logged in using ChatGPT, which this program cannot use; run `codex login --with-api-key`"
    : null;
}

/** Enough of a key to recognise it: a short one is hidden whole. */
export function maskKey(key: string): string {
  return key.length <= 13 ? "***" : `${key.slice(0, 8)}***${key.slice(-5)}`;
}
