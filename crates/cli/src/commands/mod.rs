//! One module per noun: from words to the API and back to print.

mod agent;
mod audit;
mod card;
mod completions;
mod device;
mod environment;
mod events;
mod people;
mod person;
mod project;
mod provider;
mod raw;
mod review;
mod run;
mod runner;
mod sandbox;
mod token;
mod undo;
mod vm;
mod watch;
mod webhook;

pub(crate) use audit::{Verified, verify};
pub(crate) use completions::completions;
pub(crate) use device::login;
pub(crate) use sandbox::sandbox;
pub(crate) use vm::vm;

use std::io::Read;

use freehold_model::world::random;
use freehold_wire::api::BODY_MAX;
use freehold_wire::base64url;
use freehold_wire::problem::Code;
use reqwest::Method;
use serde::de::DeserializeOwned;

use crate::client::target::Target;
use crate::client::{ASK, Client, Route};
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::print::Printer;
use crate::words::{
    AgentWords, AuditWords, CardWords, DeviceWords, EnvironmentWords, Global, InviteWords,
    ListWords, MemberWords, ProjectWords, ProviderWords, RunWords, TokenWords, WebhookWords,
};
use crate::world::SystemEntropy;

/// The commands that ask a server.
pub(crate) enum Ask {
    Project(ProjectWords),
    Provider(ProviderWords),
    Agent(AgentWords),
    Card(CardWords),
    Run(RunWords),
    Environment(EnvironmentWords),
    Inbox(ListWords),
    Audit(AuditWords),
    Runners(ListWords),
    EnrollToken,
    RunnerRevoke { runner: String, yes: bool },
    Token(TokenWords),
    Webhook(WebhookWords),
    Device(DeviceWords),
    Member(MemberWords),
    Invite(InviteWords),
    SignIn,
    SignOut { yes: bool },
    Whoami,
}

/// Times that an act is confirmed anew because the thing changed meanwhile: a person reads each.
const ASKED_MOST: u32 = 5;

/// Whether somebody is there who can be asked.
#[derive(Debug, Clone, Copy)]
struct Person {
    is_there: bool,
}

impl Person {
    /// Asks before something goes that does not come back by itself. Whoever said yes already is
    /// not asked, and neither is a program.
    async fn sure(self, question: &str, yes: bool) -> Result<(), Failure> {
        match self.is_there && !yes {
            true => crate::ask::sure(question).await,
            false => Ok(()),
        }
    }

    /// Does what cannot be taken back once the person has said yes to the server's own words about it. Who
    /// said yes already is not asked, and the server's token for the present state is sent all the same; a
    /// program that did not is refused where the server asks.
    async fn surely(
        self,
        client: &Client,
        method: Method,
        route: &Route,
        yes: bool,
    ) -> Result<(), Failure> {
        let mut confirmation = (self.is_there && !yes).then(|| ASK.to_owned());
        for _ in 0..ASKED_MOST {
            let word = confirmation.as_deref();
            let Some(asked) = client.try_surely(method.clone(), route, word).await? else {
                return Ok(());
            };
            if !yes && !self.is_there {
                let next =
                    "say yes with `--yes`; or use a token that was made with the scope `destroy`";
                return Err(Failure::new(
                    Exit::Failed,
                    asked.code.code(),
                    asked.detail,
                    next,
                ));
            }
            self.sure(&format!("{}. Do it?", capital(&asked.detail)), yes)
                .await?;
            confirmation = asked.confirmation;
        }
        Err(Failure::new(
            Exit::Failed,
            Code::ConfirmationNeeded.code(),
            "what would happen changes all the time: nothing was done",
            "look at it, and try again",
        ))
    }
}

/// With its first letter large: a sentence of a person's.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// Asks the server, and prints what it says.
pub(crate) async fn ask(
    ask: Ask,
    global: &Global,
    environment: &Environment,
    printer: Printer,
) -> Result<(), Failure> {
    let target = Target::find(environment, global.url.as_deref(), global.data.as_deref())?;
    let client = Client::new(&target)?;
    let person = Person {
        is_there: environment.answers && !printer.json,
    };
    match ask {
        Ask::Project(words) => project::run(words, &client, printer).await,
        Ask::Provider(words) => provider::run(words, &client, person, printer).await,
        Ask::Agent(words) => agent::run(words, &client, person, printer).await,
        Ask::Card(words) => card::run(words, &client, printer).await,
        Ask::Run(words) => run::run(words, &client, printer).await,
        Ask::Environment(words) => environment::run(words, &client, person, printer).await,
        Ask::Runners(words) => runner::list(words, &client, printer).await,
        Ask::EnrollToken => runner::enroll_token(&client, printer).await,
        Ask::RunnerRevoke { runner, yes } => {
            runner::revoke(&runner, yes, &client, person, printer).await
        }
        Ask::Audit(words) => audit::run(words, &client, printer).await,
        Ask::Inbox(words) => person::inbox(words, &client, printer).await,
        Ask::Token(words) => token::run(words, &client, person, printer).await,
        Ask::Webhook(words) => webhook::run(words, &client, person, printer).await,
        Ask::Device(words) => device::run(words, &client, person, printer).await,
        Ask::Member(words) => people::member(words, &client, person, printer).await,
        Ask::Invite(words) => people::invite(words, &client, printer).await,
        Ask::SignIn => person::sign_in(&client, printer).await,
        Ask::SignOut { yes } => person::sign_out(yes, &client, person, printer).await,
        Ask::Whoami => person::whoami(&client, printer).await,
    }
}

/// The thing of that id or name, where only a list of them is to be had.
async fn find<T: DeserializeOwned>(
    client: &Client,
    noun: &'static str,
    name: &str,
    names: impl Fn(&T) -> (String, &String),
) -> Result<T, Failure> {
    let page = client.list::<T>(&Route::to(noun), None).await?;
    let is_it = |thing: &T| {
        let (id, known) = names(thing);
        id == name || known == name
    };
    let mut found = page.items.into_iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => {
            let message = format!("none of the {noun} is `{name}`");
            Err(Failure::coded(Code::NotFound, message))
        }
        // Machines may have one name, and only one of them is meant.
        (Some(_), Some(_)) => Err(Failure::usage(
            format!("several of the {noun} are `{name}`"),
            "use the id of the one that you mean",
        )),
    }
}

/// The key under which a request is said again when its answer was lost.
fn once(given: Option<String>) -> String {
    given.unwrap_or_else(|| base64url::encode(&random::<16>(&SystemEntropy)))
}

/// A text that `-` reads from standard input.
fn text_or_stdin(text: String) -> Result<String, Failure> {
    match text == "-" {
        true => text_of(std::io::stdin().lock(), "standard input"),
        false => Ok(text),
    }
}

/// All of a text that a request can carry.
fn text_of(from: impl Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let limit = BODY_MAX as u64 + 1;
    from.take(limit).read_to_end(&mut bytes).map_err(|error| {
        let message = format!("{name} cannot be read: {error}");
        Failure::coded(Code::Invalid, message)
    })?;
    if bytes.len() > BODY_MAX {
        let message = format!("{name} has more than 2 MB");
        return Err(Failure::coded(Code::TooLarge, message));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::coded(Code::Invalid, format!("{name} is not UTF-8 text")))
}

/// A path as the runner's machine knows it: absolute, links left as they are.
fn absolute(path: &std::path::Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display()), "name a path"))?;
    absolute.into_os_string().into_string().map_err(|path| {
        let message = format!("the path {} is not UTF-8", path.display());
        Failure::usage(message, "use a path that is")
    })
}
