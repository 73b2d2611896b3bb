/** Where one is, and going elsewhere. */
export const organizations = {
  menu: (name: string) => `Organization: ${name}`,
  menuUnknown: "Organization",
  yours: "Your organizations",
  failed: "They could not be loaded",
  make: "Make an organization…",
  members: "Members",
  account: "Your account",
  entered: (name: string) => `You are in ${name} now`,
  enterFailed: (name: string) => `${name} could not be entered`,
  followed: "This tab is in another organization now",
  followedBody: "You went there in another tab. A browser is in one organization at a time.",
  makeDialog: {
    title: "Make an organization",
    body: "It has projects, runners and people of its own. You are its owner, and go there.",
    name: "Name",
    nameHint: "Such as your company or your team.",
    nameMissing: "Give the organization a name.",
    submit: "Make it and go there",
    made: (name: string) => `${name} is made, and you are in it`,
  },
} as const;
