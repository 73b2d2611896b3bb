//! `freehold doctor --fix`: shows what would be done about a host that resists, asks, and does it.

use std::path::Path;
use std::process::{Command, Stdio};

use freehold_sandbox::obstacle::{Obstacle, Step};
use nix::unistd::geteuid;

use crate::ask;
use crate::failure::{Exit, Failure};
use crate::print::safe;

/// What is said of one obstacle and its steps, before anything is done.
fn shown(obstacle: &Obstacle, root: bool) -> String {
    let mut text = format!("{}\n", safe::line(&obstacle.what));
    for step in &obstacle.steps {
        text.push_str(&format!("  {}\n", line(step, root)));
    }
    text
}

/// A step as a person would take it.
fn line(step: &Step, root: bool) -> String {
    let sudo = if root { "" } else { "sudo " };
    match step {
        Step::Write { path, contents } if root => {
            format!("write {}:\n{}", path.display(), indented(contents))
        }
        Step::Write { path, contents } => format!(
            "sudo tee {} >/dev/null <<'END'\n{contents}END",
            path.display()
        ),
        Step::WriteHere { name, .. } => format!("write {name} into this folder"),
        Step::Run { command } => format!("{sudo}{}", safe::line(&command.join(" "))),
        Step::Say(words) => words.clone(),
    }
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

/// Whether the program can take the step itself.
fn can(step: &Step, root: bool) -> bool {
    match step {
        Step::Write { .. } | Step::Run { .. } => root,
        Step::WriteHere { .. } => true,
        Step::Say(_) => false,
    }
}

/// Goes through the obstacles. `true` when something was changed, so that a second look is worth it.
///
/// # Errors
/// The step that failed, and what to do; those before it were taken.
pub(super) async fn fix(
    obstacles: &[Obstacle],
    yes: bool,
    say: impl Fn(&str),
) -> Result<bool, Failure> {
    let root = geteuid().is_root();
    let mut changed = false;
    for obstacle in obstacles {
        say(&shown(obstacle, root));
        if !obstacle.steps.iter().any(|step| can(step, root)) {
            say("  These are for you to do; run `freehold doctor` again afterwards.");
            continue;
        }
        if !yes {
            ask::sure("Do this now?").await?;
        }
        for step in obstacle.steps.iter().filter(|step| can(step, root)) {
            take(step).map_err(|why| failed(step, root, &why))?;
            changed = true;
        }
    }
    Ok(changed)
}

fn failed(step: &Step, root: bool, why: &str) -> Failure {
    Failure::new(
        Exit::Failed,
        "doctor",
        format!("a step failed: {why}"),
        format!("take it by hand and look again: {}", line(step, root)),
    )
}

fn take(step: &Step) -> Result<(), String> {
    match step {
        Step::Write { path, contents } => write(path, contents),
        Step::WriteHere { name, contents } => write(Path::new(name), contents),
        Step::Run { command } => run(command),
        Step::Say(_) => Ok(()),
    }
}

/// A file of another's making is not replaced unseen: the old one is kept beside it.
fn write(path: &Path, contents: &str) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    match std::fs::read_to_string(path) {
        Ok(there) if there == contents => return Ok(()),
        Ok(_) => {
            let mut kept = path.as_os_str().to_owned();
            kept.push(".before-freehold");
            std::fs::rename(path, kept).map_err(told)?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(told(error)),
    }
    std::fs::write(path, contents).map_err(told)
}

/// The person watches: its output is theirs, and they can interrupt it.
fn run(command: &[String]) -> Result<(), String> {
    let Some((program, args)) = command.split_first() else {
        return Ok(());
    };
    let status = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        // Standard output is the report's.
        .stdout(std::io::stderr())
        .status()
        .map_err(|error| format!("{program}: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`{}` ended with {status}", command.join(" "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_root_is_shown_what_to_type() {
        let step = Step::Write {
            path: "/etc/x.conf".into(),
            contents: "a = 1\n".into(),
        };
        assert_eq!(
            line(&step, false),
            "sudo tee /etc/x.conf >/dev/null <<'END'\na = 1\nEND"
        );
        assert!(can(&step, true) && !can(&step, false));
        let step = Step::Run {
            command: vec!["sysctl".into(), "-w".into(), "a=1".into()],
        };
        assert_eq!(line(&step, false), "sudo sysctl -w a=1");
        assert_eq!(line(&step, true), "sysctl -w a=1");
    }

    #[test]
    fn a_file_that_is_there_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.conf");
        write(&path, "ours").unwrap();
        write(&path, "ours").unwrap();
        assert!(!dir.path().join("x.conf.before-freehold").exists());
        write(&path, "newer").unwrap();
        let kept = std::fs::read_to_string(dir.path().join("x.conf.before-freehold"));
        assert_eq!(kept.unwrap(), "ours");
    }

    #[test]
    fn a_step_that_fails_says_how() {
        assert!(
            run(&["false".into()])
                .unwrap_err()
                .contains("exit status: 1")
        );
        assert!(run(&["no-such-program".into()]).is_err());
    }
}
