/** Which state of a thing an answer showed: its `ETag`, for `If-Match` of what is made of it. */

const tags = new WeakMap<object, string>();

export function learnTag(shown: unknown, header: string | null): void {
  // A weak tag matches nothing (RFC 9110, 13.1.1).
  const tag = /^"([^"]*)"$/.exec(header ?? "")?.[1];
  if (tag !== undefined && typeof shown === "object" && shown !== null) tags.set(shown, tag);
}

/** The tag that came with this very answer; nothing for what came in a list, or was put together here. */
export function tagOf(shown: object): string | undefined {
  return tags.get(shown);
}
