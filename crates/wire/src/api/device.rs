//! Signing in a device that has no browser (RFC 8628), in this API's own documents.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A device asks to be signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// What people know it by: letters, digits, `-`, `_` and `.`. Its token is called that.
    pub name: String,
}

/// The codes that a device was given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceCodes {
    /// What it asks with whether it was approved. A secret of its own.
    pub device_code: String,
    /// What it shows to its person, who types it where they are signed in.
    pub user_code: String,
    /// Both are forgotten from then on.
    pub expires_at: DateTime<Utc>,
    /// Seconds that lie between two questions at least.
    pub interval_s: u32,
}

/// A device asks whether it was approved.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DevicePoll {
    /// Its code.
    pub device_code: String,
}

/// What it hears.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DeviceState {
    /// Nobody has decided yet.
    Pending {},
    /// It asks too often: five seconds more between questions from now on.
    SlowDown {},
    /// Somebody said no.
    Denied {},
    /// It may act as whoever approved it.
    Approved {
        /// A token of theirs with every scope that one can have, shown this once.
        token: String,
        /// It is refused from then on.
        expires_at: DateTime<Utc>,
    },
}

/// The code that a device shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserCode {
    /// As it is shown; neither case nor what stands between letters matters.
    pub user_code: String,
}

/// A device that asks to be signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// What it calls itself. Anybody could call theirs so: compare the code.
    pub name: String,
    /// Where it asked from.
    pub address: Option<String>,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// It is forgotten from then on.
    pub expires_at: DateTime<Utc>,
}
