//! The command that takes back what a command did, as a person can copy it.

use freehold_model::{Isolation, Lane};
use freehold_wire::api::{Agent, Card, Key, Project, Provider};

use crate::duration;
use crate::print::safe;

/// A command being written.
struct Line(Vec<String>);

impl Line {
    fn new(words: &str, name: &str) -> Self {
        Self(vec![format!("freehold {words}"), quoted(name)])
    }

    fn option(&mut self, name: &str, value: &str) {
        self.0.push(format!("--{name} {}", quoted(value)));
    }

    fn flag(&mut self, name: &str) {
        self.0.push(format!("--{name}"));
    }

    fn options<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        values.for_each(|value| self.option(name, value));
    }

    /// With a value, or with the flag that says that there is none.
    fn maybe(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.option(name, value),
            None => self.flag(&format!("no-{name}")),
        }
    }

    fn program(&mut self, command: &[String]) {
        self.0.push("--".to_owned());
        self.0.extend(command.iter().map(|word| quoted(word)));
    }

    /// Nothing where nothing is to be taken back.
    fn end(self) -> Option<String> {
        (self.0.len() > 2).then(|| self.0.join(" "))
    }
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let word = safe::line(word);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// After `project edit`.
pub(super) fn project_edit(before: &Project, after: &Project) -> Option<String> {
    let mut line = Line::new("project edit", &after.name);
    if before.name != after.name {
        line.option("name", &before.name);
    }
    if before.target != after.target {
        line.option("target", &before.target);
    }
    if before.egress != after.egress {
        line.option("egress", before.egress.name());
    }
    if before.isolation_at_least != after.isolation_at_least {
        let least = before.isolation_at_least.unwrap_or(Isolation::None);
        line.option("isolation-at-least", least.name());
    }
    if before.directory != after.directory {
        line.option("directory", before.directory.as_deref().unwrap_or("."));
    }
    if before.share != after.share {
        line.option("share", &before.share.to_string());
    }
    line.end()
}

/// Longest body that a command repeats; a longer one is shown for itself.
const BODY_MAX: usize = 200;

/// Whether a body can stand in a command as it is. `-` would be read as standard input.
pub(super) fn fits(body: &str) -> bool {
    body.len() <= BODY_MAX && body != "-" && safe::line(body) == body
}

/// After `card edit`.
pub(super) fn card_edit(before: &Card, after: &Card) -> Option<String> {
    let mut line = Line::new("card edit", &after.id.to_string());
    if before.title != after.title {
        line.option("title", &before.title);
    }
    if before.body != after.body && fits(&before.body) {
        line.option("body", &before.body);
    }
    if before.depends != after.depends {
        let depends: Vec<String> = before.depends.iter().map(ToString::to_string).collect();
        match depends.is_empty() {
            true => line.flag("no-depends"),
            false => line.options("depends", depends.iter().map(String::as_str)),
        }
    }
    line.end()
}

/// After `card move`.
pub(super) fn card_move(card: &Card, from: Lane) -> Option<String> {
    (card.lane != from).then(|| format!("freehold card move {} {from}", card.id))
}

/// After `provider edit`.
pub(super) fn provider_edit(before: &Provider, after: &Provider) -> Option<String> {
    let mut line = Line::new("provider edit", &after.name);
    if before.name != after.name {
        line.option("name", &before.name);
    }
    if before.base_url != after.base_url {
        line.option("base-url", &before.base_url);
    }
    if before.key != after.key {
        match before.key {
            Key::None => line.flag("no-key"),
            _ => key(&mut line, &before.key),
        }
    }
    if before.model != after.model {
        line.maybe("model", before.model.as_deref());
    }
    line.end()
}

fn key(line: &mut Line, key: &Key) {
    match key {
        Key::None => {}
        Key::Env(name) => line.option("key-env", name),
        Key::File(path) => line.option("key-file", path),
        Key::Written(_) => line.flag("key-stdin"),
    }
}

/// After `provider remove`.
pub(super) fn provider_remove(provider: &Provider) -> Option<String> {
    let mut line = Line::new("provider add", &provider.name);
    line.option("kind", &provider.kind);
    line.option("base-url", &provider.base_url);
    key(&mut line, &provider.key);
    if let Some(model) = &provider.model {
        line.option("model", model);
    }
    line.end()
}

/// After `agent edit`.
pub(super) fn agent_edit(before: &Agent, after: &Agent) -> Option<String> {
    let mut line = Line::new("agent edit", &after.name);
    if before.name != after.name {
        line.option("name", &before.name);
    }
    if before.provider != after.provider {
        line.maybe("provider", before.provider.as_deref());
    }
    if before.paths != after.paths {
        match before.paths.is_empty() {
            true => line.flag("no-paths"),
            false => line.options("path", before.paths.iter().map(String::as_str)),
        }
    }
    if before.labels != after.labels {
        match before.labels.is_empty() {
            true => line.flag("no-labels"),
            false => labels(&mut line, before),
        }
    }
    if before.timeout_s != after.timeout_s {
        line.option("timeout", &duration::text(before.timeout_s));
    }
    if before.stall_s != after.stall_s {
        line.option("stall", &duration::text(before.stall_s));
    }
    if before.isolation != after.isolation {
        line.option("isolation", before.isolation.name());
    }
    if before.image != after.image {
        line.maybe("image", before.image.as_deref());
    }
    if before.limits != after.limits {
        match before.limits.is_empty() {
            true => line.flag("no-limits"),
            false => limits(&mut line, before),
        }
    }
    for (was, is, yes, no) in [
        (before.tools, after.tools, "tools", "no-tools"),
        (
            before.repository_settings,
            after.repository_settings,
            "repository-settings",
            "no-repository-settings",
        ),
    ] {
        if was != is {
            line.flag(if was { yes } else { no });
        }
    }
    if before.command != after.command {
        match before.command.is_empty() {
            true => line.flag("no-command"),
            false => line.program(&before.command),
        }
    }
    line.end()
}

fn limits(line: &mut Line, agent: &Agent) {
    let pairs: Vec<String> = agent
        .limits
        .iter()
        .map(|(limit, value)| format!("{limit}={}", limit.write(*value)))
        .collect();
    line.options("limit", pairs.iter().map(String::as_str));
}

fn labels(line: &mut Line, agent: &Agent) {
    let pairs: Vec<String> = agent
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    line.options("label", pairs.iter().map(String::as_str));
}

/// After `agent remove`.
pub(super) fn agent_remove(agent: &Agent) -> Option<String> {
    let mut line = Line::new("agent add", &agent.name);
    line.option("driver", &agent.driver);
    line.options("preset", agent.preset.as_deref().into_iter());
    line.options("provider", agent.provider.as_deref().into_iter());
    line.options("path", agent.paths.iter().map(String::as_str));
    labels(&mut line, agent);
    line.option("timeout", &duration::text(agent.timeout_s));
    line.option("stall", &duration::text(agent.stall_s));
    if agent.isolation != Isolation::default() {
        line.option("isolation", agent.isolation.name());
    }
    line.options("image", agent.image.as_deref().into_iter());
    limits(&mut line, agent);
    if agent.tools {
        line.flag("tools");
    }
    if agent.repository_settings {
        line.flag("repository-settings");
    }
    if !agent.command.is_empty() {
        line.program(&agent.command);
    }
    line.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_back_as_it_was() {
        assert_eq!(quoted("a-b_c/d=1"), "a-b_c/d=1");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a\x1b[2Jb\nc"), "'ab c'");
    }
}
