//! What a decision rests on, in words. What an agent or a repository said stands behind a bar,
//! so that it cannot look like a line of ours.

use freehold_model::Reason;
use freehold_model::change::trusted;
use freehold_model::run::State;
use freehold_wire::api::{
    Asked, Base, BaseState, ChangedFile, Evidence, FileFlag, FileStatus, Review, Run,
};
use serde::Serialize;

use super::things::time;
use super::{Paint, Printer, safe};

/// A review, and where the target branch is meanwhile.
#[derive(Debug, Serialize)]
pub(crate) struct Reviewed {
    /// The run as it was named.
    #[serde(skip)]
    pub(crate) name: String,
    /// The run.
    #[serde(skip)]
    pub(crate) run: Run,
    /// Where it is.
    pub(crate) state: State,
    /// Why.
    pub(crate) reason: Option<Reason>,
    /// In words.
    pub(crate) detail: Option<String>,
    /// What the decision rests on.
    #[serde(flatten)]
    pub(crate) review: Review,
    /// Where the target branch is.
    pub(crate) target: Base,
}

/// All of it, the decision last.
pub(crate) fn review(reviewed: &Reviewed, printer: Printer) -> String {
    let review = &reviewed.review;
    let mut parts: Vec<String> = review
        .asked
        .iter()
        .map(|asked| said(asked, printer))
        .collect();
    parts.extend(became(reviewed, printer));
    // Of a run that came to no work, what it never had is not told piece by piece.
    let has_work = review.commit.is_some();
    let summary = match review.summary.as_deref() {
        Some(text) => Some(barred(text)),
        None => has_work.then(|| "  (the agent said nothing)".to_owned()),
    };
    parts.extend(summary.map(|summary| section("What the agent says", &summary, printer)));
    if has_work || !review.files.is_empty() {
        parts.push(files(review, printer));
    }
    if has_work || !review.evidence.is_empty() {
        parts.push(evidence(&review.evidence, printer));
    }
    parts.push(match has_work {
        true => format!("{}\n{}", target(&reviewed.target, printer), next(reviewed)),
        false => super::run::next(&reviewed.run),
    });
    parts.join("\n\n")
}

/// What became of a run that waits for no decision, or waits with trouble.
fn became(reviewed: &Reviewed, printer: Printer) -> Option<String> {
    let is_awaited = reviewed.state == State::Waiting && reviewed.reason.is_none();
    if is_awaited && reviewed.review.commit.is_some() {
        return None;
    }
    let reason = reviewed
        .reason
        .map(|reason| format!(": {}", reason.meaning()));
    let mut text = format!("  {}{}", reviewed.state, reason.unwrap_or_default());
    if let Some(detail) = &reviewed.detail {
        text.push('\n');
        text.push_str(&barred(detail));
    }
    Some(section("What became of it", &text, printer))
}

fn section(title: &str, text: &str, printer: Printer) -> String {
    format!("{}\n{text}", printer.paint(Paint::Bold, title))
}

fn barred(text: &str) -> String {
    let text = safe::text(text);
    let lines: Vec<String> = text
        .trim_end()
        .lines()
        .map(|line| format!("  | {line}").trim_end().to_owned())
        .collect();
    lines.join("\n")
}

fn said(asked: &Asked, printer: Printer) -> String {
    let by = asked
        .by
        .as_deref()
        .map_or_else(|| "somebody".to_owned(), safe::line);
    let what = match asked.kind.as_str() {
        "card" => "What was asked",
        _ => "Reply",
    };
    let title = format!("{what}, by {by}, {}", time(asked.at));
    section(&title, &barred(&asked.text), printer)
}

fn files(review: &Review, printer: Printer) -> String {
    let more = if review.truncated {
        " (not all are listed)"
    } else {
        ""
    };
    let title = format!(
        "{} files, {} lines added, {} removed{more}",
        review.files.len(),
        review.additions,
        review.deletions
    );
    let mut lines: Vec<String> = Vec::new();
    for changed in &review.files {
        lines.push(file(changed, printer));
        lines.extend(
            why(changed)
                .into_iter()
                .map(|why| format!("             {why}")),
        );
    }
    if lines.is_empty() {
        lines.push("  (nothing)".to_owned());
    }
    section(&title, &lines.join("\n"), printer)
}

