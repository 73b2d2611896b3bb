/** The shell: navigation, connection, palette, errors of the page itself. */
export const app = {
  skip: "Skip to the content",
  notFound: {
    title: "There is no such page",
    body: "The address may be mistyped, or what it named is gone.",
    action: "Go to the projects",
  },
  failed: {
    title: "This page failed",
    body: "What you did before is safe. Try again, or go on elsewhere.",
    retry: "Try again",
    reload: "Reload Freehold",
    home: "Go to the projects",
    detail: "What the page said",
  },
} as const;
