//! What the API's description says of the model's values, which know nothing of descriptions.
//! Each type here stands for the model's of the same name; there are no values of it.

use std::borrow::Cow;

use chrono::DateTime;
use freehold_model::id::{Id, Kind, kind};
use freehold_model::run;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::Code;

macro_rules! described {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => {
        $($(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        })*
    };
}

described! {
    /// Of a tenant.
    TenantId = id::<kind::Tenant>("an organization");
    /// Of a person.
    UserId = id::<kind::User>("a person");
    /// Of a project.
    ProjectId = id::<kind::Project>("a project");
    /// Of a card.
    CardId = id::<kind::Card>("a card");
    /// Of a run.
    RunId = id::<kind::Run>("a run");
    /// Of an agent.
    AgentId = id::<kind::Agent>("an agent");
    /// Of a provider.
    ProviderId = id::<kind::Provider>("a model provider");
    /// Of an environment.
    EnvironmentId = id::<kind::Environment>("a project's environment on a runner");
    /// Of a token.
    TokenId = id::<kind::Token>("a token");
    /// Of an invitation.
    InvitationId = id::<kind::Invitation>("an invitation");
    /// Of a runner.
    RunnerId = id::<kind::Runner>("a runner");
    /// Of a webhook.
    WebhookId = id::<kind::Webhook>("a webhook");
    /// Of a delivery.
    DeliveryId = id::<kind::Delivery>("what a webhook is told of one thing that happened");
    /// What webhooks are told of.
    WebhookEvent = one_of("What webhooks are told of; docs/webhooks.md says what each means. More may come.",
        freehold_model::webhook::Event::ALL.iter().map(|event| event.word()));
    /// What a member is in an organization.
    Role = one_of("What a member is in an organization, the least first: each may do what those before it may.",
        freehold_model::Role::ALL.map(freehold_model::Role::name));
    /// What a token is for.
    Scope = one_of("What a token is for, of what its person may do. More may come.",
        freehold_model::Scope::ALL.iter().map(|scope| scope.name()));
    /// A column of the board.
    Lane = one_of("A column of the board, in their order.", freehold_model::Lane::ALL.map(freehold_model::Lane::name));
    /// How strongly a run is kept apart from the machine.
    Isolation = one_of("How strongly a run is kept apart from the machine, weakest first. `none` and `worktree` are unsandboxed.",
        freehold_model::Isolation::ALL.map(freehold_model::Isolation::name));
    /// How much sooner than others a run is wanted.
    Priority = one_of("How much sooner than others a run is wanted, the least first. One step is worth an hour of waiting: whoever has waited longer goes first all the same.",
        freehold_model::priority::Priority::ALL.map(freehold_model::priority::Priority::name));
    /// Where a run is.
    State = one_of("Where a run is.", run::State::ALL.map(run::State::name));
    /// Where an environment is.
    EnvironmentState = one_of("Where an environment is.", freehold_model::environment::State::ALL.map(freehold_model::environment::State::name));
    /// Why a run is where it is.
    Reason = one_of("Why a run is where it is. More may come: show an unknown one as it is.",
        freehold_model::Reason::ALL.iter().map(|reason| reason.code()));
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let description = "What went wrong; `/docs/errors/<code>` is its page. More may come: go by the status then.";
        one_of(description, Self::ALL.iter().map(|code| code.code())).into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Code")
    }
}

fn id<K: Kind>(of: &str) -> Object {
    let example = Id::<K>::at(DateTime::UNIX_EPOCH, [0b1010_0101; 10]);
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .pattern(Some(format!(
            "^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$",
            K::PREFIX
        )))
        .description(Some(format!("The id of {of}. Later ones sort later.")))
        .examples([example.to_string()])
        .build()
}

fn one_of(description: &str, names: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .enum_values(Some(names))
        .description(Some(description))
        .build()
}
