//! Gemini CLI, headless or as `gemini --acp`.
//!
//! It speaks a wire of its own, which none of the provider kinds is. It can be started where it
//! needs no endpoint of ours; with one, planning says so.

use serde_json::json;

use super::{Place, Recipe, Setup, words};
use crate::config::{Driver, Session};
use crate::error::AgentError;
use crate::plan::HomeFile;

pub(super) const RECIPE: Recipe = Recipe {
    kinds: &[],
    driver: Driver::Acp,
    acp_program: "gemini",
    acp_args: &["--acp"],
    program: "gemini",
    native: None,
    transcripts: &[".gemini/tmp"],
    headless,
    configure,
};

fn headless(model: Option<&str>, _resume: Option<&Session>) -> Vec<String> {
    let mut args = words(&[
        "-o",
        "stream-json",
        "--approval-mode",
        "yolo",
        "--skip-trust",
    ]);
    if let Some(model) = model {
        args.extend(["-m".to_owned(), model.to_owned()]);
    }
    args
}

fn configure(place: &Place<'_>) -> Result<Setup, AgentError> {
    let mut setup = Setup::default();
    setup.set("GEMINI_CLI_HOME", place.home.to_string_lossy());
    let settings = json!({
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": false},
        "general": {"disableAutoUpdate": true, "disableUpdateNag": true},
    });
    setup.files.push(HomeFile {
        path: ".gemini/settings.json".into(),
        bytes: settings.to_string().into_bytes(),
    });
    Ok(setup)
}
