/** The project's own lint rules, so that style is checked and not remembered; knows only syntax and paths. */
import { isBrowserClean, mayPrint, mayReadAmbient } from "./layers.ts";

const MAX_FUNCTION_LINES = 70;
const MAX_POSITIONAL_PARAMS = 2;

type Rule = Deno.lint.Rule;
type Context = Deno.lint.RuleContext;
type AnyFunction =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/** The path relative to the project; fixtures of the rules' tests start at the root, too. */
function pathOf(context: Context): string {
  const root = new URL("../", import.meta.url).pathname;
  const name = context.filename.replace(/^file:\/\//, "");
  return name.startsWith(root) ? name.slice(root.length) : name.replace(/^\//, "");
}

function isSource(path: string): boolean {
  return path === "main.ts" || path.startsWith("src/");
}

function isNamed(node: Deno.lint.Node, name: string): boolean {
  return node.type === "Identifier" && node.name === name;
}

/** `object.property` of a plain member expression, or an empty string. */
function memberText(node: Deno.lint.MemberExpression): string {
  if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return "";
  return node.computed ? "" : `${node.object.name}.${node.property.name}`;
}

const noTopLevelArrow: Rule = {
  create(context) {
    return {
      "Program > VariableDeclaration > VariableDeclarator > ArrowFunctionExpression": report,
      "Program > ExportNamedDeclaration > VariableDeclaration > VariableDeclarator > ArrowFunctionExpression":
        report,
    };
    function report(node: Deno.lint.Node): void {
      context.report({ node, message: "Write a top-level function as a function declaration" });
    }
  },
};

const maxPositionalParams: Rule = {
  create(context) {
    if (!isSource(pathOf(context))) return {};
    return {
      "ExportNamedDeclaration > FunctionDeclaration"(node: Deno.lint.FunctionDeclaration) {
        const params = node.params;
        const allowed = isOptions(params.at(-1))
          ? MAX_POSITIONAL_PARAMS + 1
          : MAX_POSITIONAL_PARAMS;
        if (params.length <= allowed) return;
        context.report({
          node,
          message: `At most ${MAX_POSITIONAL_PARAMS} positional params, then an options object`,
        });
      },
    };
  },
};

function isOptions(param: Deno.lint.Parameter | undefined): boolean {
  const target = param?.type === "AssignmentPattern" ? param.left : param;
  if (target?.type === "ObjectPattern") return true;
  return target?.type === "Identifier" &&
    /(options|deps|details|settings|init)$/i.test(target.name);
}

const noTypeAssertion: Rule = {
  create(context) {
    if (!isSource(pathOf(context))) return {};
    return {
      TSAsExpression(node) {
        if (/\bas const$/.test(context.sourceCode.getText(node))) return;
        context.report({ node, message: "Parse instead of asserting with `as`" });
      },
    };
  },
};

const noEmptyCatch: Rule = {
  create(context) {
    return {
      CatchClause(node) {
        if (node.body.body.length > 0) return;
        if (/\/[/*]\s*\S/.test(context.sourceCode.getText(node.body))) return;
        context.report({
          node,
          message: "An empty catch says in a comment why nothing is to be done",
        });
      },
    };
  },
};

const maxFunctionLines: Rule = {
  create(context) {
    if (pathOf(context).startsWith("tests/")) return {};
    return {
      FunctionDeclaration: check,
      FunctionExpression: check,
      ArrowFunctionExpression: check,
    };
    function check(node: AnyFunction): void {
      const lines = context.sourceCode.getText(node).split("\n").length;
      if (lines <= MAX_FUNCTION_LINES) return;
      context.report({
        node,
        message: `Function of ${lines} lines, at most ${MAX_FUNCTION_LINES}`,
      });
    }
  },
};

/** Errors whose text clients of the real program match on: their first letter is upstream's business. */
const WIRE_ERRORS = /^(Codex|Rpc|Model)Error$/;

const errorMessage: Rule = {
  create(context) {
    if (!isSource(pathOf(context))) return {};
    return {
      NewExpression(node) {
        if (node.callee.type !== "Identifier" || !node.callee.name.endsWith("Error")) return;
        const text = messageText(node.arguments, WIRE_ERRORS.test(node.callee.name) ? 1 : 0);
        // `error: ` is how the real program's argument parser starts, and clients know its texts.
        if (text === null || text.startsWith("error: ")) return;
        if (/[^.]\.$/.test(text)) {
          context.report({ node, message: "An error message has no final period" });
        }
        if (/^[a-z]/.test(text) && !WIRE_ERRORS.test(node.callee.name)) {
          context.report({ node, message: "An error message starts with a capital letter" });
        }
      },
    };
  },
};

/** The literal text of an argument; interpolations count as one character in the middle. */
function messageText(args: readonly Deno.lint.Node[], index: number): string | null {
  const argument = args[index];
  if (argument?.type === "Literal") {
    return typeof argument.value === "string" ? argument.value : null;
  }
  if (argument?.type !== "TemplateLiteral") return null;
  return argument.quasis.map((quasi) => quasi.cooked).join("_");
}

const browserClean: Rule = {
  create(context) {
    if (!isBrowserClean(pathOf(context))) return {};
    return {
      MemberExpression(node) {
        if (!isNamed(node.object, "Deno") && !isNamed(node.object, "process")) return;
        context.report({ node, message: "A browser loads this file: no Deno and no process" });
      },
      ImportDeclaration(node) {
        if (!node.source.value.startsWith("node:")) return;
        context.report({ node, message: "A browser loads this file: no node: modules" });
      },
    };
  },
};

const AMBIENT = new Set([
  "Deno.env",
  "Deno.cwd",
  "Deno.args",
  "Date.now",
  "Math.random",
  "crypto.randomUUID",
  "crypto.getRandomValues",
  "process.env",
  "process.cwd",
  "process.argv",
]);

const noAmbientInput: Rule = {
  create(context) {
    if (mayReadAmbient(pathOf(context))) return {};
    return {
      MemberExpression(node) {
        const text = memberText(node);
        if (!AMBIENT.has(text)) return;
        context.report({ node, message: `${text} is read in programs and passed down` });
      },
      NewExpression(node) {
        if (!isNamed(node.callee, "Date") || node.arguments.length > 0) return;
        context.report({ node, message: "The clock is a port: new Date() is read in programs" });
      },
    };
  },
};

const noConsole: Rule = {
  create(context) {
    if (mayPrint(pathOf(context))) return {};
    return {
      MemberExpression(node) {
        if (!isNamed(node.object, "console")) return;
        context.report({ node, message: "Log through the Logger port" });
      },
    };
  },
};

const noDefaultExport: Rule = {
  create(context) {
    // The lint plugin interface itself asks for a default export.
    if (pathOf(context) === "scripts/lint_plugin.ts") return {};
    return {
      ExportDefaultDeclaration(node) {
        context.report({ node, message: "Export by name" });
      },
    };
  },
};

const plugin: Deno.lint.Plugin = {
  name: "codex",
  rules: {
    "no-top-level-arrow": noTopLevelArrow,
    "max-positional-params": maxPositionalParams,
    "no-type-assertion": noTypeAssertion,
    "no-empty-catch": noEmptyCatch,
    "max-function-lines": maxFunctionLines,
    "error-message": errorMessage,
    "browser-clean": browserClean,
    "no-ambient-input": noAmbientInput,
    "no-console": noConsole,
    "no-default-export": noDefaultExport,
  },
};
export default plugin;
