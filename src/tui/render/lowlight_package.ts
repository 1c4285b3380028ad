/** What is used of the package `lowlight`; its own types bring those of a browser, which contradict the runtime's. */

/** Languages by name. */
export type Grammars = Readonly<Record<string, unknown>>;

/** The usual languages. */
export declare const common: Grammars;

/** A part of a coloured code. */
export interface Node {
  readonly type: string;
  readonly value?: string;
  readonly properties?: { readonly className?: unknown };
  readonly children?: readonly Node[];
}

/** What knows languages. */
export interface Lowlight {
  registered(language: string): boolean;
  highlight(language: string, code: string): Node;
}

/** Makes the languages ready. */
export declare function createLowlight(grammars: Grammars): Lowlight;
