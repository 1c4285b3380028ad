/** Reads the file of `--output-schema`; must not know what a schema may say. */
import { messageOf } from "../../lib/errors.ts";

/** The schema, or what to tell the user instead. */
export type SchemaResult =
  | { readonly type: "schema"; readonly schema: unknown }
  | { readonly type: "failed"; readonly message: string };

/** Reads and parses the schema; `path` is absolute, `name` is how the user wrote it. */
export async function readSchema(path: string, name: string): Promise<SchemaResult> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    return failed(`Failed to read output schema file ${name}: ${ioMessage(error)}`);
  }
  try {
    return { type: "schema", schema: JSON.parse(text) };
  } catch (error) {
    return failed(`Output schema file ${name} is not valid JSON: ${messageOf(error)}`);
  }
}

/** The message of a file system error without Deno's trailing call and path. */
export function ioMessage(error: unknown): string {
  return messageOf(error).replace(/: \w+ '.*'$/s, "");
}

function failed(message: string): SchemaResult {
  return { type: "failed", message };
}
