//! Members of an organization, and who is invited to be one.

use chrono::{DateTime, Utc};
use freehold_model::{InvitationId, Role, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The person.
    #[schema(value_type = schema::UserId)]
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// Their address; the owner of a local installation has none.
    pub email: Option<String>,
    /// `owner`, `admin`, `developer` or `viewer`.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// Decides on finished work, whatever the role.
    pub review: bool,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Changes what a member is. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMember {
    /// `owner`, `admin`, `developer` or `viewer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Role>)]
    pub role: Option<Role>,
    /// Whether they decide on finished work, whatever the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<bool>,
}

/// How many members there are, and may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seats {
    /// Members.
    pub members: u32,
    /// How many there may be; as many as like where null.
    pub limit: Option<u32>,
}

/// Invites somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// Who; nobody else can accept.
    pub email: String,
    /// What they are to be: `owner`, `admin`, `developer` or `viewer`.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// Whether they are to decide on finished work, whatever the role.
    #[serde(default)]
    pub review: bool,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Its id.
    #[schema(value_type = schema::InvitationId)]
    pub id: InvitationId,
    /// Who is invited.
    pub email: String,
    /// What they are to be.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// Whether they are to decide on finished work, whatever the role.
    pub review: bool,
    /// Who invites, by name.
    pub by: Option<String>,
    /// `open`, `accepted`, `revoked` or `expired`.
    pub state: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was mailed last.
    pub sent_at: DateTime<Utc>,
    /// It cannot be accepted from then on.
    pub expires_at: DateTime<Utc>,
}

/// The token of an invitation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationToken {
    /// The token.
    pub token: String,
}

/// What one is invited to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationSeen {
    /// The organization's name.
    pub organization: String,
    /// Who is invited.
    pub email: String,
    /// What they are to be.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// Who invites, by name.
    pub by: Option<String>,
    /// Whether that address has an account: its password is asked for then, and else a new one.
    pub has_account: bool,
}

/// Accepts an invitation, and signs in there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The token.
    pub token: String,
    /// The password of the account that the address has, or the one that it is to have.
    pub password: String,
    /// What others are to call them, where they have no account yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
