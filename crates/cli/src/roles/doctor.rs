//! `freehold doctor`: what this machine has and lacks, found by trying, and how to mend it.

mod checks;
mod fix;
mod walls;

use std::process::ExitCode;

use freehold_sandbox::obstacle::Obstacle;
use serde::Serialize;

use super::data::Data;
use crate::environment::Environment;
use crate::print::{Paint, Printer, safe};
use crate::words::DoctorArgs;

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    /// As it should be.
    Ok,
    /// Work goes on without it.
    Warn,
    /// Nothing, or not the main job, works without it.
    Missing,
}

/// A thing that was looked at.
#[derive(Debug, Clone, Serialize)]
struct Finding {
    /// Its name.
    name: &'static str,
    /// How it stands.
    state: Standing,
    /// What was found.
    found: String,
    /// What to do; `null` where nothing needs doing.
    mend: Option<String>,
    /// What `--fix` can do about it.
    #[serde(skip)]
    obstacles: Vec<Obstacle>,
}

/// The whole document.
#[derive(Debug, Serialize)]
struct Report {
    /// Nothing that is needed is missing.
    ok: bool,
    items: Vec<Finding>,
}

impl Finding {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: Standing::Ok,
            found: found.into(),
            mend: None,
            obstacles: Vec::new(),
        }
    }

    fn warn(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: Standing::Warn,
            mend: Some(mend.into()),
            ..Self::ok(name, found)
        }
    }

    fn missing(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: Standing::Missing,
            ..Self::warn(name, found, mend)
        }
    }
}

/// Looks, and says. The exit code is 1 when something that is needed is missing.
pub(crate) fn run(
    args: &DoctorArgs,
    environment: &Environment,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let data = Data::at(&args.data);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut items = runtime.block_on(checks::all(&data, environment, args.words.boot));
    if args.words.fix {
        let obstacles = items.iter().flat_map(|item| item.obstacles.clone());
        let obstacles: Vec<_> = obstacles.collect();
        if obstacles.is_empty() {
            say("nothing stands in the sandbox's way that could be removed from here");
        } else if runtime.block_on(fix::fix(&obstacles, args.words.yes, say))? {
            items = runtime.block_on(checks::all(&data, environment, args.words.boot));
        }
    }
    runtime.shutdown_background();
    let ok = items.iter().all(|item| item.state != Standing::Missing);
    printer.show(&Report { ok, items }, words)?;
    Ok(match ok {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// What is done, and what is asked, is said also where nobody watches.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
}

fn words(report: &Report, printer: Printer) -> String {
    let width = report.items.iter().map(|item| item.name.len()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for item in &report.items {
        let (word, paint) = match item.state {
            Standing::Ok => ("ok     ", Paint::Green),
            Standing::Warn => ("warn   ", Paint::Yellow),
            Standing::Missing => ("missing", Paint::Red),
        };
        let state = printer.paint(paint, word);
        let found = safe::line(&item.found);
        text.push_str(&format!("{state}  {:width$}  {found}\n", item.name));
        if let Some(mend) = &item.mend {
            let mend = printer.paint(Paint::Dim, &format!("→ {}", safe::line(mend)));
            text.push_str(&format!("{:7}  {:width$}  {mend}\n", "", ""));
        }
    }
    text
}
