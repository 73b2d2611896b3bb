//! The API's documents, version 1. All under `/api/v1`, JSON, plain text for those whom the
//! server may open content for. Wherever a path or a field takes an id, a name does as well.
//!
//! | method and path | takes | gives |
//! |---|---|---|
//! | `GET /health` | | [`Health`] (no token) |
//! | `POST /sign-in` | [`SignIn`] | [`SignedIn`] (no token) |
//! | `POST /sign-in/tokens` | | [`SignInToken`] |
//! | `POST /sign-out`, `GET /me` | | nothing, [`Me`] |
//! | `POST /tokens`, `GET /tokens` | [`NewToken`] | [`TokenMade`], [`Page`] of [`AccessToken`] |
//! | `POST /service-tokens`, `GET /service-tokens` | [`NewServiceToken`] | the same, of the organization |
//! | `DELETE /tokens/{t}`, `DELETE /service-tokens/{t}` | | nothing |
//! | `POST /device`, `POST /device/token` | [`NewDevice`], [`DevicePoll`] | [`DeviceCodes`], [`DeviceState`] (no token) |
//! | `POST /device/look`, `POST /device/approve`, `POST /device/deny` | [`UserCode`] | [`Device`] |
//! | `GET /sign-in/ways` | | [`SignInWays`] (no token) |
//! | `POST /registrations`, `POST /registrations/confirm` | [`Register`], [`ConfirmRegistration`] | nothing, [`NewSession`] (no token) |
//! | `POST /sign-in/password` | [`SignInPassword`] | [`NewSession`] (no token) |
//! | `POST /password/forgot`, `POST /password/reset` | [`ForgotPassword`], [`ResetPassword`] | nothing (no token) |
//! | `POST /session/renew` | | [`NewSession`] |
//! | `GET /account`, `POST /account/password` | [`ChangePassword`] | [`Account`], [`NewSession`] |
//! | `GET /account/sessions` | | [`Page`] of [`BrowserSession`] |
//! | `DELETE /account/sessions`, `DELETE /account/sessions/{s}` | | nothing |
//! | `GET /account/organizations`, `POST /account/organizations` | [`NewOrganization`] | [`Page`] of [`Organization`], [`NewSession`] |
//! | `POST /account/organizations/{o}/enter` | | [`NewSession`] |
//! | `GET /members`, `GET /members/{m}`, `GET /members/seats` | | [`Page`] of [`Member`], [`Member`], [`Seats`] |
//! | `PATCH /members/{m}`, `DELETE /members/{m}`, `POST /members/leave` | [`EditMember`] | [`Member`], nothing |
//! | `GET /invitations`, `POST /invitations` | [`NewInvitation`] | [`Page`] of [`Invitation`], [`Invitation`] |
//! | `POST /invitations/{i}/resend`, `DELETE /invitations/{i}` | | [`Invitation`], nothing |
//! | `POST /invitations/look`, `POST /invitations/accept` | [`InvitationToken`], [`AcceptInvitation`] | [`InvitationSeen`], [`NewSession`] (no token) |
//! | `POST /account/invitations/accept` | [`InvitationToken`] | [`NewSession`] |
//! | `POST /sign-in/oidc/{p}`, `POST /sign-in/oidc/{p}/redeem` | [`BeginOidc`], [`RedeemOidc`] | [`BegunOidc`], [`NewSession`] (no token) |
//! | `GET /account/identities`, `DELETE /account/identities/{i}` | | [`Page`] of [`LinkedIdentity`], nothing |
//! | `POST /account/identities/begin`, `POST /account/identities` | [`BeginLink`], [`RedeemLink`] | [`BegunOidc`], [`LinkedIdentity`] |
//! | `GET /group-roles`, `PUT /group-roles`, `DELETE /group-roles/{g}` | [`PutGroupRole`] | [`Page`] of [`GroupRole`], [`GroupRole`], nothing |
//! | `GET /changes` | | server-sent events: [`Change`], by name; hints, not history: on connecting look at everything |
//! | `GET /inbox` | | [`Page`] of [`InboxItem`] |
//! | `POST /projects` | [`NewProject`] | [`Project`] |
//! | `GET /projects`, `GET /projects/{p}` | | [`Page`] of [`Project`], [`Project`] |
//! | `PATCH /projects/{p}` | [`EditProject`] | [`Project`] |
//! | `POST /providers`, `GET /providers` | [`NewProvider`] | [`Provider`] |
//! | `GET /providers/{p}`, `PUT /providers/{p}`, `DELETE /providers/{p}` | [`NewProvider`] | [`Provider`], nothing |
//! | `POST /agents`, `GET /agents` | [`NewAgent`] | [`Agent`] |
//! | `GET /agents/{a}`, `PUT /agents/{a}`, `DELETE /agents/{a}` | [`NewAgent`] | [`Agent`], nothing |
//! | `POST /cards`, `GET /cards?project=&archived=`, `GET /cards/{c}` | [`NewCard`] | [`Card`] |
//! | `PATCH /cards/{c}` | [`EditCard`] | [`Card`] |
//! | `POST /cards/{c}/move` | [`MoveCard`] | [`Card`] |
//! | `POST /cards/{c}/archive`, `POST /cards/{c}/restore` | | [`Card`] |
//! | `GET /cards/{c}/history` | | [`Page`] of [`CardEvent`] |
//! | `POST /cards/{c}/runs` | [`StartRun`] | [`Run`] |
//! | `GET /runs?project=&card=&state=`, `GET /runs/{r}` | | [`Page`] of [`Run`], [`Run`] |
//! | `GET /runs/{r}/steps` | | [`Page`] of [`Step`] |
//! | `GET /runs/{r}/events?after=&before=&limit=&kind=&step=` | | [`Page`] of [`Event`] |
//! | `GET /runs/{r}/events/stream?after=` | | server-sent events, one [`Event`] each, `id:` its seq; ends when the run has ended |
//! | `GET /runs/{r}/logs?follow=true&tail=` | | the agent's own output, raw bytes; with `tail`, about the last so many |
//! | `GET /runs/{r}/review`, `GET /runs/{r}/base` | | [`Review`], [`Base`] |
//! | `GET /runs/{r}/diff` | | unified diff, raw bytes |
//! | `POST /runs/{r}/cancel` | | [`Run`] |
//! | `POST /runs/{r}/approve` | [`Approve`] | [`Run`] (landing; watch it until it is not) |
//! | `POST /runs/{r}/reject` | [`Reject`] | [`Run`] |
//! | `POST /runs/{r}/reply` | [`Reply`] | [`Run`] (the child run where the run had ended) |
//! | `POST /projects/{p}/environments` | | [`Environment`]: the one there is, or a new one |
//! | `GET /environments?project=&active=`, `GET /environments/{e}` | | [`Page`] of [`Environment`], [`Environment`] |
//! | `POST /environments/{e}/stop` | | [`Environment`] (stopping; watch it until it is not) |
//! | `GET /environments/usage?project=&from=&to=` | | [`EnvironmentUsage`] |
//! | `GET /environments/limits`, `PATCH /environments/limits` | [`EditEnvironmentLimits`] | [`EnvironmentLimits`] |
//! | `GET /runners` | | [`Page`] of [`Runner`] |
//! | `DELETE /runners/{r}` | | nothing |
//! | `POST /runners/tokens` | | [`EnrolToken`] |
//! | `GET /webhooks`, `POST /webhooks` | [`NewWebhook`] | [`Page`] of [`Webhook`], [`WebhookMade`] |
//! | `GET /webhooks/{w}`, `PATCH /webhooks/{w}`, `DELETE /webhooks/{w}` | [`EditWebhook`] | [`Webhook`], nothing |
//! | `POST /webhooks/{w}/rotate`, `POST /webhooks/{w}/test` | | [`WebhookMade`], [`WebhookDelivery`] |
//! | `GET /webhooks/{w}/deliveries`, `GET /webhooks/{w}/deliveries/{d}` | | [`Page`] of [`WebhookDelivery`], [`WebhookDeliveryShown`] |
//! | `POST /webhooks/{w}/deliveries/{d}/replay` | | [`WebhookDelivery`] |
//!
//! Each POST of whoever is signed in takes an `Idempotency-Key`. What is shown alone carries an `ETag`, and what
//! changes it takes `If-Match`: `docs/api.md`.
//!
//! Lists take `?after=<cursor>&limit=` and give at most 200 items. Errors are
//! [`crate::problem::Problem`] documents.

