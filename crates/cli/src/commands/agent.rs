//! `freehold agent`

use freehold_wire::api::{Agent, NewAgent};

use super::absolute;
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, things};
use crate::words::{AgentAdd, AgentWords, labels};

pub(super) async fn run(
    words: AgentWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        AgentWords::Add(words) => {
            let agent: Agent = client.post(&Route::to("agents"), &new(words)?).await?;
            printer.show(&agent, things::agent)
        }
        AgentWords::List(words) => {
            let page = client.list(&Route::to("agents"), words.after).await?;
            printer.show(&page, things::agents)
        }
    }
}

fn new(words: AgentAdd) -> Result<NewAgent, Failure> {
    let paths = words.paths.iter().map(|path| absolute(path));
    let labels = labels(words.labels)
        .map_err(|message| Failure::usage(message, "give each label's key once"))?;
    Ok(NewAgent {
        name: words.name,
        driver: words.driver,
        preset: words.preset,
        provider: words.provider,
        paths: paths.collect::<Result<_, _>>()?,
        labels,
        timeout_s: words.timeout,
        stall_s: words.stall,
        command: words.command,
    })
}
