//! Runners and how they are enrolled.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freehold_model::{RunnerId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// A runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Runner {
    /// Its id.
    #[schema(value_type = schema::RunnerId)]
    pub id: RunnerId,
    /// Its host's name.
    pub name: String,
    /// `online`, `draining` or `offline`.
    pub state: String,
    /// What it offers.
    pub labels: BTreeMap<String, String>,
    /// How many jobs it takes at once.
    pub capacity: u32,
    /// Jobs it holds now.
    pub busy: u32,
    /// Its program's version.
    pub version: String,
    /// What its machine is and can do, as it found when it connected.
    pub machine: Option<Machine>,
    /// When it was last heard of.
    pub last_seen: Option<DateTime<Utc>>,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
}

/// A machine, and what was found to work there by trying.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Machine {
    /// The operating system, in its own words.
    pub os: String,
    /// The processor's architecture.
    pub arch: String,
    /// Processors that the runner may use.
    pub cpus: u32,
    /// Memory in bytes; 0 where it is not known.
    pub memory: u64,
    /// Isolation that was tried and holds.
    pub isolation: Vec<String>,
    /// Why the sandbox cannot be set up, where it cannot: no agent works there.
    pub sandbox_error: Option<String>,
    /// Known agents whose programs are there.
    pub agents: Vec<String>,
    /// Seconds that its clock was ahead of the server's when it connected, less than none where it was behind; silent within
    /// a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_s: Option<i64>,
}

/// A token that enrols one runner, shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrolToken {
    /// The token; `.` and the fingerprint of the key that orders are signed with are part of it.
    pub token: String,
    /// It is refused from then on.
    pub expires_at: DateTime<Utc>,
}

/// What a runner sends to be enrolled. The answer is [`Enrolled`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The one-time token, without the fingerprint.
    pub token: String,
    /// The host's name.
    pub name: String,
    /// The runner's id, made by it.
    pub runner: RunnerId,
    /// Ed25519 public key: the runner's identity.
    #[serde(with = "crate::base64url")]
    pub signing_key: Vec<u8>,
    /// HPKE public key, to which content keys are sealed.
    pub seal_key: crate::seal::SealTo,
    /// The signing key's signature over the sealing key.
    #[serde(with = "crate::base64url")]
    pub seal_key_signature: Vec<u8>,
}

/// A runner is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Whose runner it is.
    pub tenant: TenantId,
    /// Ed25519 public key that signs the tenant's orders; the runner compares it with the
    /// fingerprint in its token and pins it.
    #[serde(with = "crate::base64url")]
    pub order_key: Vec<u8>,
}
