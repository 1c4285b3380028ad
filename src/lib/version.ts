/** The version of this program; must stay free of imports, because `codex --version` loads little else. */

/** A number of our own that orders after the Codex releases whose protocol is spoken. */
export const VERSION = "0.170.0";

/** `deno task build` puts the commit in place of this mark, in every chunk that holds it. */
export const COMMIT_MARK: string = "@codex-commit@";

/** The commit that a built file was built from, with `-dirty` for changes beyond it; null from source. */
export const COMMIT: string | null = COMMIT_MARK.startsWith("@") ? null : COMMIT_MARK;
