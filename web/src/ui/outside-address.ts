/**
 * The address as the browser would go to it (so that a look-alike host shows its punycode), or
 * null for anything that is not plain web: `javascript:`, `data:`, `file:`, relative paths.
 */
export function outsideAddress(href: string): string | null {
  try {
    const url = new URL(href);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}
