/** What a person pasted, or what stood in the address. */
export type Credential =
  | { kind: "link"; token: string }
  | { kind: "token"; token: string }
  | { kind: "refused"; why: "empty" | "runner" | "cut" | "unknown" };

/** 160 random bits in base64url, and six hex digits that tell a mistyped one before it is sent. */
const TOKEN = /(fh[suer])_[A-Za-z0-9_-]{27}\.[0-9a-f]{6}(?![A-Za-z0-9_-])/;
const BEGINNING = /fh[suer]_/;

/** Reads a sign-in link, its token alone, or the token of an installation; text around it is no harm. */
export function readCredential(text: string): Credential {
  if (text.trim() === "") {
    return { kind: "refused", why: "empty" };
  }
  const found = TOKEN.exec(text);
  if (found === null) {
    return { kind: "refused", why: BEGINNING.test(text) ? "cut" : "unknown" };
  }
  const token = found[0];
  switch (found[1]) {
    case "fhs":
      return { kind: "link", token };
    case "fhu":
      return { kind: "token", token };
    default:
      return { kind: "refused", why: "runner" };
  }
}

/** The sign-in token in the fragment of an address; null when there is none. */
export function fragmentToken(hash: string): string | null {
  return ofKind("fhs", hash);
}

/** What the links of mails hold. */
export type Mailed = "confirmation" | "reset" | "invitation";

const PREFIX: Record<Mailed, string> = { confirmation: "fhc", reset: "fhw", invitation: "fhi" };

/** The token of a mail's link in the fragment of an address; null when there is none. */
export function mailedToken(kind: Mailed, hash: string): string | null {
  return ofKind(PREFIX[kind], hash);
}

function ofKind(prefix: string, hash: string): string | null {
  let text: string;
  try {
    text = decodeURIComponent(hash.replace(/^#/, ""));
  } catch {
    return null;
  }
  return text.startsWith(`${prefix}_`) && /^[\x21-\x7e]{5,}$/.test(text) ? text : null;
}
