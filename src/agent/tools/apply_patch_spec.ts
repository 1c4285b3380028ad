/** How `apply_patch` is offered to models, with and without custom tools; must not know how it works. */
import type { ToolSpec } from "../model/port.ts";

const GRAMMAR = String.raw`start: "*** Begin Patch" NEWLINE section+ "*** End Patch" NEWLINE?

section: add_file | delete_file | update_file
add_file: "*** Add File: " PATH NEWLINE ("+" TEXT? NEWLINE)+
delete_file: "*** Delete File: " PATH NEWLINE
update_file: "*** Update File: " PATH NEWLINE move_to? hunk+
move_to: "*** Move to: " PATH NEWLINE

hunk: anchor+ changed_line+ end_of_file?
anchor: "@@" (" " TEXT)? NEWLINE
changed_line: ("+" | "-" | " ") TEXT? NEWLINE
end_of_file: "*** End of File" NEWLINE

PATH: /[^\n]+/
TEXT: /[^\n]+/
NEWLINE: /\n/
`;

const FORMAT = `A patch lists files between two markers:

*** Begin Patch
*** Add File: docs/new.md
+every line of the new file starts with a plus
*** Update File: src/app.py
@@ def greet():
     name = ask()
-    print("Hi")
+    print("Hello", name)
*** Update File: old_name.txt
*** Move to: new_name.txt
@@
-before
+after
*** Delete File: obsolete.txt
*** End Patch

Lines of an update start with a space (kept), a minus (removed) or a plus (added). Give about three kept \
lines around each change; when that is not unique, name an enclosing line after @@. Hunks of one file go \
from top to bottom. A hunk that ends with "*** End of File" must match the last lines. Paths are relative \
to the working directory. Either the whole patch is applied or nothing is.`;

/** For models that can send free text. */
export const APPLY_PATCH_CUSTOM_SPEC: ToolSpec = {
  type: "custom",
  name: "apply_patch",
  description:
    `Creates, changes, moves and deletes files. Send the patch itself, not JSON.\n\n${FORMAT}`,
  format: { type: "grammar", syntax: "lark", definition: GRAMMAR },
};

/** For models that only know functions. */
export const APPLY_PATCH_FUNCTION_SPEC: ToolSpec = {
  type: "function",
  name: "apply_patch",
  description: `Creates, changes, moves and deletes files.\n\n${FORMAT}`,
  strict: false,
  parameters: {
    type: "object",
    properties: { input: { type: "string", description: "The whole patch" } },
    required: ["input"],
    additionalProperties: false,
  },
};
