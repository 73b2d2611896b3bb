//! What the machine's owner lets be reached, followed while runs run: a change of the policy file
//! is in force for every open way out about a second later, and what it withdraws is cut.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use freehold_environment::egress::{self, Bounds, Most, Proxy};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::failure::chain;
use crate::policy::{FILE, Policy};

/// How often the file's times are looked at. It counts when it was left alone for one round: an
/// editor that writes it in pieces closes nothing by accident.
const ROUND: Duration = Duration::from_millis(400);

/// What tells one state of the file from another: number, size, and the time of the last change,
/// which no program can set back. None is no file.
type Stamp = Option<(u64, u64, i64, i64)>;

/// The rules that a way out begins with, and the state of the file that they are from.
pub(crate) struct Rules {
    file: PathBuf,
    seen: Stamp,
    wanted: egress::Policy,
}

impl Rules {
    /// `wanted`, as far as the policy file below `data` lets it.
    pub(crate) fn read(data: &Path, wanted: egress::Policy) -> Self {
        let file = data.join(FILE);
        // Before it is read: a change meanwhile is seen as one.
        let seen = stamp(&file);
        Self { file, seen, wanted }
    }

    /// The policy at this moment. A file that cannot be read allows nothing.
    pub(crate) fn policy(&self) -> egress::Policy {
        let bounds = match Policy::load(&self.file) {
            Ok(policy) => policy.ways(),
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "no run of this machine reaches anything until it is mended"
                );
                Bounds {
                    most: Most::Nothing,
                    ..Bounds::default()
                }
            }
        };
        egress::Policy::Within(Box::new(self.wanted.clone()), bounds)
    }

    /// Puts each later state of the file in force, until the guard or the proxy is dropped.
    pub(crate) fn follow(mut self, proxy: &Arc<Proxy>) -> DropGuard {
        let end = CancellationToken::new();
        let (proxy, ended) = (Arc::downgrade(proxy), end.clone());
        tokio::spawn(async move {
            ended.run_until_cancelled(self.rounds(proxy)).await;
        });
        end.drop_guard()
    }

    async fn rounds(&mut self, proxy: Weak<Proxy>) {
        let mut last = self.seen;
        loop {
            sleep(ROUND).await;
            let now = stamp(&self.file);
            if now == last && now != self.seen {
                let policy = self.policy();
                let Some(proxy) = proxy.upgrade() else { return };
                proxy.set_policy(policy);
                self.seen = now;
            }
            last = now;
        }
    }
}

fn stamp(file: &Path) -> Stamp {
    let meta = fs::metadata(file).ok()?;
    Some((meta.ino(), meta.size(), meta.ctime(), meta.ctime_nsec()))
}
