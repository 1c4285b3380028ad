/** What a person answers to the questions before the screen, as data; must not know how it is carried out. */
import type { ConfigEdit } from "../../config/user_file.ts";

/** What a person has decided. Nothing of it has been done yet. */
export interface Decision {
  /** To be stored. */
  readonly apiKey?: string;
  /** For the config file. */
  readonly remembered?: readonly ConfigEdit[];
  /** For this time. */
  readonly passing?: readonly ConfigEdit[];
}

/** Somebody would rather not start; the text says what can be done instead. */
export class Quit {
  readonly advice: string;
  constructor(advice: string) {
    this.advice = advice;
  }
}
