//! Taking up the repository that `up` was started in: asked once, before anything is used.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use freehold_environment::project::PROJECT_FILE;
use freehold_model::{Isolation, Limits};
use freehold_wire::api::{Agent, NewAgent, NewProject, Project, Provider};
use freehold_wire::order::Egress;

use super::repository::{Repository, Way};
use super::state::State;
use crate::ask;
use crate::client::{Client, Route};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::print::{Printer, safe};
use crate::roles::consent::Consent;
use crate::roles::machine;

/// What was found around `up`, and whether a person may be asked about it.
pub(super) struct Found {
    repository: Option<Repository>,
    agents: Vec<machine::Agent>,
    may_ask: bool,
    printer: Printer,
}

impl Found {
    /// Looks. For programs nothing is looked for: nothing will be done about it.
    pub(super) async fn look(environment: &Environment, printer: Printer) -> Self {
        let mut found = Self {
            repository: None,
            agents: Vec::new(),
            may_ask: environment.answers && !printer.json,
            printer,
        };
        if printer.json {
            return found;
        }
        let directory = std::env::current_dir().unwrap_or_else(|_| "/".into());
        let repository = Repository::find(environment, &directory);
        (found.repository, found.agents) = tokio::join!(repository, machine::agents(environment));
        found
    }

    /// Asks what was not asked before and is needed before the runner starts. Nobody there means
    /// no, for this time.
    pub(super) async fn consent(&self, state: &State) -> Result<(), Failure> {
        let Some(repository) = self.repository.as_ref().filter(|_| self.may_ask) else {
            return Ok(());
        };
        let Ok(remote) = &repository.remote else {
            return Ok(());
        };
        let path = state.data.consent();
        let mut consent = Consent::load(&path)?;
        let before = consent.clone();
        if !consent.repositories.contains_key(&repository.root) {
            let branch = repository.target.as_deref().unwrap_or("its default branch");
            let question = format!(
                "Adopt {} as project `{}`? Work starts from and lands on `{branch}` of {remote}.",
                repository.root.display(),
                repository.name
            );
            if let Some(answer) = ask::yes(&question, true).await {
                consent.repositories.insert(repository.root.clone(), answer);
            }
        }
        if consent.repositories.get(&repository.root) == Some(&true) {
            credentials(&repository.way, &mut consent).await;
        }
        match consent == before {
            true => Ok(()),
            false => consent.save(&path),
        }
    }

    /// Says what was found, and does what was allowed. What does not work is said and ends nothing.
    pub(super) async fn adopt(&self, state: &State) -> Result<(), Failure> {
        if self.printer.json {
            return Ok(());
        }
        self.tell();
        let Some(repository) = &self.repository else {
            let client = state.client()?;
            let known = client.list::<Project>(&Route::to("projects"), None).await?;
            return self.say(&match known.items.as_slice() {
                [] => "Next: freehold project add NAME --remote URL".to_owned(),
                [one] => card_next(&one.name),
                _ => card_next("NAME"),
            });
        };
        let Ok(remote) = &repository.remote else {
            return Ok(());
        };
        let consent = Consent::load(&state.data.consent())?;
        let client = state.client()?;
        let known = client.list::<Project>(&Route::to("projects"), None).await?;
        if let Some(project) = known.items.iter().find(|project| project.remote == *remote) {
            return self.say(&card_next(&project.name));
        }
        if !self.may_ask || consent.repositories.get(&repository.root) != Some(&true) {
            return self.say(&format!(
                "Not adopted. Next: freehold project add {} --remote {remote}",
                repository.name
            ));
        }
        let project = add_project(&client, repository, remote).await?;
        self.say(&format!(
            "Adopted as project `{}`: lands on `{}`.",
            project.name, project.target
        ))?;
        self.propose(repository).await?;
        self.offer_agents(&client).await?;
        self.say(&card_next(&project.name))
    }

    fn tell(&self) {
        let mut lines = Vec::new();
        match &self.repository {
            None => {}
            Some(repository) => match &repository.remote {
                Err(why) => lines.push(format!("This repository is no project yet: {why}.")),
                Ok(remote) => {
                    let way = match &repository.way {
                        Way::Nothing => "",
                        Way::Helper(_) => ", with a credential helper",
                        Way::SshAgent => ", with your SSH agent",
                    };
                    let target = repository.target.as_deref().unwrap_or("(the remote's)");
                    lines.push(format!("  repository  {remote}, branch {target}{way}"));
                }
            },
        }
        for agent in &self.agents {
            let version = agent.version.as_deref().unwrap_or("version unknown");
            lines.push(format!(
                "  agent       {} ({version})",
                agent.installation.preset
            ));
        }
        for line in lines {
            let _ = self.say(&line);
        }
    }

    fn say(&self, line: &str) -> Result<(), Failure> {
        let line = safe::line(line);
        self.printer
            .stream(format!("{line}\n").as_bytes())
            .map(drop)
    }

