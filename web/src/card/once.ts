/**
 * An Idempotency-Key that belongs to one wish. As long as the wish is the same, a second click, a
 * retry after a lost answer and a page that was loaded anew send the same key, and the server does it once.
 */
export type Wish = { readonly request: string; readonly key: string };

export function wish(kept: Wish | null, request: unknown, fresh: () => string = newKey): Wish {
  const text = JSON.stringify(request);
  return kept?.request === text ? kept : { request: text, key: fresh() };
}

/** `randomUUID` is missing where the page came over plain HTTP from another machine; this is not. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
