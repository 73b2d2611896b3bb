//! One module per noun: from words to the API and back to print.

mod agent;
mod card;
mod completions;
mod project;
mod provider;
mod raw;
mod review;
mod run;
mod runner;
mod watch;

pub(crate) use completions::completions;

use std::io::Read as _;

use freehold_wire::api::BODY_MAX;
use freehold_wire::problem::Code;

use crate::client::Client;
use crate::client::target::Target;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::print::Printer;
use crate::words::{
    AgentWords, CardWords, Global, ListWords, ProjectWords, ProviderWords, RunWords,
};

/// The commands that ask a server.
pub(crate) enum Ask {
    Project(ProjectWords),
    Provider(ProviderWords),
    Agent(AgentWords),
    Card(CardWords),
    Run(RunWords),
    Runners(ListWords),
    EnrollToken,
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
    match ask {
        Ask::Project(words) => project::run(words, &client, printer).await,
        Ask::Provider(words) => provider::run(words, &client, printer).await,
        Ask::Agent(words) => agent::run(words, &client, printer).await,
        Ask::Card(words) => card::run(words, &client, printer).await,
        Ask::Run(words) => run::run(words, &client, printer).await,
        Ask::Runners(words) => runner::list(words, &client, printer).await,
        Ask::EnrollToken => runner::enroll_token(&client, printer).await,
    }
}

/// A text that `-` reads from standard input.
fn text_or_stdin(text: String) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text);
    }
    let mut bytes = Vec::new();
    let limit = BODY_MAX as u64 + 1;
    std::io::stdin()
        .lock()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| {
            let message = format!("standard input cannot be read: {error}");
            Failure::coded(Code::Invalid, message)
        })?;
    if bytes.len() > BODY_MAX {
        let message = "standard input has more than 2 MB";
        return Err(Failure::coded(Code::TooLarge, message));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::coded(Code::Invalid, "standard input is not UTF-8 text"))
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