mod account;
mod agent;
mod audit;
mod card;
mod device;
mod environment;
mod inbox;
mod isolation;
mod member;
mod oidc;
mod project;
mod provider;
mod review;
mod run;
mod runner;
mod session;
mod token;
mod up;
mod webhook;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use account::{
    Account, BrowserSession, ChangePassword, ConfirmRegistration, ForgotPassword, NewOrganization,
    NewSession, Organization, Register, ResetPassword, SignInPassword, SignInProvider, SignInWays,
};
pub use agent::{Agent, NewAgent};
pub use audit::{AuditBegin, AuditEntry, AuditHead, AuditKept};
pub use card::{Card, CardEvent, EditCard, MoveCard, NewCard};
pub use device::{Device, DeviceCodes, DevicePoll, DeviceState, NewDevice, UserCode};
pub use environment::{
    EditEnvironmentLimits, Environment, EnvironmentDay, EnvironmentLimits, EnvironmentUsage,
};
pub use inbox::{Change, InboxItem, Waits};
pub use isolation::{Bound, InForce, too_low};
pub use member::{
    AcceptInvitation, EditMember, Invitation, InvitationSeen, InvitationToken, Member,
    NewInvitation, Seats,
};
pub use oidc::{
    BeginLink, BeginOidc, BegunOidc, GroupRole, LinkedIdentity, PutGroupRole, RedeemLink,
    RedeemOidc,
};
pub use project::{EditProject, NewProject, Project, Record};
pub use provider::{Key, NewKey, NewProvider, Provider};
pub use review::{
    Approve, Asked, Base, BaseState, ChangedFile, Evidence, FileFlag, FileStatus, Reject, Reply,
    Review,
};
pub use run::{Check, Event, Run, StartRun, Step, Usage};
pub use runner::{Enrol, EnrolToken, Enrolled, Machine, Runner};
pub use session::{Health, Me, SignIn, SignInToken, SignedIn};
pub use token::{AccessToken, NewServiceToken, NewToken, TokenMade};
pub use up::{Up, UpPids};
pub use webhook::{
    EditWebhook, NewWebhook, Webhook, WebhookAttempt, WebhookDelivery, WebhookDeliveryShown,
    WebhookMade,
};

/// Largest request body, in bytes: a card's body is text for people and agents, not an upload.
pub const BODY_MAX: usize = 2 * 1024 * 1024;
/// Most items on one page.
pub const PAGE_MAX: u32 = 200;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor for `after`, when there is more.
    pub next: Option<String>,
}
