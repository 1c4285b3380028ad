/** Shows the operations of a launcher as text for people; must not know what they are for. */
import { type Argument, flatten, indexOfLabel, type Operation, SLOTS } from "./script.ts";

/** One line per operation, in the order of their numbers; children are headed by what started them. */
export function explainOperations(operations: readonly Operation[]): string {
  const lines: string[] = [];
  const all = flatten(operations);
  const numbers = new Map(all.map((operation, index) => [operation, index]));
  const waiting = [{ title: "launcher", list: operations }];
  for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
    lines.push(`${part.title}:`);
    for (const operation of part.list) {
      lines.push(`  ${String(numbers.get(operation)).padStart(3)}  ${lineOf(operation, all)}`);
      if (operation.type === "fork") {
        waiting.push({ title: operation.title ?? operation.keep, list: operation.child });
      }
    }
  }
  return `${lines.join("\n")}\n`;
}

/** With where it goes on, if that is not the next line. */
function lineOf(operation: Operation, all: readonly Operation[]): string {
  const { then, otherwise } = { then: undefined, otherwise: undefined, ...operation };
  const after = then === undefined ? "" : `, then ${indexOfLabel(all, then)}`;
  const failing = otherwise === undefined
    ? ""
    : `, after a failure ${indexOfLabel(all, otherwise)}`;
  return `${textOf(operation)}${after}${failing}`;
}

function textOf(operation: Operation): string {
  switch (operation.type) {
    case "call": {
      const args = operation.args.map(argumentText).join(", ");
      const result = operation.expected === undefined ? "" : ` = ${operation.expected}`;
      const mayFail = operation.mayFail ? ", may fail" : "";
      return `${operation.call}(${args})${result}  # ${onOneLine(operation.name)}${mayFail}`;
    }
    case "fork":
      return `clone(SIGCHLD)  # ${operation.name}, which goes on below`;
    case "copy": {
      const { from, to } = operation;
      return `read(${from}, &copy, ${SLOTS.copy.bytes}), write(${to}, ...) until the end  # ${operation.name}`;
    }
    case "execute":
      return `execve(argv[2], &argv[3], envp)  # ${operation.name}`;
    case "supervise":
      return `rt_sigtimedwait, kill, wait4, exit_group  # ${operation.name}, then end as it did`;
  }
}

function argumentText(argument: Argument): string {
  if (typeof argument === "number" || typeof argument === "bigint") return String(argument);
  if (typeof argument === "string") return JSON.stringify(argument);
  return "slot" in argument ? `&${argument.slot}` : argument.text;
}

/** A path may hold a line break. */
function onOneLine(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
