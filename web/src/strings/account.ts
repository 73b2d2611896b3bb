/** Signing in with a password, making an account, and the pages that mails lead to. */
export const account = {
  passwordLead: "With the address and the password of your account.",
  address: "Address",
  password: "Password",
  newPassword: "New password",
  newPasswordHint:
    "12 characters or more, of anything. Three or four words in a row are a good one.",
  name: "Name",
  nameHint: "What others are to call you.",
  organization: "Organization",
  organizationHint: "What your projects and the people on them belong to, such as your company.",
  signIn: "Sign in",
  forgottenLink: "Forgotten?",
  registerLink: "Make an account",
  linkLink: "Sign in with a link of the terminal",
  passwordLink: "Sign in with a password",
  back: "Back to sign-in",
  backToSettings: "Back to the settings",
  providers: {
    label: "Providers of identities",
    signIn: (title: string) => `Sign in with ${title}`,
    join: (title: string) => `Join with ${title}`,
    title: "Sign in",
    waiting: "Signing in…",
    lostTitle: "This was not begun here",
    lost: "Sign in from this tab: what was begun in another tab or browser, or a while ago, cannot be finished here.",
    saidNoTitle: "The provider was told no",
    saidNo: "Nobody was signed in. Begin again if that was not meant.",
    providerTitle: "The provider could not do it",
    provider: (error: string) =>
      `It says: ${error}. Try again; whoever operates the server looks at how it is set up there.`,
    unnamed: "an error of its own",
    linkedTitle: "Ways in",
    linkedHint: "Providers of identities that you sign in with, besides a password.",
    link: (title: string) => `Link ${title}`,
    linkLead: (title: string) =>
      `${title} will be another way into your account. Give your password to go there.`,
    current: "Your password",
    go: (title: string) => `Go to ${title}`,
    unlink: (title: string) => `Unlink ${title}`,
    unlinkTitle: (title: string) => `Sign in with ${title} no more?`,
    unlinkBody: "All other browsers are signed out. You can link it again.",
  },
  faults: {
    address: "Give your address, like grace@example.org.",
    password: "Give your password.",
    short: (missing: number) =>
      `The password is too short: ${missing} ${missing === 1 ? "character is" : "characters are"} missing.`,
    name: "Give your name.",
    organization: "Give the organization a name.",
  },
  again: {
    seconds: (n: number, at: string) =>
      `Trying again is possible in ${n} ${n === 1 ? "second" : "seconds"}, at ${at}.`,
    minutes: (n: number, at: string) => `Trying again is possible in ${n} minutes, at ${at}.`,
  },
  forgotten: {
    title: "Set a new password",
    lead: "We send a mail with a link that sets a new one.",
    submit: "Send the mail",
    sentTitle: "Look at your mail",
    sent: (address: string) =>
      `If ${address} has an account here, a mail is on its way there. Its link works once, for an hour.`,
    nothing: "Nothing came? Look among unwanted mail, and whether the address is right.",
    other: "Give another address",
  },
  register: {
    title: "Make an account",
    lead: "We send a mail to your address, to see that it is yours.",
    submit: "Make the account",
    sentTitle: "Look at your mail",
    sent: (address: string) =>
      `A mail is on its way to ${address}. Open its link within a day, and give the password that you have just chosen.`,
  },
  link: {
    missingTitle: "The link is not whole",
    missing:
      "Open it from the mail, or copy it to its end. A page that was loaded again has lost it: open the link again.",
  },
  confirm: {
    title: "Confirm your address",
    lead: "Give the password that you chose when you asked for the account.",
    submit: "Confirm and sign in",
  },
  reset: {
    title: "Set a new password",
    lead: "All browsers that are signed in to your account are signed out.",
    submit: "Set the password",
    doneTitle: "The new password is set",
    done: "All browsers are signed out. Sign in with it.",
  },
  join: {
    title: "Join an organization",
    looking: "Looking the invitation up…",
    titleOf: (organization: string) => `Join ${organization}`,
    invited: (by: string | null, organization: string, role: string) =>
      by === null
        ? `You are invited to ${organization} ${role}.`
        : `${by} invites you to ${organization} ${role}.`,
    roles: {
      owner: "as an owner",
      admin: "as an admin",
      developer: "as a developer",
      viewer: "as a viewer",
    } as Record<string, string>,
    role: (name: string) => `as ${name}`,
    known: "Your address has an account here: give its password.",
    unknown: "You get an account with this address: say who you are and choose a password.",
    submit: "Join and sign in",
    asYou: (name: string) => `You are signed in as ${name}, and the invitation is yours.`,
    asYouSubmit: "Join",
    other: (name: string) =>
      `You are signed in as ${name}, and somebody else is invited. Whoever joins below is signed in here in your place.`,
    retry: "Try again",
  },
} as const;