    /// Offers to write the project's file into the work tree. Never commits.
    async fn propose(&self, repository: &Repository) -> Result<(), Failure> {
        let Some(proposal) = &repository.proposal else {
            return Ok(());
        };
        let text = safe::text(&proposal.text);
        let head = format!("It has no {PROJECT_FILE} yet. Proposed from what is there:\n\n");
        let _ = self
            .printer
            .stream(format!("\n{head}{text}\n").as_bytes())?;
        let question = format!("Write it to {PROJECT_FILE}?");
        if ask::yes(&question, true).await != Some(true) {
            return Ok(());
        }
        match write_new(&repository.root, &proposal.text) {
            Ok(()) => self.say(&format!(
                "Written. Look at it, commit it and push it: it counts from the target branch (git add {PROJECT_FILE} && git commit && git push)."
            )),
            Err(error) => self.say(&format!("{PROJECT_FILE} was not written: {error}")),
        }
    }

    /// Offers the agents that were found and have a provider whose protocol they speak.
    async fn offer_agents(&self, client: &Client) -> Result<(), Failure> {
        let known = client.list::<Agent>(&Route::to("agents"), None).await?;
        let providers = client
            .list::<Provider>(&Route::to("providers"), None)
            .await?;
        for agent in &self.agents {
            let preset = agent.installation.preset;
            let word = preset.word();
            if known.items.iter().any(|known| known.name == word) {
                continue;
            }
            let kinds = preset.provider_kinds();
            let fits = |provider: &&Provider| kinds.iter().any(|kind| kind.word() == provider.kind);
            let Some(provider) = providers.items.iter().find(fits) else {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
                self.say(&format!(
                    "For {word}: add a model endpoint ({}) with `freehold provider add`, then `freehold agent add {word} --driver {} --preset {word} --provider NAME`.",
                    kinds.join(" or "),
                    driver(agent)
                ))?;
                continue;
            };
            let question = format!("Add {word} as an agent, with provider `{}`?", provider.name);
            if ask::yes(&question, true).await != Some(true) {
                continue;
            }
            let new = new_agent(agent, provider);
            match client.post::<_, Agent>(&Route::to("agents"), &new).await {
                Ok(added) => self.say(&format!("Added agent `{}`.", added.name))?,
                Err(failure) => self.say(&format!("{word} was not added: {failure}"))?,
            }
        }
        Ok(())
    }
}

async fn credentials(way: &Way, consent: &mut Consent) {
    match way {
        Way::Nothing => {}
        Way::Helper(helper) if consent.helpers.contains_key(helper) => {}
        Way::Helper(helper) => {
            // Its command line may hold a secret: only its first word is shown.
            let shown = helper.split_whitespace().next().unwrap_or_default();
            let question = format!(
                "git authenticates with the credential helper `{shown}`. May the runner ask it?"
            );
            if let Some(answer) = ask::yes(&question, false).await {
                if answer {
                    // git is given one: the newest that was allowed.
                    consent.helpers.retain(|_, allowed| !*allowed);
                }
                consent.helpers.insert(helper.clone(), answer);
            }
        }
        Way::SshAgent if consent.ssh_agent.is_some() => {}
        Way::SshAgent => {
            let question =
                "git authenticates with your SSH agent. May the runner use it to fetch and push?";
            if let Some(answer) = ask::yes(question, false).await {
                consent.ssh_agent = Some(answer);
            }
        }
    }
}

async fn add_project(
    client: &Client,
    repository: &Repository,
    remote: &str,
) -> Result<Project, Failure> {
    let new = NewProject {
        name: repository.name.clone(),
        remote: remote.to_owned(),
        target: repository.target.clone(),
        egress: Egress::default(),
        directory: None,
    };
    client.post(&Route::to("projects"), &new).await
}

fn driver(agent: &machine::Agent) -> &'static str {
    match agent.installation.driver {
        freehold_agents::Driver::Command => "command",
        freehold_agents::Driver::Acp => "acp",
        freehold_agents::Driver::Builtin => "builtin",
    }
}

fn new_agent(agent: &machine::Agent, provider: &Provider) -> NewAgent {
    let word = agent.installation.preset.word().to_owned();
    NewAgent {
        name: word.clone(),
        driver: driver(agent).to_owned(),
        preset: Some(word),
        provider: Some(provider.name.clone()),
        paths: Vec::new(),
        labels: std::collections::BTreeMap::new(),
        timeout_s: None,
        stall_s: None,
        command: Vec::new(),
        isolation: Isolation::default(),
        image: None,
        limits: Limits::new(),
        tools: false,
        repository_settings: false,
    }
}

/// Writes the file where there is none; a link in its folder's place is not followed out.
fn write_new(root: &Path, text: &str) -> std::io::Result<()> {
    let path = root.join(PROJECT_FILE);
    let folder = path.parent().unwrap_or(root);
    match fs::symlink_metadata(folder) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Err(std::io::Error::other("its folder is not a directory")),
        Err(_) => fs::create_dir(folder)?,
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// What comes next where there is a project.
fn card_next(project: &str) -> String {
    format!("Next: freehold card add --project {project} --title 'What is wanted'")
}
