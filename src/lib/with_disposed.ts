/** Uses something once and disposes of it; must not know what it is. */

/**
 * For a resource that is used in a single expression. There, the bundler's minifier takes the variable of a `using`
 * for one that it may leave out, and nothing would be disposed of in the built file; `build_test.ts` looks for that.
 */
export function withDisposed<T extends Disposable, R>(resource: T, action: (resource: T) => R): R {
  try {
    return action(resource);
  } finally {
    resource[Symbol.dispose]();
  }
}
