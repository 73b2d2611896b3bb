import { plural } from "../lib/text";

/** What every settings form says. */
export const settings = {
  title: "Settings",
  nav: {
    label: "Settings",
    session: "Session",
    account: "Account",
    members: "Members",
    groups: "Groups",
    tokens: "Tokens",
    agents: "Agents",
    providers: "Providers",
    webhooks: "Webhooks",
    audit: "Audit log",
  },
  save: "Save",
  saving: "Saving…",
  cancel: "Cancel",
  add: "Add",
  edit: "Edit",
  remove: "Remove…",
  saved: "Saved",
  unsavedTitle: "Discard what you changed?",
  unsavedBody: "It is not saved yet.",
  discard: "Discard",
  keepEditing: "Keep editing",
  faultsTitle: "Some fields need another look",
  unsaved: "Not saved yet",
  meanwhile: {
    title: "Somebody changed it meanwhile",
    clash: "Nothing is saved yet. Where you both changed the same, decide which it is to be.",
    apart: "Nothing is saved yet. You changed other fields than they did, so both can hold.",
    field: "Field",
    was: "Before",
    now: "Now",
    yours: "Yours",
    untouched: "not changed",
    yes: "yes",
    no: "no",
    empty: "empty",
    keepMine: "Keep mine",
    takeTheirs: "Take theirs",
    saveBoth: "Save both",
    lookFirst: "Look at both first",
  },
  notMore: "More than 200 are there; the rest is not shown.",
} as const;

/** The session page. */
export const session = {
  title: "Session",
  who: "You",
  name: "Name",
  role: "Role",
  roles: { owner: "Owner", admin: "Admin", developer: "Developer", viewer: "Viewer" } as Record<
    string,
    string
  >,
  organization: "Organization",
  server: "Server",
  version: (version: string) => `version ${version}`,
  expires: "Signed in until",
  expiresNever: "The token does not expire",
  signOut: "Sign out",
  signOutHint: "Ends this browser's session, in all its tabs. To come back you sign in again.",
  signOutAnyway: "Forget it here anyway",
  look: "Appearance",
  keyboard: "Keyboard",
  shortcuts: "Show all shortcuts",
  shortcutsHint: "Everything works by keyboard. ? shows this list anywhere.",
  firstSteps: "First steps",
  firstStepsHint: "The way from nothing to the first landed commit.",
  firstStepsOpen: "Show the first steps",
} as const;

/** A project's form and page. */
export const projectSettings = {
  title: "Project settings",
  general: "General",
  remote: "Git remote",
  remoteHint:
    "As a runner reaches it, like git@host:team/app.git. A runner tries it before anything is saved.",
  remoteFixed:
    "Fixed: cards, runs and the record belong to this repository. For another one, add another project.",
  name: "Name",
  nameHint: "Letters, digits, -, _ and .",
  target: "Target branch",
  targetHint: "Work starts from it and lands on it.",
  targetNew: "Work starts from it and lands on it. Empty: the remote's default branch.",
  targetPlaceholder: "default branch",
  directory: "Folder",
  directoryHint:
    "For a project that is one folder of a large repository, like services/api: agents, setup and checks start there. Empty: all of it.",
  directoryPlaceholder: "whole repository",
  egress: "What may be reached from inside",
  egressHint: "Holds for runs that start from now on.",
  egresses: {
    none: {
      title: "Nothing",
      body: "Neither setup nor checks have a network. Everything they need must be in the repository or on the machine.",
    },
    registries: {
      title: "Package registries",
      body: "Setup and checks reach the registries that the runner's own clients use. The agent reaches its model and nothing else.",
    },
    open: {
      title: "Any public address",
      body: "Setup, checks and the agent. A text that the agent reads could talk it into sending your code anywhere.",
    },
  },
  openTitle: "The agent will reach any public address",
  openBody: "Choose this only for code that may become public. Each run is labelled with it.",
  record: "Record",
  recordBody: "Where this project's record belongs. No clone fetches this ref, and it is yours.",
  recordRef: "Ref",
  recordAt: "Repository",
  file: "Setup and checks",
  fileBody:
    "They stand in the repository, in .agentworks/project.toml on the target branch: never in the agent's copy, so an agent cannot loosen them.",
  fileExample: `[setup]
command = "npm ci"

[[checks]]
name = "tests"
command = "npm test"
timeout = "10m"`,
  fileNotes: [
    "setup makes a fresh work tree ready; 30 minutes at most unless it says otherwise.",
    "Each check must end with exit code 0; 10 minutes at most unless it says otherwise.",
    "Without the file there is neither: the work goes straight to your review.",
    "A project with a folder has its own file in that folder, and the root's where it has none.",
  ],
  trying: "A runner is looking for the branch…",
  saved: "Saved. It holds for runs that start from now on.",
} as const;

