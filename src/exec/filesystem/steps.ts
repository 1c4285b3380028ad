/** An operation in small steps, so that a long one never holds up the others; must not know what it does. */

/** Every `yield` is a moment at which something else may run. */
export type Steps<T> = Generator<void, T, void>;
