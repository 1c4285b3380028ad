/** The gate for what needs the `experimentalApi` capability; knows no method. */
import type { RequestDeclaration } from "./mod.ts";

/** What needs the capability, as the error `X requires experimentalApi capability` names it, or null. */
export function experimentalUse(
  entry: Pick<RequestDeclaration, "method" | "experimental" | "experimentalFields">,
  params: unknown,
): string | null {
  if (entry.experimental) return entry.method;
  if (!entry.experimentalFields || typeof params !== "object" || params === null) return null;
  for (const [field, name] of Object.entries(entry.experimentalFields)) {
    if (isUsed(Reflect.get(params, field))) return name;
  }
  return null;
}

/** Upstream lets false and empty values pass, so clients may always send the field. */
function isUsed(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}
