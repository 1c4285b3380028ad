/** What is worth telling a person of what servers tell. */
import assert from "node:assert/strict";
import { warningOf } from "../../src/tui/news.ts";

Deno.test("what is outdated in a configuration is told to people, what is in requests of this program is not", () => {
  const said = (summary: string) => warningOf("deprecationNotice", { summary, details: null });
  const config = "`features.web_search` is deprecated; use `web_search` in config.toml";
  assert.equal(said(config), config);
  assert.equal(said("Full turns are deprecated; page with `thread/turns/list` instead"), "");
});
