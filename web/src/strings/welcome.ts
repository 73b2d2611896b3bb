import { plural } from "../lib/text";

/** The way from nothing to the first landed commit, and the list of projects. */
export const welcome = {
  title: "Welcome to Freehold",
  lead: "Seven steps to the first commit that an agent wrote and you approved. Each is checked off as soon as it is true.",
  progress: (done: number, all: number) => `${done} of ${all} done`,
  hide: "Hide this",
  hidden: "Hidden. It is in the command palette: “First steps”.",
  stepDone: "Done",
  stepNow: "Now",
  stepLater: "Later",
  steps: {
    runner: {
      title: "A machine to work on",
      body: "Agents work on machines of yours. None is connected right now. On the machine of the server:",
      command: "freehold up",
      alternative: "Or let another machine be one:",
      add: "Add a runner",
      waiting: "Waiting for a runner to connect…",
      done: (names: string) => `Connected: ${names}`,
    },
    project: {
      title: "A project",
      body: "A git repository that the machine can reach. Nothing is changed in it until you approve something.",
      done: (name: string) => `${name}`,
    },
    agent: {
      title: "An agent",
      body: "The program that does the work. It runs in a sandbox, and never sees a key of yours.",
      done: (names: string) => names,
    },
    card: {
      title: "A first card",
      body: "Say what you want in a line, and what matters in a few more. This is an example: change it as you like.",
      submit: "Put it on the board",
      done: (title: string) => title,
    },
    start: {
      title: "Start the agent",
      body: "It gets the card and a fresh copy of the repository. You can watch it work.",
      agentLabel: "Agent",
      submit: "Start",
      done: "Started",
    },
    review: {
      title: "Look at the work",
      none: "When the agent is done, its work waits here for your decision.",
      at_work: "The agent is at work. You can watch it.",
      decide: "The work is done and waits for your decision.",
      landing: "Approved: the change is on its way to the target branch.",
      ended: "It did not work out this time. The run says why, and how to go on.",
      nothing:
        "The agent changed nothing, so there is nothing to approve. Say more on the card, and start again.",
      landed: "Approved",
      watch: "Watch",
      review: "Review",
      look: "See why",
      again: "Start again",
    },
    landed: {
      title: "Landed",
      body: "After your approval the checks run once more on the merged result, and the commit lands on the target branch.",
      landing: "Landing… the checks run on the merged result.",
    },
  },
  card: {
    titleLabel: "What is wanted",
    bodyLabel: "Details",
    exampleTitle: "Add a short “Getting started” section to the README",
    exampleBody:
      "Say in a few lines what this project is, how to build it, and how to run its tests.\nLook at the files that are there; do not invent commands.",
    titleEmpty: "Say what is wanted, in a line.",
    titleLong: "At most 500 characters; the details have more room.",
  },
  finished: {
    title: "Your first commit has landed",
    body: "That is all there is to it: put cards on the board, let agents work, decide. What needs you shows up in the inbox.",
    board: "Go to the board",
    close: "Close this",
  },
  loadFailed: "The state of the first steps could not be loaded",
} as const;

export const projects = {
  title: "Projects",
  add: "Add a project",
  settings: (name: string) => `Settings of ${name}`,
  counts: {
    running: (n: number) => `${n} running`,
    waiting: (n: number) => (n === 1 ? "1 waits for you" : `${n} wait for you`),
    failed: (n: number) => `${n} failed`,
    quiet: "Nothing going on",
  },
  landsOn: (branch: string) => `lands on ${branch}`,
  openEgress: "Open network",
  empty: {
    title: "No project yet",
    body: "A project is a git repository of yours in which agents work. Add one to get a board.",
    first: "Take the first steps",
  },
  dialog: {
    title: "Add a project",
    submit: "Add the project",
    cancel: "Cancel",
    trying: "A runner is trying the repository. This takes a few seconds…",
    slow: "Still trying. A repository that needs a log-in can take half a minute.",
    added: (name: string) => `${name} is added`,
  },
  total: (n: number) => plural(n, "project"),
} as const;
