/** Cuts text in PEM form into its certificates; must not know whose they are. */

/** The certificates in a text, each with its line end; empty when there are none. */
export function pemCertificates(text: string): string[] {
  const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  return (found ?? []).map((certificate) => `${certificate}\n`);
}
