import { plural } from "../lib/text";

/** What a card's drawer, the new card and the start of a run say. */
export const card = {
  drawer: "Card",
  loading: "Loading the card",
  notFound: {
    title: "There is no such card",
    body: "It may belong to another project, or the link is incomplete.",
  },
  archivedNote: "Archived",
  lane: "Lane",
  copyLink: "Copy link",
  copyCommand: "Copy the command that starts a run",
  copyId: "Copy the id",
  archive: "Archive",
  restore: "Restore",
  more: "More",
  created: "Created",
  updated: "Changed",

  title: "Title",
  body: "Details",
  bodyHint: "Markdown. What should be done, where, and how to see that it is done.",
  bodyEmpty: "No details.",
  addDetails: "Add details",
  edit: "Edit",
  save: "Save",
  cancel: "Cancel",
  write: "Write",
  preview: "Preview",
  previewEmpty: "Nothing to preview.",
  titleEmpty: "A card needs a title.",
  titleLong: (n: number, max: number) =>
    `${n} characters; at most ${max} fit. Move the rest to the details.`,
  bodyLong: "This is longer than the server takes (2 MB). Put it into a file of the repository.",
  unsaved: "You have changes here that are not saved.",
  goOn: "Go on editing",
  discard: "Discard",
  discarded: "Changes discarded",
  undo: "Undo",

  meanwhile: {
    title: "Changed meanwhile",
    title_other: (what: string) =>
      `Someone changed the ${what} while you were writing. Your text is kept; you choose when you save.`,
    noClash: (what: string) => `Someone changed the ${what} meanwhile. Saving keeps both changes.`,
    fields: { title: "title", body: "details" },
    both: "title and the details",
    gone: "The card was archived meanwhile. Your text is kept.",
  },
  conflict: {
    title: "Two people changed this",
    body: "Nothing is lost: keep yours, take theirs, or merge both by hand.",
    mine: "Yours",
    theirs: "Theirs",
    keepMine: "Keep mine",
    takeTheirs: "Take theirs",
    merge: "Merge by hand",
    markMine: "<<<<<<< yours",
    markTheirs: "======= theirs",
    empty: "(empty)",
  },

  depends: {
    title: "Depends on",
    needed: "Needed by",
    none: "Nothing. It can start at any time.",
    add: "Add a dependency",
    search: "Search cards to depend on",
    placeholder: "Title or id",
    noChoice: "No card matches.",
    remove: (title: string) => `Do not depend on ${title}`,
    landed: "Landed",
    notLanded: "Not landed",
    unknown: "A card that is not on this board",
    more: "More cards match; type to narrow them down.",
  },

  runs: {
    title: "Runs",
    none: "None yet.",
    by: (name: string) => `started by ${name}`,
    open: "Open run",
    review: "Review",
    all: (n: number) => `All ${plural(n, "run")}`,
    failed: "The runs could not be loaded",
  },

  start: {
    title: "Run an agent",
    again: "Run again",
    agent: "Agent",
    choose: "Choose an agent",
    go: "Start run",
    started: "Run started",
    noAgentTitle: "There is no agent yet",
    noAgentBody:
      "An agent is the program that does the work: one you have installed, or the built-in one with a model provider.",
    addAgent: "Add an agent",
    noRunner:
      "No runner is online, so the run will wait. Start one on your machine: freehold up, or freehold runner serve.",
    noLabels: (labels: string) =>
      `No runner that is online offers ${labels}, so the run will wait until one does.`,
    busy: "Every fitting runner is busy; the run starts as soon as one is free.",
    unmet: (n: number) =>
      `It will wait until ${plural(n, "card")} it depends on ${n === 1 ? "has" : "have"} landed.`,
    seeRunners: "Runners",
    chooseFirst: "Choose an agent first.",
  },

  live: {
    title: "Run under way",
    waitingTitle: "Waits for your decision",
    waitingBody: "The agent is done. Read what it did, then approve, reject or reply.",
    step: (name: string) => `Step: ${name}`,
    cancel: "Cancel run",
    cancelTitle: "Cancel this run?",
    cancelBody: "The agent is stopped. What it did so far stays with the run but does not land.",
    cancelConfirm: "Cancel run",
    /** Beside "Cancel run", "Cancel" would say nothing. */
    cancelKeep: "Keep it",
    cancelled: "Run cancelled",
    elapsed: "Running for",
    queuedFor: "Queued for",
  },

  history: {
    title: "History",
    more: (n: number) => `Show ${plural(n, "earlier event")}`,
    someone: "Freehold",
    created: "created the card",
    edited: "edited the card",
    moved: (from: string | null, to: string | null) =>
      from && to ? `moved it from ${from} to ${to}` : to ? `moved it to ${to}` : "moved it",
    archived: "archived it",
    restored: "restored it",
    run_started: "started a run",
    run_state: (state: string, reason: string | null) =>
      reason ? `run ${state.toLowerCase()}: ${reason}` : `run ${state.toLowerCase()}`,
    other: (kind: string) => kind.replaceAll("_", " "),
    run: "Open run",
    failed: "The history could not be loaded",
  },

  add: {
    title: "New card",
    titleLabel: "Title",
    titlePlaceholder: "What should be done?",
    lane: "Lane",
    start: "Start with",
    startNone: "Do not start yet",
    add: "Add card",
    addAndStart: "Add and start",
    kept: "Kept as a draft until you send it.",
    discard: "Discard draft",
    added: "Card added",
    /** A started card leaves its lane as soon as the run is there: naming it would be untrue. */
    addedTo: (lane: string, started: boolean) =>
      started ? "Card added, and its run asked for" : `Card added to ${lane}`,
    open: "Open",
    startFailed: "The card was added, but its run was not started",
    moveFailed: (lane: string) => `The card was added to Backlog; it could not be moved to ${lane}`,
    project: "Project",
  },

  quick: {
    label: (lane: string) => `New card in ${lane}`,
    placeholder: "Title, then Enter",
    hint: "Enter adds it and stays for the next one; Escape closes.",
    details: "More details",
    sending: "Adding…",
    failed: "Not added",
    retry: "Try again",
    drop: "Discard",
    full: "Several cards wait to be added. Wait a moment.",
  },
} as const;