/** Agents. */
export const agentSettings = {
  title: "Agents",
  lead: "The programs that work on cards. They run on a runner, in a sandbox, and never see a key.",
  add: "Add an agent",
  submit: "Add the agent",
  addTitle: "Add an agent",
  editTitle: (name: string) => `Edit ${name}`,
  which: "Which agent",
  whichEmpty: "Choose one.",
  presets: {
    claude: {
      title: "Claude Code",
      needs: "Needs claude on the runner, and a provider of kind anthropic or ollama.",
    },
    codex: {
      title: "Codex",
      needs: "Needs codex-acp on the runner, and a provider of kind openai or ollama.",
    },
    opencode: {
      title: "opencode",
      needs: "Needs opencode on the runner, and a provider of any kind.",
    },
    gemini: {
      title: "Gemini CLI",
      needs: "Needs gemini on the runner. No kind of provider serves it yet.",
    },
    builtin: {
      title: "Built-in",
      needs: "Our own small loop. Needs a provider, and nothing on the runner.",
    },
    command: {
      title: "A program",
      needs: "Any program: the card is a JSON file at $FREEHOLD_CARD, exit code 0 is done.",
    },
    acp: {
      title: "ACP program",
      needs: "Any program that speaks the Agent Client Protocol on its standard input and output.",
    },
  },
  name: "Name",
  nameHint: "Letters, digits, -, _ and .",
  driver: "How it is spoken to",
  drivers: {
    acp: "Agent Client Protocol",
    command: "As a program, once per turn",
    builtin: "Built-in",
  },
  driverHint:
    "Over ACP it tells what it does while it does it. As a program it tells what it prints.",
  provider: "Model provider",
  providerNone: "None",
  providerUnfit: (name: string, kind: string) => `${name} (${kind}, does not fit)`,
  providerHint: "The runner holds the key; the agent gets a token for one run.",
  providerMissing: "There is no provider that fits.",
  providerAdd: "Add a provider",
  providerNeeded:
    "Without a provider it finds no model: inside the sandbox there is neither a log-in of yours nor a network to it.",
  command: "Command",
  commandHint: "Program and arguments. Quotes keep words together; no shell reads it.",
  commandPreset: "Empty: the runner looks for the preset's own program.",
  commandOwn: "A path or name on the runner. It is started in the workspace.",
  preview: "What is started",
  previewBuiltin: "Freehold's own loop, in the sandbox",
  previewEmpty: "Nothing yet",
  previewFind: "The runner looks the program up in its PATH and shows its directory inside.",
  shell: (what: string) =>
    `${what} means something to a shell, and none reads this. If you mean it: sh -c '…'`,
  wrapShell: "Wrap it in sh -c",
  isolation: "Isolation",
  isolations: {
    sandbox: {
      title: "Sandbox",
      body: "Namespaces, an empty root and no network but its model: for any agent on any repository.",
    },
    container: {
      title: "Container",
      body: "The same walls round an image of yours, for projects that need another system.",
    },
    vm: {
      title: "Virtual machine",
      body: "A kernel of its own, for what you would not let near yours; it starts slower.",
    },
    worktree: {
      title: "Worktree (unsandboxed)",
      body: "No walls: it may do what the runner's user may do. Each run has a working tree of its own.",
    },
    none: {
      title: "None (unsandboxed)",
      body: "No walls: it may do what the runner's user may do. A project's runs take turns in one working tree.",
    },
  },
  unsandboxedTitle: "Its runs are unsandboxed",
  unsandboxedBody:
    "The agent can read and send whatever the runner's user can, keys included. It runs only on machines whose owner allows it in policy.toml.",
  image: "Image",
  imageHint:
    "A directory on the runner's machine, or an image's name with its digest. Empty: what the machine has.",
  limitsSet: "Limits",
  tools: "Freehold's tools",
  repositorySettings: "The repository's settings for agents",
  more: "Limits, labels and directories",
  timeout: "Time limit",
  timeoutHint: "For the agent's work in one turn, like 45m or 1h 30m.",
  stall: "Limit on silence",
  stallHint: "It is ended after so long without a sign of life.",
  labels: "Labels that a runner must have",
  labelsHint: "key=value, one a line. Only runners that have all of them take its runs.",
  labelsNobody: (labels: string) => `No runner has ${labels} at the moment: its runs would wait.`,
  paths: "Directories shown inside",
  pathsHint: "Absolute paths on the runner, one a line, read-only. For programs outside /usr.",
  columns: {
    name: "Agent",
    kind: "Kind",
    provider: "Provider",
    limits: "Limits",
    command: "Command",
    actions: "Actions",
  },
  limits: (timeout: string, stall: string) => `${timeout}, ${stall} of silence`,
  actions: (name: string) => `Actions for ${name}`,
  noProvider: "none",
  added: (name: string) => `${name} is added`,
  edited: "Saved. It holds for runs that start from now on.",
  removed: (name: string) => `${name} is removed`,
  removeTitle: (name: string) => `Remove ${name}?`,
  removeBody: "It can start no run any more. Runs that it did stay as they are.",
  removeRuns: (n: number) =>
    `${plural(n, "run")} of it ${n === 1 ? "is" : "are"} not over. They go on with what they were started with.`,
  removeConfirm: "Remove",
  empty: {
    title: "No agent yet",
    body: "Add one that you know, the built-in one, or any program of yours.",
  },
} as const;

