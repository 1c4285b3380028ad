/** A small program that asks one question on its terminal and prints the answer as JSON, for tests; asserts nothing. */
import { systemHost } from "../../src/programs/host.ts";
import { openPrompt } from "../../src/programs/prompt.ts";
import { reportFailure } from "../../src/programs/failure.ts";

const host = systemHost();

function check(text: string): string | null {
  return text.length >= 3 ? null : "Too short\u001b[31m!";
}

/** What can be asked for. */
const QUESTIONS = {
  choose: async () =>
    (await openPrompt(host)).choose({
      message: "Which one \u001b]52;c;aGk=\u0007of\tthese?",
      choices: [
        { value: "a", label: "Alpha" },
        { value: "b", label: "Be\u001b[2Jta", hint: "the \u202esecond" },
        { value: "c", label: "A label that is longer than a narrow screen is wide" },
      ],
      initial: "b",
    }),
  confirm: async () =>
    (await openPrompt(host)).confirm({
      message: "Is it so?",
      yes: "It is",
      no: "It is not",
      initial: false,
    }),
  secret: async () => (await openPrompt(host)).secret({ message: "The secret", check }),
  text: async () => (await openPrompt(host)).text({ message: "The name", initial: "Ada", check }),
  twice: async () => {
    const prompt = await openPrompt(host);
    const first = await prompt.text({ message: "First", initial: "one", check });
    prompt.say("Between the two");
    return [first, await prompt.text({ message: "Second", initial: "two", check })];
  },
  // What is typed after the answer belongs to somebody else.
  then: async () => {
    await QUESTIONS.confirm();
    host.stdout.write("yours\n");
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", 'read -r line; printf %s "$line"'],
      stdin: "inherit",
    }).output();
    return new TextDecoder().decode(stdout);
  },
} as const satisfies Readonly<Record<string, () => Promise<unknown>>>;

const entry = Object.entries(QUESTIONS).find(([name]) => name === Deno.args[0]);
try {
  host.stdout.write(`answer: ${JSON.stringify(await entry?.[1]())}\n`);
  Deno.exit(0);
} catch (error) {
  Deno.exit(reportFailure(error));
}
