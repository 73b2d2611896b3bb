//! Why a run is where it is. A reason is a code: metadata that the control plane may know. The
//! prose beside it (which check, which file, the remote's words) is content.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($variant:ident $code:literal $meaning:literal $next:literal;)*) => {
        /// The code of a reason. Append only.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $(#[doc = $meaning] #[serde(rename = $code)] $variant,)*
        }

        impl Reason {
            /// Every reason there is, for tests and documents that enumerate them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What a person can do next.
            #[must_use]
            pub const fn next(self) -> &'static str {
                match self { $(Self::$variant => $next,)* }
            }
        }
    };
}

reasons! {
    DependencyUnmet "dependency_unmet" "waits for another card to land" "land the card it waits for, or remove the dependency";
    NoRunner "no_runner" "no runner is connected" "start one: `freehold up`, or `freehold runner serve`";
    NoRunnerWithLabel "no_runner_with_label" "no connected runner offers the labels that the agent asks for" "start a runner with `--label`, or change the agent";
    NoRunnerWithIsolation "no_runner_with_isolation" "no connected runner can keep a run apart as strongly as is asked for" "run `freehold doctor` on a runner's machine, or change the agent: `freehold agent edit --isolation`";
    RunnersBusy "runners_busy" "every fitting runner is busy" "it starts as soon as one is free";
    RunLimit "run_limit" "as many of the tenant's runs are under way as the server allows" "it starts as soon as one has ended; whoever operates the server sets the limit with `freehold server --runs-per-tenant`";
    EnvironmentLimit "environment_limit" "as many environments are in use as the tenant's plan allows" "it starts as soon as one is idle: stop one that is not needed with `freehold environment stop`, or raise the limit with `freehold environment limits`";
    EnvironmentStopping "environment_stopping" "the project's environment is being stopped" "it starts anew as soon as the jobs in it have ended";
    RunnerLost "runner_lost" "the runner that held it went away" "it is tried again on its own";
    AttemptsExhausted "attempts_exhausted" "runners were lost too often while they held it" "look at `freehold doctor` and the runner's log, then start a new run";
    OrderRefused "order_refused" "the runner refused the signed order" "see the detail; the runner's policy file decides what it accepts";
    RemoteUnreachable "remote_unreachable" "the git remote could not be reached" "check the remote's address and the network; a run that waits for it is tried again on its own, else start a new run";
    RemoteNotFound "remote_not_found" "the git remote does not exist" "correct the project's remote";
    AuthRefused "auth_refused" "the git remote refused the runner's credentials, or is not one that the runner trusts" "give the runner working credentials, or have it trust the remote (the detail says which), then start a new run";
    TargetMissing "target_missing" "the target branch does not exist on the remote" "create the branch, or change the project's target";
    RemoteRefused "remote_refused" "the git remote refused the push, or any other request" "see the remote's own words in the detail";
    ProjectFile "project_file" "the project file .agentworks/project.toml on the target branch cannot be used" "correct it on the target branch";
    Sandbox "sandbox" "the sandbox could not be set up" "run `freehold doctor` on the runner's machine";
    SetupFailed "setup_failed" "the setup command failed" "see the setup's output in the run's events";
    AgentMissing "agent_missing" "the agent's program was not found on the runner" "install it there, or name its directory with `agent add --path`";
    AgentFailed "agent_failed" "the agent ended with an error" "see its output: `freehold run logs`";
    AgentStalled "agent_stalled" "the agent was silent for too long" "raise `--stall`, or look at its last output";
    TimedOut "timed_out" "the run exceeded its time limit" "raise `--timeout`, or make the card smaller";
    ModelUnreachable "model_unreachable" "the model endpoint did not answer usefully" "check the provider: `freehold provider list`";
    ProviderKey "provider_key" "the provider's key could not be read on the runner" "set the variable or the file that the provider names, on the runner's machine";
    WorkspaceGone "workspace_gone" "the agent destroyed its workspace or its git directory" "start a new run";
    ImportRefused "import_refused" "the agent's commits were refused by the import checks" "see the detail";
    Limit "limit" "it used more than its limits allow" "see the detail: it names the limit, its value and what was used; `freehold agent edit --limit` and the runner's policy file set it";
    DiskFull "disk_full" "the runner's disk is full" "free some space there, then start a new run";
    Checks "checks" "a check failed" "read the check's output, then reply to the run or start a new one";
    Conflict "conflict" "the target moved and the work conflicts with it" "reply to the run so that the agent brings it up to date, or merge by hand";
    DiffChanged "diff_changed" "merged onto the moved target, the change is no longer the one that was approved" "look at the new diff and approve again";
    ChecksOnResult "checks_on_result" "a check failed on the merged result" "reply to the run so that the agent mends it";
    TargetBusy "target_busy" "the target moved again and again while landing" "approve again";
    Cancelled "cancelled" "a person cancelled it" "start a new run";
    RejectedByPerson "rejected_by_person" "a person rejected it" "start a new run";
    NoChange "no_change" "the agent changed nothing" "nothing to approve";
    DirectoryMissing "directory_missing" "the project's folder is not in the commit that is worked on" "create it on the target branch, or change it: `freehold project edit --directory`";
    LocalFiles "local_files" "the local files that the runner's machine has for the project cannot be copied" "see the detail; `local_files` in policy.toml of the runner's data directory names them";
    DatabaseWentBack "database_went_back" "the server's database was put back to an earlier time, and the run may have gone further than is known here" "look at the run's refs and the target on the git remote; then approve, reply, reject, or start a new run";
    JournalForeign "journal_foreign" "the runner's program was replaced while it held the run, and its journal has steps that the new program does not know" "see the steps and whose they are: `freehold run steps`; then start a new run, or reply to this one";
    Internal "internal" "something failed that should not" "see the runner's log; please report it";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A code that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown reason code `{0}`")]
pub struct UnknownReason(String);

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, UnknownReason> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.code() == code)
            .ok_or_else(|| UnknownReason(code.chars().take(64).collect()))
    }
}
