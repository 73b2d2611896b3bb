//! Signing in at providers of identities, who one is there, and what their groups are here.

use chrono::{DateTime, Utc};
use freehold_model::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// Sets out to a provider, to sign in.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginOidc {
    /// The token of an invitation that is to be accepted by whoever comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
}

/// Sets out to a provider, to link who one is there to one's account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginLink {
    /// The provider's name.
    pub provider: String,
    /// The account's password, where it has one. Where it has none, the session must have begun a short while
    /// ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
}

/// Where to go, and what brings the answer back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BegunOidc {
    /// The provider's page. It sends the browser back to `/sign-in/with/{provider}`.
    pub url: String,
    /// What this browser keeps, and shows with the answer: whoever else gets the answer has no use of it.
    pub secret: String,
    /// From then on the answer comes too late.
    pub expires_at: DateTime<Utc>,
}

/// What the provider sent the browser back with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeemOidc {
    /// `code` of the address.
    pub code: String,
    /// `state` of the address.
    pub state: String,
    /// `iss` of the address, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// What the browser kept.
    pub secret: String,
}

/// The same, to link who one is there to one's account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeemLink {
    /// The provider's name.
    pub provider: String,
    /// `code` of the address.
    pub code: String,
    /// `state` of the address.
    pub state: String,
    /// `iss` of the address, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// What the browser kept.
    pub secret: String,
}

/// Who one is at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkedIdentity {
    /// Its id.
    pub id: String,
    /// The provider's name; null for one that is not set up here any more.
    pub provider: Option<String>,
    /// The provider's name on a button; its address where it is not set up here any more.
    pub title: String,
    /// One's name there, which is never given to another.
    pub subject: String,
    /// When it was linked.
    pub linked_at: DateTime<Utc>,
}

/// Says what a group is in the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutGroupRole {
    /// The provider that tells of it.
    pub provider: String,
    /// The group, as the provider calls it.
    pub group: String,
    /// `owner`, `admin`, `developer` or `viewer`.
    #[schema(value_type = schema::Role)]
    pub role: Role,
}

/// What a group is in the organization: whoever signs in as one of it is a member with that role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupRole {
    /// Its id.
    pub id: String,
    /// The provider that tells of it.
    pub provider: String,
    /// The group, as the provider calls it.
    pub group: String,
    /// `owner`, `admin`, `developer` or `viewer`.
    #[schema(value_type = schema::Role)]
    pub role: Role,
}