/** Model providers. */
export const providerSettings = {
  title: "Providers",
  lead: "Model endpoints. A runner tries each before it is saved, and holds the key; agents get a token for one run.",
  add: "Add a provider",
  submit: "Add the provider",
  addTitle: "Add a provider",
  editTitle: (name: string) => `Edit ${name}`,
  kind: "Protocol",
  kinds: {
    openai: { title: "OpenAI", body: "And the many that speak its protocol." },
    anthropic: { title: "Anthropic", body: "And what speaks its protocol." },
    ollama: { title: "Ollama", body: "Models on a machine of yours." },
  },
  name: "Name",
  nameHint: "Letters, digits, -, _ and .",
  address: "Address",
  addressHint: "As the runner reaches it. Plain http is for this machine and private networks.",
  model: "Model",
  modelHint: "The name that the endpoint lists. Agents that are known here need one.",
  key: "Key",
  keys: {
    none: { title: "None", body: "The endpoint asks for none." },
    env: {
      title: "Environment variable",
      body: "Of the runner, on its machine. Set it there before freehold starts.",
    },
    file: { title: "File", body: "On the runner's machine. It must be able to read it." },
    write: {
      title: "Write it here",
      body: "Sealed to the runners that are enrolled now, for this address alone. It is never shown again, and the server cannot open it.",
    },
    keep: { title: "As it is", body: "The key that was written before." },
  },
  variable: "Variable",
  file: "File",
  secret: "Key",
  secretHint: "Stored sealed. What was typed here is forgotten when the form closes.",
  showSecret: "Show",
  hideSecret: "Hide",
  keyText: {
    none: "none",
    env: (name: string) => `variable ${name}`,
    file: (path: string) => `file ${path}`,
    written: (n: number) => `written, sealed to ${plural(n, "runner")}`,
  },
  lateRunners: (n: number) =>
    n === 1
      ? "1 runner was enrolled after the key was written and cannot open it. Write the key again."
      : `${n} runners were enrolled after the key was written and cannot open it. Write the key again.`,
  replaceKey: "Replace the key…",
  columns: {
    name: "Provider",
    kind: "Protocol",
    address: "Address",
    model: "Model",
    key: "Key",
    actions: "Actions",
  },
  noModel: "none",
  actions: (name: string) => `Actions for ${name}`,
  trying: "A runner is trying the endpoint. This takes a few seconds…",
  slow: "Still trying. An endpoint that does not answer is given up after half a minute.",
  added: (name: string) => `${name} is added: the endpoint answered`,
  edited: "Saved. It holds for runs that start from now on.",
  removed: (name: string) => `${name} is removed`,
  removeTitle: (name: string) => `Remove ${name}?`,
  removeBody: "Its address and its key are forgotten.",
  removeUsed: (agents: string) =>
    `It is used by ${agents}. Give them another provider first, or remove them.`,
  removeConfirm: "Remove",
  toAgents: "Go to the agents",
  empty: {
    title: "No provider yet",
    body: "Agents that ask a model need one. An agent that is a program of yours needs none.",
  },
} as const;
