//! A clock and an entropy that unit tests can foresee.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use freehold_model::{Clock, Entropy};

/// Always the same instant.
pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::Duration::days(20_000)
    }
}

/// Never the same bytes twice, and no secret.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let next = self.0.fetch_add(1, Ordering::Relaxed);
            let bytes = next.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// A start of nothing much.
pub(crate) fn spec() -> freehold_sandbox::Spec {
    freehold_sandbox::Spec {
        tier: freehold_sandbox::Tier::Sandbox,
        program: "sh".into(),
        args: vec![],
        env: std::collections::BTreeMap::new(),
        cwd: "/".into(),
        mounts: vec![],
        ports: vec![],
        limits: freehold_sandbox::Limits::default(),
        stdin: freehold_sandbox::Stdin::Null,
        terminal: None,
        image: None,
        hypervisor: None,
        runtime: None,
        user: freehold_sandbox::User::Own,
        init: freehold_sandbox::Init {
            program: "/init".into(),
            args: vec![],
        },
    }
}
