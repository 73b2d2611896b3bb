//! Values and decisions: ids, the run's life cycle, scheduling. No clock, no randomness, no IO,
//! no async. Everything here is a function of its arguments, so that the server can apply it in
//! a transaction and a simulator can apply it to a seed.

pub mod card;
pub mod change;
pub mod directory;
pub mod email;
pub mod environment;
pub mod id;
pub mod invitation;
pub mod isolation;
pub mod limit;
pub mod lineage;
pub mod password;
pub mod permission;
pub mod person;
pub mod priority;
pub mod rate;
pub mod reason;
pub mod run;
pub mod schedule;
pub mod webhook;
pub mod world;

pub use card::Lane;
pub use change::{Change, Changes, changes};
pub use directory::Directory;
pub use email::Email;
pub use id::{
    AgentId, AttemptId, BlobId, CardId, DeliveryId, EnvironmentId, HappeningId, Id, InvitationId,
    JobId, LineageId, MailId, OrderId, ProjectId, ProviderId, QuestionId, RepositoryId, RunId,
    RunnerId, TenantId, TokenId, UserId, WebhookId,
};
pub use isolation::Isolation;
pub use limit::{Limit, Limits};
pub use permission::{Action, Rights, Role, Scope, Scopes};
pub use reason::Reason;
pub use world::{Clock, Entropy};
