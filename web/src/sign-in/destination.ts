/** Where one lands when nothing better is known. */
export const HOME = "/";

/** Paths that are no view of Studio: going there would sign in again, or leave the page. */
const NOT_A_VIEW = /^\/(sign-in|confirm|new-password|join|api|docs|assets)(\/|$)/;

/**
 * The place inside Studio that `wanted` names, else the start.
 *
 * `wanted` comes from the address, so anybody may have written it: nothing but a path of this
 * origin may come out, whatever a browser makes of backslashes, control characters and `//host`.
 */
export function ownPath(wanted: unknown, origin: string): string {
  if (typeof wanted !== "string" || !/^\/(?![/\\])/.test(wanted)) {
    return HOME;
  }
  // Browsers drop tabs and newlines and read `\` as `/` before they look for a host.
  if (/[ \p{Cc}\\]/u.test(wanted)) {
    return HOME;
  }
  let url: URL;
  try {
    url = new URL(wanted, origin);
  } catch {
    return HOME;
  }
  // `/..//host` is normalised to a path that begins with two slashes.
  const same = url.origin === new URL(origin).origin && !url.pathname.startsWith("//");
  if (!same || NOT_A_VIEW.test(url.pathname)) {
    return HOME;
  }
  return url.pathname + url.search + url.hash;
}
