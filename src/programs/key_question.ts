/** How a person is asked for an API key; must not know what becomes of it. */
import { isKeyText } from "../account/auth.ts";
import type { LineQuestion } from "./prompt.ts";

/** The answer can be a key. */
export const KEY_QUESTION: LineQuestion = {
  message: "Paste an API key of OpenAI (it will not be shown)",
  check(text) {
    if (text === "") return "Paste the key, or press Ctrl-C to leave";
    return isKeyText(text) ? null : "That is not an API key: it has blanks or unusual characters";
  },
};
