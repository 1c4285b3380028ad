/** The version of this program; must stay free of imports, because `codex --version` loads little else. */

/** A number of our own that orders after the Codex releases whose protocol is spoken. */
export const VERSION = "0.170.0";
