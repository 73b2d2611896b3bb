//! The audit log, as people look at it. As a file: [`crate::audit`].

use chrono::{DateTime, Utc};
use freehold_model::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// What somebody did, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its number in the organization's chain; null for the moment until it has its place there.
    pub n: Option<u64>,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: a person's, a token's or a runner's id.
    pub actor: String,
    /// That person's name, where it is a member's.
    pub actor_name: Option<String>,
    /// What: the thing's kind, a dot, what was done to it.
    pub action: String,
    /// To what: an id.
    pub resource: String,
    /// What for.
    pub purpose: String,
    /// What came of it: `done`, `refused`.
    pub outcome: String,
    /// The request's word in the server's log; empty where there was no request.
    pub correlation: String,
    /// The address that it came from; empty where there was none.
    pub address: String,
}

/// How far the chain of the audit log has come, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditHead {
    /// Whose.
    #[schema(value_type = schema::TenantId)]
    pub tenant: TenantId,
    /// The last entry's number.
    pub n: u64,
    /// Its hash: SHA-256 in hex.
    pub hash: String,
    /// The Ed25519 key that signs, in base64url: `freehold audit verify --key` takes it.
    pub key: String,
    /// A DSSE envelope that says so; null before the first entry.
    #[schema(value_type = Option<Object>)]
    pub checkpoint: Option<serde_json::Value>,
    /// Where the log begins, once its beginning was let go.
    #[serde(default)]
    pub begins: Option<AuditBegin>,
    /// How long it is kept: carry away before what shall be kept longer.
    #[serde(default)]
    pub kept: AuditKept,
}

/// Where a log begins whose beginning was let go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditBegin {
    /// The number of the first entry that is there.
    pub n: u64,
    /// A DSSE envelope that says what went, and when.
    #[schema(value_type = Object)]
    pub cut: serde_json::Value,
}

/// How many days entries are kept; for ever where silent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditKept {
    /// Who may do what, and what was done.
    pub security: Option<i64>,
    /// The words of entries on who looked at what.
    pub reading: Option<i64>,
}
