/** What the run page and the list of runs say. */
import { count, plural } from "../lib/text";

const steps: Record<string, string> = {
  stage: "Get the code",
  setup: "Set up",
  agent: "Agent",
  collect: "Collect commits",
  check: "Checks",
  park: "Store the result",
  land: "Land",
  queue: "In the queue",
};

const events: Record<string, string> = {
  "run.queued": "Waits for a runner",
  "run.dispatching": "Given to a runner",
  "run.running": "A runner works on it",
  "run.waiting": "Waits for a decision",
  "run.landing": "Approved; being landed",
  "run.succeeded": "Succeeded",
  "run.failed": "Failed",
  "run.cancelled": "Cancelled",
  "run.rejected": "Rejected",
  "run.lost": "The runner was lost",
  "run.stopping": "Asked to stop",
};

const tools: Record<string, string> = {
  read: "Read",
  edit: "Edit",
  delete: "Delete",
  move: "Move",
  search: "Search",
  execute: "Run",
  think: "Think",
  fetch: "Fetch",
  other: "Tool",
};

export const run = {
  title: "Run",
  runs: "Runs",
  loading: "Loading the run",
  notFound: {
    title: "There is no such run",
    body: "It may belong to another organization, or the address is incomplete.",
    action: "All runs",
  },
  stepName: (name: string) => {
    const check = name.startsWith("check:") ? name.slice(6) : null;
    return check === null ? (steps[name] ?? name) : `Check: ${check}`;
  },
  eventName: (type: string) => events[type] ?? type,
  toolKind: (kind: string) => tools[kind] ?? kind,

  tabs: {
    activity: "Activity",
    output: "Output",
    about: "Steps and details",
    label: "Views of the run",
  },

  filter: {
    label: "Show",
    all: "Everything",
    quiet: "Without output",
    agent: "Only the agent",
    problems: "Only problems",
    protocol: "Protocol lines",
  } as Record<string, string>,

  activity: {
    label: "Activity of the run",
    rows: (last: number) => `${plural(last, "event")}`,
    event: (seq: number) => `Event ${count(seq)}`,
    linkTo: (seq: number) => `Link to event ${count(seq)}`,
    newer: (n: number) => `${count(n)} new, jump to the latest`,
    latest: "Jump to the latest",
    goTo: "Go to event or step",
    goToPlaceholder: "e.g. 1200 or check",
    goToNone: (what: string) => `There is no event or step “${what}” in this run`,
    earlier: "Looking for earlier events",
    empty: {
      queuedTitle: "Nothing has happened yet",
      queuedBody: "The run waits for a runner. What happens will show here by itself.",
      endedTitle: "Nothing was recorded",
      endedBody: "The run ended before a runner took it. The reason is at the top of this page.",
      filterTitle: "Nothing of this kind",
      filterBody: "No event of this run passes the filter.",
      filterAction: "Show everything",
      problemsTitle: "No problems so far",
      problemsBody: "No step, check or tool call of this run has failed.",
    },
    behind:
      "Events could not be fetched. What is shown stays; the rest follows when the server answers.",
    retry: "Try now",
  },

  search: {
    label: "Search in what is loaded",
    placeholder: "Search loaded events",
    found: (at: number, of: number, loaded: number) =>
      `${count(at)} of ${count(of)} in ${plural(loaded, "loaded event")}`,
    none: (loaded: number, all: number) =>
      loaded < all
        ? `Not in the ${plural(loaded, "event")} that ${loaded === 1 ? "is" : "are"} loaded, of ${count(all)}`
        : "Nothing found",
    next: "Next match",
    previous: "Previous match",
  },

  row: {
    attempt: (n: number) => `attempt ${n}`,
    epoch: (n: number) => `epoch ${n}`,
    took: (time: string) => `took ${time}`,
    exit: (code: number) => `exit code ${code}`,
    stepStarted: (step: string) => `${step} began`,
    stepDone: (step: string) => `${step}: done`,
    stepFailed: (step: string) => `${step}: failed`,
    stepCancelled: (step: string) => `${step}: stopped`,
    check: (name: string) => `Check ${name}`,
    checkStates: {
      passed: "passed",
      failed: "failed",
      timed_out: "ran out of time",
      skipped: "skipped",
    } as Record<string, string>,
    message: "Agent",
    thought: "Thought",
    thoughtShow: "Show the thought",
    plan: "Plan",
    planDone: (done: number, all: number) => `${done} of ${all} done`,
    planStates: {
      pending: "to do",
      in_progress: "in progress",
      completed: "done",
    } as Record<string, string>,
    toolStates: {
      pending: "waiting",
      in_progress: "running",
      completed: "done",
      failed: "failed",
    } as Record<string, string>,
    toolPaths: (n: number) => plural(n, "path"),
    toolUntitled: "A tool call without a title",
    permission: "Permission",
    permissionAnswer: (answer: string) =>
      ({
        allow_once: "allowed once",
        allow_always: "allowed",
        reject_once: "refused",
        reject_always: "refused",
        cancelled: "not answered",
      })[answer] ?? answer,
    usage: "Model use",
    note: "Note",
    output: (step: string, stream: string) =>
      `${run.stepName(step)} · ${stream === "stderr" ? "error output" : stream === "protocol" ? "protocol" : "output"}`,
    moreLines: (n: number) => `Show ${plural(n, "more line")}`,
    fewerLines: "Show less",
    cutLines: (n: number) =>
      `${n > 0 ? plural(n, "line") : "Some of it"} left out here. Output shows the end, its download has all.`,
    moreText: (n: number) => `Show all (${count(n)} characters)`,
    openOutput: "Open in Output",
    unknown: (type: string) => type,
    unreadable: "This event could not be decrypted here",
  },

  usage: {
    tokens: (input: number, output: number) => `${count(input)} tokens in, ${count(output)} out`,
    requests: (n: number) => plural(n, "request"),
    errors: (n: number) => plural(n, "failed request"),
    unknown: "cost unknown",
    unknownWhy: "The agent did not go through the model gateway, or has not said yet",
  },

  steps: {
    title: "Steps",
    none: "No step has begun",
    noneQueued: "Steps show here as soon as a runner takes the run.",
    attempt: (n: number) => `Attempt ${n}`,
    reply: (n: number) => `Reply ${n}`,
    first: "First attempt",
    landing: "Landing",
    lost: (why: string) => `Lost: ${why}`,
    jump: (step: string) => `Jump to ${step} in the activity`,
    states: {
      running: "running",
      done: "done",
      failed: "failed",
      cancelled: "stopped",
      lost: "lost with its runner",
    } as Record<string, string>,
    exit: (code: number) => `exit ${code}`,
    timePart: (name: string, time: string, share: string) => `${name}: ${time} (${share})`,
    timeTotal: (time: string) => `${time} in the queue and at work`,
    waited: "A person's time is not counted",
  },

  output: {
    label: "Output",
    step: "Output of",
    wrap: "Wrap lines",
    follow: "Follow",
    protocol: "Protocol lines",
    copy: "Copy what is shown",
    copied: (lines: number) => `Copied ${plural(lines, "line")}`,
    copyFailed: "Could not copy; download the output instead",
    search: "Search in the output",
    found: (at: number, of: number) => `${count(at)} of ${count(of)}`,
    notFound: "Nothing found",
    cut: (lines: number) => `Only the end is shown (${count(lines)} lines).`,
    download: "Download all of the agent's",
    downloading: (bytes: string) => `Downloading, ${bytes}`,
    downloadStop: "Stop",
    downloadTooLarge: (most: string) =>
      `The output is larger than ${most}, more than a page should hold. Save it with the command instead.`,
    loading: "Loading the output",
    empty: "This step printed nothing",
    emptyRunning: "This step has printed nothing yet",
    none: "No step has begun, so there is no output yet",
    raw: "The terminal could not be loaded; the output is shown as plain text.",
    rawRetry: "Load it again",
    lines: (n: number) => plural(n, "line"),
    behind: "The output could not be fetched; it goes on where it was when the server answers.",
    section: (step: string) => `── ${run.stepName(step)} ──`,
  },

  facts: {
    title: "Details",
    agent: "Agent",
    isolation: "Isolation",
    isolations: {
      none: "none",
      worktree: "a worktree, no sandbox",
      sandbox: "sandbox",
    } as Record<string, string>,
    egress: "Network",
    egresses: {
      none: "nothing can be reached",
      registries: "package registries, for setup and checks",
      open: "open: any public address",
    } as Record<string, string>,
    runner: "Runner",
    noRunner: "none yet",
    egressOpenShort: "open network",
    target: "Target",
    base: "Base",
    commit: "Commit",
    landed: "Landed as",
    by: "Started by",
    approvedBy: "Approved by",
    created: "Asked for",
    started: "Began",
    finished: "Ended",
    took: "Altogether",
    usage: "Model use",
    attempt: "Attempt",
    id: "Run",
    copyId: "Copy the id",
    copyCommit: "Copy the whole commit",
    parent: "Answers",
    children: "Answered by",
  },

  relations: { parent: "Answers an earlier run", child: "Answered by a later run" },

  actions: {
    review: "Review",
    cancel: "Cancel",
    reply: "Reply",
    again: "Start again",
    cli: "Copy the command that follows this run",
    cliLabel: "CLI",
    more: "More",
    cancelTitle: "Cancel this run?",
    cancelBody: {
      queued:
        "It has not begun. Nothing is lost; the card stays, and you can start again at any time.",
      working:
        "The agent is stopped and its workspace is thrown away. This log, the card and commits that were collected before are kept. It cannot go on later; you can start again.",
      waiting:
        "The work will not land. Its commits stay in the remote for a day, this log stays. You can start again.",
    },
    cancelConfirm: "Cancel the run",
    cancelKeep: "Keep it",
    cancelled: "The run is being cancelled",
    finishedMeanwhile: "It finished meanwhile, and waits for your decision",
    againTitle: "Start a new run of this card?",
    againBody: (agent: string) =>
      `With the agent ${agent}, from the target branch as it is now. This run and its log stay as they are.`,
    againConfirm: "Start a new run",
    replyTitle: "Reply to the agent",
    replyHintWaiting: "The agent goes on in the same workspace with what you say.",
    replyHintEnded: "A new run begins with the card and what you say here.",
    replyLabel: "What should it do",
    replySend: "Send",
    replied: "Sent; the agent goes on",
    repliedAnew: "Sent; a new run begins",
    stopping: "Stopping",
  },

  reason: {
    detail: "In detail",
    next: "Next",
    places: {
      output: "Open the output",
      runners: "Runners",
      providers: "Providers",
      agents: "Agents",
      project: "Project settings",
      board: "Open the card",
    },
    why: {
      queued: "Waits for a runner",
      dispatching: "A runner was asked to take it",
      running: "A runner works on it",
      waiting: "The work is done and waits for your decision",
      landing: "Approved; being brought onto the target branch",
    },
  },

  behind: {
    title: "This page is behind",
    body: "The server cannot be reached. What is here stays, and the rest follows by itself.",
  },

  list: {
    title: "Runs",
    state: "State",
    project: "Project",
    agent: "Agent",
    anyState: "Every state",
    anyProject: "Every project",
    anyAgent: "Every agent",
    live: "At work or in the queue",
    card: "Card",
    when: "Started",
    took: "Took",
    more: "More runs",
    loadingMore: "Loading more runs",
    end: (n: number) => `${plural(n, "run")}`,
    search: "Search in these runs",
    empty: {
      title: "No runs yet",
      body: "A run starts from a card: open a board, choose a card and start an agent on it.",
      action: "To the projects",
    },
    none: {
      title: "No run matches",
      body: "No run passes these filters.",
      action: "Clear the filters",
    },
  },
} as const;
