/** What the signed head says, for reading. It is not checked here: whoever wants proof asks elsewhere. */

/** When the checkpoint was signed, as its own payload has it; null where it does not say. */
export function signedAt(checkpoint: unknown): string | null {
  if (typeof checkpoint !== "object" || checkpoint === null) return null;
  const { payload } = checkpoint as { payload?: unknown };
  if (typeof payload !== "string") return null;
  try {
    const said: unknown = JSON.parse(decoded(payload));
    const at = (said as { at?: unknown } | null)?.at;
    return typeof at === "string" && !Number.isNaN(Date.parse(at)) ? at : null;
  } catch {
    return null;
  }
}

function decoded(base64url: string): string {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(binary, (one) => one.charCodeAt(0)));
}

/** What is typed on any machine to check an export. */
export function verifyCommand(file: string, key: string): string {
  return `freehold audit verify ${file} --key ${key}`;
}