fn file(file: &ChangedFile, printer: Printer) -> String {
    let mark = match file.flags.is_empty() {
        true => " ".to_owned(),
        false => printer.paint(Paint::Yellow, "!"),
    };
    let path = safe::line(&file.path);
    let path = match &file.old_path {
        Some(old) => format!("{} -> {path}", safe::line(old)),
        None => path,
    };
    let lines = match file.binary {
        true => "binary".to_owned(),
        false => format!("+{} -{}", file.additions, file.deletions),
    };
    format!("{mark} {} {lines:>11}  {path}", status(file.status))
}

/// git's letters.
const fn status(status: FileStatus) -> char {
    match status {
        FileStatus::Added => 'A',
        FileStatus::Modified => 'M',
        FileStatus::Deleted => 'D',
        FileStatus::Renamed => 'R',
        FileStatus::Copied => 'C',
        FileStatus::Mode => 'm',
    }
}

/// Why a person should look twice: by whom it is executed or trusted, where the path says that.
fn why(file: &ChangedFile) -> Vec<String> {
    let paths = std::iter::once(&file.path).chain(&file.old_path);
    let mut reasons: Vec<String> = Vec::new();
    for row in paths.flat_map(|path| trusted(path)) {
        let reason = row.why.to_owned();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let said = |flag: FileFlag| match flag {
        FileFlag::Submodule => Some("it points into another repository"),
        FileFlag::Symlink => Some("it is a link, which may lead out of the repository"),
        FileFlag::Executable => Some("it became executable"),
        // Told by path above; the server may know of one that this program does not.
        _ if reasons.is_empty() => Some("machines execute or trust it by themselves"),
        _ => None,
    };
    let flags: Vec<String> = file
        .flags
        .iter()
        .filter_map(|flag| said(*flag))
        .map(str::to_owned)
        .collect();
    reasons.extend(flags);
    match file.flags.is_empty() {
        true => Vec::new(),
        false => reasons,
    }
}

fn evidence(evidence: &[Evidence], printer: Printer) -> String {
    let mut lines: Vec<String> = evidence
        .iter()
        .map(|check| result(check, printer))
        .collect();
    if lines.is_empty() {
        lines.push("  (none: nothing but you looks at this work)".to_owned());
    }
    section("Checks", &lines.join("\n"), printer)
}

fn result(check: &Evidence, printer: Printer) -> String {
    let state = printer.paint(
        super::run::verdict(&check.state),
        &format!("{:9}", safe::line(&check.state)),
    );
    let code = check.exit_code.map(|code| format!("exit code {code}"));
    let time = check
        .ms
        .map(|ms| format!("{}.{:03} s", ms / 1000, ms % 1000));
    let facts: Vec<String> = [code, time].into_iter().flatten().collect();
    let facts = match facts.is_empty() {
        true => String::new(),
        false => format!(" ({})", facts.join(", ")),
    };
    format!("  {state} {}{facts}", safe::line(&check.name))
}

fn target(base: &Base, printer: Printer) -> String {
    let commit = |commit: &Option<String>| {
        commit
            .as_deref()
            .map_or_else(|| "nothing".to_owned(), safe::line)
    };
    let text = match base.state {
        BaseState::Same => "The target branch is where the work started.".to_owned(),
        BaseState::Moved => format!(
            "The target branch moved from {} to {}: landing merges, and runs the checks again.",
            commit(&base.base),
            commit(&base.head)
        ),
        BaseState::Unknown => {
            let why = base
                .message
                .as_deref()
                .map(|why| format!(": {}", safe::line(why)));
            format!(
                "Where the target branch is could not be seen{}.",
                why.unwrap_or_default()
            )
        }
    };
    match base.state {
        BaseState::Same => text,
        BaseState::Moved | BaseState::Unknown => printer.paint(Paint::Yellow, &text),
    }
}

fn next(reviewed: &Reviewed) -> String {
    let run = safe::line(&reviewed.name);
    let mut lines = vec![format!("next: see every line: `freehold run diff {run}`")];
    if reviewed.state != State::Waiting {
        let steps = super::run::next(&reviewed.run);
        lines.extend(steps.lines().map(str::to_owned));
    } else if let Some(commit) = &reviewed.review.commit {
        let commit = safe::line(commit);
        lines.push(format!(
            "next: land it: `freehold run approve {run} --commit {commit}`"
        ));
        lines.push(format!(
            "next: or: `freehold run reply {run} --text …`, `freehold run reject {run} --reason …`"
        ));
    }
    lines.join("\n")
}
