/** How Studio keeps its session in a browser: the one thing of its insides that the tests know. */
export const TOKEN_KEY = "freehold.token";

/** A browser that has signed in before. */
export function signedIn(origin: string, token: string) {
  return { cookies: [], origins: [{ origin, localStorage: [{ name: TOKEN_KEY, value: token }] }] };
}
