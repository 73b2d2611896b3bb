/** Pages that nobody needs to be signed in for. */
export const DOORS: readonly string[] = ["/sign-in", "/confirm", "/new-password", "/join"];
