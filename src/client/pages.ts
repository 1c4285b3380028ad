/** Follows a list from page to page; must not know what is listed. */

/** All pages, one after the other. A cursor that leads to itself ends them: it would be followed for ever. */
export async function* pagesOf<P extends { readonly nextCursor: string | null }>(
  load: (cursor: string | null) => Promise<P>,
): AsyncGenerator<P> {
  let cursor: string | null = null;
  do {
    const page: P = await load(cursor);
    yield page;
    cursor = page.nextCursor === cursor ? null : page.nextCursor;
  } while (cursor !== null);
}
