/** The bindings of the full screen, which let go of a key that a view in front of the transcript needs; knows no view. */
import { type Keybinding, KeybindingsManager, TUI_KEYBINDINGS } from "pi-tui";
import { SCREEN_KEYS } from "./composer/keys.ts";

/** They scroll whatever has them. */
const SCROLLING: ReadonlySet<string> = new Set<Keybinding>([
  "tui.altScreen.pageUp",
  "tui.altScreen.pageDown",
  "tui.altScreen.top",
  "tui.altScreen.bottom",
]);

/** Invariant: a key that scrolls goes either to the transcript or to the view that has the keys, never to both. */
export class ScreenKeys extends KeybindingsManager {
  readonly #isTaken: () => boolean;

  /** `isTaken` tells whether a view takes the keys that scroll now. */
  constructor(isTaken: () => boolean) {
    super(TUI_KEYBINDINGS, SCREEN_KEYS);
    this.#isTaken = isTaken;
  }

  override matches(data: string, keybinding: Keybinding): boolean {
    if (SCROLLING.has(keybinding) && this.#isTaken()) return false;
    return super.matches(data, keybinding);
  }
}
