/** Questions that a yes or a no answers, besides commands and patches: permissions, and what MCP servers ask; must not know how they look. */
import type { FileChangeDecision } from "../protocol/approval.ts";
import { type Fields, fieldsIn, fieldsOf, listIn, textIn, textsIn } from "./fields.ts";

/** What a person is asked to agree to. */
export interface Consent {
  /** What it is about, in our words. */
  readonly title: string;
  /** Exactly what is asked, in the words of others; may have several lines. */
  readonly subject: string;
  readonly decisions: readonly FileChangeDecision[];
  /** What saying yes, and yes for longer, means. */
  readonly labels: { readonly accept: string; readonly acceptForSession: string };
  encode(decision: FileChangeDecision): unknown;
}

/** The request of the agent for more permissions. */
export function permissionsConsent(params: Fields): Consent {
  const asked = fieldsIn(params, "permissions");
  const granted = Object.fromEntries(
    ["network", "fileSystem"].filter((key) => asked[key] !== null && asked[key] !== undefined)
      .map((key) => [key, asked[key]]),
  );
  return {
    title: "Grant these permissions?",
    subject: permissionLines(asked).join("\n"),
    decisions: ["accept", "acceptForSession", "decline"],
    labels: {
      accept: "Yes, for this turn",
      acceptForSession: "Yes, for the rest of this session",
    },
    encode: (decision) => {
      const isYes = decision === "accept" || decision === "acceptForSession";
      const scope = decision === "acceptForSession" ? "session" : "turn";
      return { permissions: isYes ? granted : {}, scope };
    },
  };
}

/** What is asked for, each on a line of its own; nothing of it is left out. */
function permissionLines(asked: Fields): string[] {
  const files = fieldsIn(asked, "fileSystem");
  const { read: _read, write: _write, ...others } = files;
  const rest = Object.entries(others).filter(([, value]) => value !== null && value !== undefined);
  return [
    ...fieldsIn(asked, "network")["enabled"] === true ? ["Network access"] : [],
    ...textsIn(files, "read").map((path) => `Read ${path}`),
    ...textsIn(files, "write").map((path) => `Write ${path}`),
    ...rest.map(([key, value]) => `${key}: ${JSON.stringify(value)}`),
  ];
}

/** What an MCP server asks that needs no input: to open an address, or to go on with a call of a tool. */
export function elicitationConsent(params: Fields): Consent {
  const server = textIn(params, "serverName");
  const url = textIn(params, "url");
  const meta = fieldsIn(params, "_meta");
  const call = meta["tool_params"];
  const lasts = listIn(meta, "persist").includes("session") || meta["persist"] === "session";
  return {
    title: url === "" ? "An MCP server asks" : "An MCP server asks you to open an address",
    subject: [
      `${server}: ${textIn(params, "message")}`,
      ...url === "" ? [] : [url],
      ...call === undefined || call === null ? [] : [JSON.stringify(call)],
    ].join("\n"),
    decisions: lasts
      ? ["accept", "acceptForSession", "decline", "cancel"]
      : ["accept", "decline", "cancel"],
    labels: {
      accept: url === "" ? "Yes" : "Done, I have opened it",
      acceptForSession: "Yes, and do not ask again in this session",
    },
    encode: (decision) => {
      const isYes = decision === "accept" || decision === "acceptForSession";
      return {
        action: isYes ? "accept" : decision,
        content: isYes && url === "" ? {} : null,
        _meta: decision === "acceptForSession" ? { persist: "session" } : null,
      };
    },
  };
}

/** Whether a question of an MCP server is answered by a yes or no; else it has fields to fill in. */
export function needsNoInput(params: Fields): boolean {
  if (textIn(params, "url") !== "") return true;
  return Object.keys(fieldsIn(fieldsOf(params["requestedSchema"]), "properties")).length === 0;
}
