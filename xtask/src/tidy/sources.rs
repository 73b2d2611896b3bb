//! Rules on Rust sources: who starts processes, how long a file grows, what a note must say.

use super::tree::File;

/// Half of all files are below 200 lines, tests apart; one that passes this does two things.
const LONGEST: usize = 600;

/// Files that are longer, and how long they may be. The list may only shrink: cut the file, lower or remove its line.
const LONGER: &[(&str, usize)] = &[];

/// Who may start processes. Tests may everywhere, and so may the built-in agent, which is inside the sandbox already.
const STARTERS: &[&str] = &[
    "crates/agents/src/tools/",
    "crates/cli/",
    "crates/environment/",
    "crates/git/",
    "crates/postgres/",
    "crates/sandbox/",
    "crates/testkit/",
    "xtask/",
];

/// Written apart, so that this file does not find itself.
const START: &[&str] = &[
    concat!("process::", "Command"),
    concat!("Command", "::new("),
];
/// Builders of other libraries that bear the same name.
const NOT_PROCESSES: &[&str] = &["clap::Command", "CommandFactory"];
const NOTES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

pub(crate) fn check(files: &[File]) -> Vec<String> {
    let rust = || files.iter().filter(|f| f.path.ends_with(".rs"));
    let mut findings: Vec<String> = rust()
        .flat_map(|f| [length(f), process(f), route(f)])
        .flatten()
        .collect();
    findings.extend(files.iter().flat_map(notes));
    findings.extend(
        LONGER
            .iter()
            .filter(|(path, _)| !files.iter().any(|f| f.path == *path))
            .map(|(path, _)| format!("{path}: gone; remove its line in LONGER")),
    );
    findings
}

fn length(file: &File) -> Option<String> {
    let lines = production(file).lines().count();
    let exception = LONGER
        .iter()
        .find(|(path, _)| *path == file.path)
        .map(|(_, most)| *most);
    match exception {
        None if lines > LONGEST => Some(format!(
            "{}: {lines} lines, {LONGEST} at most; cut it by what changes together",
            file.path
        )),
        Some(most) if lines > most => Some(format!(
            "{}: {lines} lines, it had {most}; it may only shrink",
            file.path
        )),
        Some(_) if lines <= LONGEST => Some(format!(
            "{}: {lines} lines now; remove its line in LONGER",
            file.path
        )),
        _ => None,
    }
}

fn process(file: &File) -> Option<String> {
    if STARTERS.iter().any(|room| file.path.starts_with(room))
        || file.path.contains("/tests/")
        || file.path.ends_with("tests.rs")
    {
        return None;
    }
    let starts = |line: &&str| {
        START.iter().any(|s| line.contains(s))
            && !NOT_PROCESSES.iter().any(|s| line.contains(s))
            && !is_comment(line)
    };
    let line = production(file).lines().position(|l| starts(&l))? + 1;
    Some(format!(
        "{}:{line}: starts a process; that is for {}",
        file.path,
        STARTERS.join(" ")
    ))
}

/// A route of the API that is added past its description would be one that no client knows of.
fn route(file: &File) -> Option<String> {
    let nouns = file.path.starts_with("crates/server/src/api/") && !file.path.ends_with("/mod.rs");
    let line = file
        .text
        .lines()
        .position(|line| line.contains(".route("))?
        + 1;
    nouns.then(|| format!("{}:{line}: a route without a description; say `#[utoipa::path]` at its handler and `.routes(routes!(…))` here", file.path))
}

/// Without the tests at its end.
fn production(file: &File) -> &str {
    file.text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// A note to oneself says why it may stay, in parentheses: an issue, or a reason.
fn notes(file: &File) -> Vec<String> {
    let line = |(number, line): (usize, &str)| {
        let note = NOTES.iter().find(|note| is_note(line, note))?;
        Some(format!(
            "{}:{}: {note} without a reason; write {note}(why it may stay)",
            file.path,
            number + 1
        ))
    };
    file.text.lines().enumerate().filter_map(line).collect()
}

fn is_note(line: &str, note: &str) -> bool {
    line.match_indices(note).any(|(at, _)| {
        let before = line.get(..at).and_then(|l| l.chars().next_back());
        let after = line.get(at + note.len()..).and_then(|l| l.chars().next());
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !word(before) && !word(after) && after != Some('(')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: impl Into<String>) -> File {
        File {
            path: path.into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_file_that_grows_past_the_limit_is_found() {
        assert_eq!(
            length(&file("crates/a/src/a.rs", "x\n".repeat(LONGEST))),
            None
        );
        assert!(
            length(&file("crates/a/src/a.rs", "x\n".repeat(LONGEST + 1)))
                .unwrap()
                .contains("601 lines")
        );
    }

    #[test]
    fn processes_are_started_in_their_rooms_and_in_tests() {
        let start = format!("fn a() {{\n    {}\"sh\");\n}}", START[1]);
        assert_eq!(
            process(&file("crates/engine/src/a.rs", &start))
                .unwrap()
                .split(": ")
                .next(),
            Some("crates/engine/src/a.rs:2")
        );
        for fine in [
            "crates/git/src/a.rs",
            "crates/engine/tests/it/a.rs",
            "crates/engine/src/run_tests.rs",
        ] {
            assert_eq!(process(&file(fine, &start)), None, "{fine}");
        }
        assert_eq!(
            process(&file(
                "crates/engine/src/a.rs",
                format!("#[cfg(test)]\nmod tests {{ {start} }}")
            )),
            None
        );
        assert_eq!(
            process(&file("crates/engine/src/a.rs", format!("// {}", START[0]))),
            None
        );
    }

    #[test]
    fn a_route_of_the_api_has_a_description() {
        let text = "    .route(\"/cards\", get(card_list))\n";
        assert!(route(&file("crates/server/src/api/card.rs", text)).is_some());
        assert_eq!(route(&file("crates/server/src/link.rs", text)), None);
        let described = file(
            "crates/server/src/api/card.rs",
            ".routes(routes!(card_list))",
        );
        assert_eq!(route(&described), None);
    }

    #[test]
    fn a_note_needs_a_reason() {
        for note in NOTES {
            assert_eq!(notes(&file("a.md", format!("one\n{note}: later"))).len(), 1);
            assert_eq!(
                notes(&file(
                    "a.md",
                    format!("{note}(#12): later, A{note}, {note}_ID")
                )),
                [""; 0]
            );
        }
    }
}
