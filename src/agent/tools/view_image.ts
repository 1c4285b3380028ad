/** The tool that shows a model a picture on disk; must not know how a picture reaches the model. */
import { resolve } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import { imageType } from "../../lib/image_type.ts";
import type { SandboxPolicy } from "../../protocol/policy.ts";
import type { ToolSpec } from "../model/port.ts";
import { isReadablePath } from "./read_access.ts";
import type { Tool } from "./tool.ts";
import { ToolArguments } from "./tool_arguments.ts";

/** Larger files are refused: providers refuse them too, after the whole upload. */
const MAX_IMAGE_BYTES = 20 * 1024 * 1024;

const SPEC: ToolSpec = {
  type: "function",
  name: "view_image",
  description: "Attaches a PNG, JPEG, GIF or WebP file from disk so that you can see it.",
  strict: false,
  parameters: {
    type: "object",
    properties: { path: { type: "string", description: "Path of the image file" } },
    required: ["path"],
    additionalProperties: false,
  },
};

/** An image as a data URL, or why there is none. */
export type ImageRead = { readonly url: string } | { readonly problem: string };

/** Makes the tool. */
export function viewImageTool(): Tool {
  return {
    spec: SPEC,
    parallel: true,
    run: async (call, context) => {
      const args = new ToolArguments(call.input);
      const given = args.string("path");
      if (args.problem !== null) return { content: args.problem };
      const path = resolve(context.cwd, given);
      const refusal = await readRefusal(path, { policy: context.sandboxPolicy, cwd: context.cwd });
      if (refusal !== null) return { content: refusal };
      const image = await readImage(path);
      if ("problem" in image) return { content: image.problem };
      const item = { type: "imageView" as const, id: call.callId, path };
      context.itemStarted(item);
      context.itemCompleted(item);
      return { content: [{ type: "input_image", image_url: image.url }] };
    },
  };
}

/** Reads an image file as a data URL; the kind is told by its first bytes, never by its name. */
export async function readImage(path: string): Promise<ImageRead> {
  try {
    const stat = await Deno.stat(path);
    // Checked before opening: a FIFO would wait for ever.
    if (!stat.isFile) return { problem: `image path \`${path}\` is not a file` };
    if (stat.size > MAX_IMAGE_BYTES) {
      return {
        problem:
          `image \`${path}\` has ${stat.size} bytes, more than the limit of ${MAX_IMAGE_BYTES}`,
      };
    }
    const bytes = await Deno.readFile(path);
    const type = imageType(bytes);
    if (type === null) {
      return { problem: `unsupported image \`${path}\`: it is not a PNG, JPEG, GIF or WebP file` };
    }
    return { url: `data:${type};base64,${bytes.toBase64()}` };
  } catch (error) {
    return { problem: `unable to locate image at \`${path}\`: ${messageOf(error)}` };
  }
}

/** Why the policy forbids reading the file, or null. */
async function readRefusal(
  path: string,
  options: { readonly policy: SandboxPolicy; readonly cwd: string },
): Promise<string | null> {
  try {
    if (await isReadablePath(path, options)) return null;
  } catch (error) {
    return `unable to locate image at \`${path}\`: ${messageOf(error)}`;
  }
  return `unable to read image at \`${path}\`: the sandbox policy does not allow reading there`;
}
