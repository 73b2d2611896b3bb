import type { Lane } from "../api";
import { plural } from "../lib/text";

const cards = (n: number) => plural(n, "card");

/** What the board says. */
export const board = {
  title: "Board",
  loading: "Loading the board",
  lanes: "Lanes",
  laneHint: {
    Backlog: "Wanted some day.",
    Planning: "Being thought about.",
    Build: "An agent is at work on it.",
    Test: "Being tried out.",
    Review: "Waits for your decision.",
    Done: "Landed, or closed.",
  } satisfies Record<Lane, string>,
  lane: (lane: string, n: number) => `${lane}, ${cards(n)}`,
  laneOf: (lane: string, n: number, hidden: number) =>
    hidden === 0 ? `${lane}, ${cards(n)}` : `${lane}, ${cards(n)}, ${hidden} hidden by the filter`,
  laneEmpty: "No cards",
  laneNoMatch: "No match",
  newCard: "New card",
  addTo: (lane: string) => `Add a card to ${lane}`,
  settings: "Project settings",

  card: {
    menu: (title: string) => `Actions of ${title}`,
    open: "Open",
    edit: "Edit",
    start: "Start a run",
    moveTo: "Move to",
    toTop: "To the top of the lane",
    toBottom: "To the end of the lane",
    copyLink: "Copy link",
    archive: "Archive",
    restore: "Restore",
    waits: "Waits for you",
    landed: "Landed",
    dependsMet: (n: number) => `Depends on ${cards(n)}; all have landed`,
    dependsUnmet: (unmet: number, n: number) =>
      `Blocked: ${unmet} of ${cards(n)} it depends on ${unmet === 1 ? "has" : "have"} not landed`,
    agent: (name: string) => `Agent ${name}`,
    selected: "selected",
    saving: "Saving",
  },

  filter: {
    label: "Filter",
    search: "Search cards",
    placeholder: "Search",
    clear: "Clear the filter",
    clearSearch: "Clear the search",
    waiting: "Waits for me",
    running: "Running",
    failed: "Failed",
    blocked: "Blocked",
    archived: "Archive",
    show: (what: string) => `Show: ${what}`,
    hidden: (n: number) => `${cards(n)} hidden`,
    found: (n: number) => `${cards(n)} shown`,
  },

  archive: {
    title: "Archive",
    note: "Archived cards keep their history. Restore one to bring it back to its lane.",
    back: "Back to the board",
    emptyTitle: "Nothing is archived",
    emptyBody: "Archive a card that is not wanted any more; it can be brought back from here.",
  },

  moved: (lane: string) => `Moved to ${lane}`,
  movedMany: (n: number, lane: string) => `${cards(n)} moved to ${lane}`,
  reordered: "Order changed",
  archived: "Archived",
  archivedMany: (n: number) => `${cards(n)} archived`,
  restored: "Restored",
  restoredMany: (n: number) => `${cards(n)} restored`,
  undo: "Undo",
  retry: "Try again",
  linkCopied: "Link copied",

  refused: {
    move: (title: string, lane: string) => `“${title}” could not be moved to ${lane}`,
    archive: (title: string) => `“${title}” could not be archived`,
    restore: (title: string) => `“${title}” could not be restored`,
    many: (n: number, of: number) => `${n} of ${cards(of)} could not be changed`,
    meanwhile: (lane: string) => `Someone moved it to ${lane} meanwhile.`,
    meanwhileUnknown: "Someone moved it meanwhile.",
    gone: "The card is not there any more.",
    offline: "The server could not be reached; nothing was changed there.",
    live: "A run of it is under way; cancel the run first.",
    busy: "Too many changes wait for the server. Wait a moment, then do it again.",
  },

  drag: {
    lifted: (title: string, lane: string, place: number, of: number) =>
      `Lifted ${title}. It is in ${lane}, place ${place} of ${of}. Arrow keys move it, Space drops it, Escape cancels.`,
    over: (lane: string, place: number, of: number) => `${lane}, place ${place} of ${of}.`,
    dropped: (title: string, lane: string, place: number, of: number) =>
      `Dropped ${title} in ${lane}, place ${place} of ${of}.`,
    cancelled: (title: string, lane: string) => `Cancelled. ${title} is back in ${lane}.`,
    hint: "Press Enter to open, Space to lift.",
    hintStill: "Press Enter to open.",
  },

  select: {
    count: (n: number) => `${cards(n)} selected`,
    full: (max: number) => `At most ${max} cards can be changed at once.`,
    move: "Move to",
    archive: "Archive",
    restore: "Restore",
    clear: "Clear the selection",
    bar: "Selected cards",
  },

  empty: {
    title: "No cards yet",
    body: "A card says what you want done, in a line and some details. Start a run on it, and an agent does it on your machine; you read the result and decide whether it lands.",
    add: "Write the first card",
    example: "Take over this example",
    exampleLabel: "For example",
    exampleTitle: "Say in the README how to run the tests",
    exampleBody:
      "Read how the tests of this project are run, and add a section “Tests” to the README: what to install, the command, how to run a single test.\n\nChange nothing else.",
    noMatchTitle: "No card matches",
    noMatchBody: (n: number) => `${cards(n)} ${n === 1 ? "is" : "are"} hidden by the filter.`,
  },
  noProject: {
    title: "There is no such project",
    body: "It may have been renamed, or it belongs to another organization.",
    action: "All projects",
  },

  keys: {
    section: "Board",
    down: "Next card (or ↓)",
    up: "Card above (or ↑)",
    left: "Lane to the left (or ←)",
    right: "Lane to the right (or →)",
    undo: "Undo the last move or archiving",
    open: "Open the card",
    lift: "Lift the card, drop it",
    newCard: "New card",
    search: "Search the cards",
    start: "Start a run",
    edit: "Edit the card",
    menu: "Move the card to a lane",
    select: "Select the card",
    archive: "Archive the card",
  },
} as const;
