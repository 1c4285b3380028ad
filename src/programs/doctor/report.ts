/** Shows findings, to people or as JSON; must not know any check. */
import { makeStyle, type Style } from "../exec/style.ts";
import type { Packaging } from "../packaging.ts";
import type { Finding, Status } from "./check.ts";
import type { CheckedLine } from "./run_checks.ts";

/** What all findings come to. */
export interface Outcome {
  readonly counts: Readonly<Record<Status, number>>;
  /** False after any error. */
  readonly isOk: boolean;
}

/** Counts findings by status. */
export function outcomeOf(lines: readonly CheckedLine[]): Outcome {
  const counts = { ok: 0, warning: 0, error: 0 };
  for (const { status } of lines.flatMap(({ findings }) => findings)) counts[status]++;
  return { counts, isOk: counts.error === 0 };
}

/** Makes the lines that people read. */
export class HumanReport {
  readonly #style: Style;
  readonly #nameWidth: number;

  constructor(options: { readonly isColored: boolean; readonly names: readonly string[] }) {
    this.#style = makeStyle(options.isColored);
    this.#nameWidth = Math.max(0, ...options.names.map((name) => name.length));
  }

  /** One line for each finding, with what to do about it below. */
  lines({ name, findings }: CheckedLine): string {
    return findings.map((finding) => this.#line(name, finding)).join("");
  }

  summary({ counts }: Outcome): string {
    const parts = [
      `${counts.ok} ok`,
      `${counts.warning} ${counts.warning === 1 ? "warning" : "warnings"}`,
      `${counts.error} ${counts.error === 1 ? "error" : "errors"}`,
    ];
    return `\n${this.#style.bold(parts.join(", "))}\n`;
  }

  #line(name: string, finding: Finding): string {
    const status = finding.status.padEnd("warning".length);
    const column = `${this.#paint(finding.status, status)}  ${name.padEnd(this.#nameWidth)}  `;
    const line = `${column}${finding.message}\n`;
    if (finding.status === "ok") return line;
    const indent = " ".repeat(status.length + this.#nameWidth + 4);
    return `${line}${indent}${this.#style.bold(`-> ${finding.fix}`)}\n`;
  }

  #paint(status: Status, text: string): string {
    if (status === "ok") return this.#style.good(text);
    return status === "error" ? this.#style.bad(text) : this.#style.heading(text);
  }
}

/** The whole report for programs; each finding is one element of `checks`. */
export function jsonReport(
  lines: readonly CheckedLine[],
  about: Pick<Packaging, "form"> & { readonly version: string },
): string {
  const { version, form } = about;
  const checks = lines.flatMap(({ name, findings }) =>
    findings.map((finding) => ({ name, ...finding }))
  );
  return `${JSON.stringify({ version, form, checks, ok: outcomeOf(lines).isOk }, null, 2)}\n`;
}
