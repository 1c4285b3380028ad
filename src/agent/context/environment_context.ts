/** Tells the model where it works; must not know where these values come from. */

/** The text of the user message; `date` is `YYYY-MM-DD`, and `shell` a name such as `bash`. */
export function environmentContext(options: {
  readonly cwd: string;
  readonly shell: string;
  readonly date: string;
  readonly timezone: string;
}): string {
  return [
    "<environment_context>",
    `  <cwd>${escaped(options.cwd)}</cwd>`,
    `  <shell>${escaped(options.shell)}</shell>`,
    `  <current_date>${escaped(options.date)}</current_date>`,
    `  <timezone>${escaped(options.timezone)}</timezone>`,
    "</environment_context>",
  ].join("\n");
}

/** A folder's name must not be able to close a tag and speak for itself. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
