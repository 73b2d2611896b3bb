/** What needs a person. */
export const inbox = {
  title: "Inbox",
  counted: (n: number) => `(${n}) Inbox`,
  groups: {
    review: { title: "Decide", body: "Work is done and waits for your yes or no." },
    failed: { title: "Look", body: "It ended with an error, and nobody went on from there." },
    stuck: { title: "Stuck", body: "Nobody can take it until something changes." },
  },
  open: { review: "Review" },
  remedies: {
    runner: "Add a runner",
    labels: "Change the agent",
    card: "Open the card",
  },
  empty: {
    title: "Nothing needs you",
    body: "When an agent has finished something, failed, or cannot go on, it shows up here.",
    projects: "Go to the projects",
  },
  attempt: (n: number) => `attempt ${n}`,
  by: (agent: string) => `by ${agent}`,
  checks: (passed: number, all: number) =>
    passed === all
      ? `${all === 1 ? "1 check" : `${all} checks`} passed`
      : `${passed} of ${all} checks passed`,
  noChecks: "no checks",
  keys: { next: "Next", previous: "Previous", open: "Open", review: "Go to the review" },
} as const;
