//! What all rooms of a running runner share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use freehold_model::{Clock, Entropy, RunId};
use reqwest::Url;
use tokio::sync::{Semaphore, watch};

use crate::http::Blobs;
use crate::identity::Identity;
use crate::jobs::Jobs;
use crate::journal::Journal;
use crate::link::{Link, Pace};
use crate::options::{AgentHelper, RunnerEnv};
use crate::outbox::Outbox;
use crate::runner::Status;
use crate::vault::Vault;

/// One per runner, behind an `Arc`.
pub(crate) struct Context {
    pub(crate) data: PathBuf,
    pub(crate) server: Url,
    pub(crate) version: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) capacity: u32,
    pub(crate) environment: RunnerEnv,
    pub(crate) init: freehold_sandbox::Init,
    pub(crate) agent_helper: AgentHelper,
    pub(crate) pace: Pace,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) identity: Identity,
    pub(crate) vault: Vault,
    pub(crate) outbox: Outbox,
    pub(crate) journal: Journal,
    pub(crate) jobs: Jobs,
    pub(crate) slots: Semaphore,
    pub(crate) blobs: Blobs,
    pub(crate) link: Link,
    pub(crate) git: freehold_git::Git,
    pub(crate) gateway: freehold_gateway::Gateway,
    pub(crate) environments: crate::environment::Environments,
    pub(crate) registries: crate::surroundings::Learned,
    /// Whose turn it is in working trees that runs share.
    pub(crate) trees: crate::places::Trees,
    /// What all runs keep on the disk together.
    pub(crate) shares: std::sync::Arc<crate::limits::Shares>,
    /// What this machine is, once it was looked at.
    pub(crate) machine: tokio::sync::OnceCell<freehold_wire::api::Machine>,
    /// When folders of waiting runs were last looked through.
    pub(crate) pruned: std::sync::Mutex<Option<std::time::Instant>>,
    pub(crate) status: watch::Sender<Status>,
}

impl Context {
    /// What the surroundings of its processes are made from.
    pub(crate) fn site(&self) -> crate::surroundings::Site<'_> {
        crate::surroundings::Site {
            data: &self.data,
            environment: &self.environment,
            init: &self.init,
            registries: &self.registries,
            entropy: &*self.entropy,
        }
    }

    /// Where a run works; outlives a job while the run waits.
    pub(crate) fn run_dir(&self, run: RunId) -> PathBuf {
        self.runs().join(run.to_string())
    }

    /// Where all runs work.
    pub(crate) fn runs(&self) -> PathBuf {
        self.data.join("runs")
    }

    /// Images that were unpacked, for all runs.
    pub(crate) fn images(&self) -> PathBuf {
        self.data.join("images")
    }

    /// The clean store of a remote: a folder by the digest of its address.
    pub(crate) fn store_dir(&self, remote: &freehold_git::Remote) -> PathBuf {
        let digest = freehold_wire::dsse::fingerprint(remote.as_str().as_bytes());
        self.data.join("repos").join(&digest[..32])
    }

    /// Setup results by their lock files.
    pub(crate) fn cache_dir(&self) -> PathBuf {
        self.data.join("cache")
    }

    /// The policy file.
    pub(crate) fn policy_file(&self) -> PathBuf {
        crate::policy::policy_file(&self.data)
    }
}
