/** Builds the address of a call. Pure. */

export const PREFIX = "/api/v1";

export type Values = Record<string, string | number | boolean | null | undefined>;

/**
 * `/cards/{card}/move` with its parts filled in. Parts are escaped: an id can come from the
 * page's address, and `..` or `/` in it must not reach another route.
 */
export function address(path: string, parts: Values = {}, query: Values = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(parts[name] ?? "");
    if (value === "" || value === "." || value === "..") {
      throw new TypeError(`the path ${path} needs a ${name}, not "${value}"`);
    }
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return PREFIX + filled + (text === "" ? "" : `?${text}`);
}
