/** The sign-in page. */
export const signIn = {
  title: "Sign in",
  lead: "Freehold runs on a machine of yours, and you sign in with a link that it prints there.",
  steps: [
    "Go to the terminal in which freehold up runs.",
    "Open the link that stands beside “sign in”. It works once, for 15 minutes.",
  ],
  pasteLabel: "Sign-in link or token",
  pasteHint: "Paste the whole link, the line of the terminal, or the token of your installation.",
  submit: "Sign in",
  exchanging: "Signing you in…",
  again: "Try again",
  refused: {
    empty: "Paste the link that freehold up printed.",
    cut: "This is only a part of a link. Copy it to its end; the last characters are missing.",
    runner: "This token adds a runner; it signs nobody in. Paste the link beside “sign in”.",
    unknown: "This is no sign-in link. It begins with the address of the server and holds #fhs_.",
  },
  usedTitle: "This link was used already, or is older than 15 minutes",
  usedBody: "A link signs in one browser, once. Get a new one as said below.",
  wrongTitle: "This token is not valid here",
  wrongBody: "It was revoked, has expired, or belongs to another installation.",
  revokedTitle: "You were signed out",
  revokedBody:
    "Your session was ended in another window, has expired, or its token was revoked. Sign in to go on where you were.",
  signedOutTitle: "You are signed out",
  signedOutBody: "This browser holds no token any more.",
  newLinkTitle: "No link at hand?",
  newLink: "This prints a new one, on the machine where freehold up runs:",
  newLinkCommand: "freehold sign-in",
  newLinkData: "Where freehold up was started with --data DIR, give the same here.",
} as const;
