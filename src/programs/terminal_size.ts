/** How large the terminal of this process is; must not know what it is used for. */

/** What any of the standard streams says; null where none is a terminal that knows its size. */
export function terminalSize(): { readonly columns: number; readonly rows: number } | null {
  try {
    const { columns, rows } = Deno.consoleSize();
    // Serial lines do not know their size.
    return columns > 0 && rows > 0 ? { columns, rows } : null;
  } catch (error) {
    // One that is going away has no size either; that it is gone is found out elsewhere.
    void error;
    return null;
  }
}
