/** Signs for consoles, whose fonts have a few hundred characters; must not know where the signs stand. */

/** Each as wide as what it stands for; what is not here is in the fonts of the common code pages. */
const SIGNS: Readonly<Record<string, string>> = {
  "⠋": "|",
  "⠙": "/",
  "⠹": "-",
  "⠸": "\\",
  "⠼": "|",
  "⠴": "/",
  "⠦": "-",
  "⠧": "\\",
  "⠇": "|",
  "⠏": "/",
  "❯": ">",
  "›": ">",
  "↳": ">",
  "▸": ">",
  "✔": "√",
  "✓": "√",
  "□": "o",
  "○": "o",
  "●": "*",
  "⋮": ":",
  "…": "~",
};
const PATTERN = new RegExp(`[${Object.keys(SIGNS).join("")}]`, "g");

/** The library ends links, which a frame has none of; older consoles print the rest of what they do not know. */
const LINK_END = "\u001b]8;;\u0007";

/** A frame with nothing that a console lacks. */
export function consoleSigns(frame: string): string {
  return frame.replaceAll(LINK_END, "").replace(PATTERN, (sign) => SIGNS[sign] ?? sign);
}
