/** Why a run is where it is, by the server's reason code, and what a person can do in Studio. */
export const reasons: Record<string, { meaning: string; next: string }> = {
  dependency_unmet: {
    meaning: "Waits for another card to land",
    next: "Land the card it waits for, or remove the dependency.",
  },
  no_runner: {
    meaning: "No runner is connected",
    next: "Start one on a machine of yours: freehold up, or freehold runner serve.",
  },
  no_runner_with_label: {
    meaning: "No connected runner offers the labels that the agent asks for",
    next: "Start a runner with these labels, or change the agent's.",
  },
  no_runner_with_isolation: {
    meaning: "No connected runner can keep a run apart as strongly as is asked for",
    next: "Run freehold doctor on a runner's machine, or choose another isolation for the agent.",
  },
  runners_busy: {
    meaning: "Every fitting runner is busy",
    next: "It starts on its own as soon as one is free.",
  },
  run_limit: {
    meaning: "As many runs are under way as the server allows",
    next: "It starts on its own as soon as one has ended.",
  },
  environment_limit: {
    meaning: "As many environments are in use as the plan allows",
    next: "It starts as soon as one is idle. Stop one that is not needed under Environments, or raise the limit with freehold environment limits.",
  },
  environment_stopping: {
    meaning: "The project's environment is being stopped",
    next: "It starts anew as soon as the jobs in it have ended.",
  },
  runner_lost: {
    meaning: "The runner that held it went away",
    next: "It is tried again on its own.",
  },
  attempts_exhausted: {
    meaning: "Runners were lost too often while they held it",
    next: "Run freehold doctor on the runner's machine, then start a new run.",
  },
  order_refused: {
    meaning: "The runner refused the signed order",
    next: "The runner's policy file decides what it accepts; the detail says what it missed.",
  },
  remote_unreachable: {
    meaning: "The git remote could not be reached",
    next: "Check the remote's address and the network. A run that waits for it is tried again on its own; else start a new run.",
  },
  remote_not_found: {
    meaning: "The git remote does not exist",
    next: "Check the project's remote in its settings.",
  },
  auth_refused: {
    meaning:
      "The git remote refused the runner's credentials, or is not one that the runner trusts",
    next: "Give the runner working credentials, then start a new run.",
  },
  target_missing: {
    meaning: "The target branch does not exist on the remote",
    next: "Create the branch, or change the target in the project's settings.",
  },
  remote_refused: {
    meaning: "The git remote refused the push, or any other request",
    next: "The remote's own words are in the detail.",
  },
  local_files: {
    meaning: "The local files that the runner's machine has for the project cannot be copied",
    next: "The detail says why; the policy file on that machine names them.",
  },
  directory_missing: {
    meaning: "The project's folder is not in the commit that is worked on",
    next: "Create it on the target branch, or change it in the project's settings.",
  },
  project_file: {
    meaning: "The project file .agentworks/project.toml cannot be used",
    next: "Correct it on the target branch.",
  },
  limit: {
    meaning: "It used more than its limits allow",
    next: "The detail names the limit, its value and what was used, and how to raise it.",
  },
  sandbox: {
    meaning: "The isolation could not be set up, so nothing was started",
    next: "Run freehold doctor on the runner's machine.",
  },
  setup_failed: {
    meaning: "The setup command failed",
    next: "Read the setup's output, then start a new run.",
  },
  agent_missing: {
    meaning: "The agent's program was not found on the runner",
    next: "Install it there, or name its directory in the agent's settings.",
  },
  agent_failed: { meaning: "The agent ended with an error", next: "Read its output." },
  agent_stalled: {
    meaning: "The agent was silent for too long",
    next: "Raise the limit on silence in the agent's settings, or read its last output.",
  },
  timed_out: {
    meaning: "The run exceeded its time limit",
    next: "Raise the limit in the agent's settings, or make the card smaller.",
  },
  model_unreachable: {
    meaning: "The model endpoint did not answer usefully",
    next: "Check the provider's settings.",
  },
  provider_key: {
    meaning: "The provider's key could not be read on the runner",
    next: "Set the key again in the provider's settings.",
  },
  workspace_gone: {
    meaning: "The agent destroyed its workspace or its git directory",
    next: "Start a new run.",
  },
  import_refused: {
    meaning: "The agent's commits were refused by the import checks",
    next: "The detail says what was wrong with them.",
  },
  disk_full: {
    meaning: "The runner's disk is full",
    next: "Free some space there, then start a new run.",
  },
  checks: {
    meaning: "A check failed",
    next: "Read the check's output, then reply to the run or start a new one.",
  },
  conflict: {
    meaning: "The target moved and the work conflicts with it",
    next: "Reply to the run so that the agent brings it up to date, or merge by hand.",
  },
  diff_changed: {
    meaning: "Merged onto the moved target, the change is no longer the one that was approved",
    next: "Look at the new diff and approve again.",
  },
  checks_on_result: {
    meaning: "A check failed on the merged result",
    next: "Reply to the run so that the agent mends it.",
  },
  target_busy: {
    meaning: "The target moved again and again while landing",
    next: "Approve again.",
  },
  cancelled: { meaning: "A person cancelled it", next: "Start a new run." },
  rejected_by_person: { meaning: "A person rejected it", next: "Start a new run." },
  no_change: { meaning: "The agent changed nothing", next: "There is nothing to approve." },
  database_went_back: {
    meaning:
      "The server's database was put back to an earlier time, and the run may have gone further than is known here",
    next: "Look at the run's refs and the target on the git remote; then approve, reply, reject, or start a new run.",
  },
  journal_foreign: {
    meaning:
      "The runner's program was replaced while it held the run, and its journal cannot be read",
    next: "See freehold run steps for the steps and whose they are; then start a new run, or reply to this one.",
  },
  internal: {
    meaning: "Something failed that should not",
    next: "See the runner's log, and please report it.",
  },
};

/** In words, also for a code that is newer than this page. */
export function reasonText(code: string): string {
  return reasons[code]?.meaning ?? code.replaceAll("_", " ");
}
