/** How ids are written; must not know how they are made. */

/** A UUID with its hyphens, in any case. */
export const HYPHENATED_UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
