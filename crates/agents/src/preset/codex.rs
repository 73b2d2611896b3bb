//! Codex, headless or through the adapter `codex-acp`.
//!
//! The adapter brings a Codex of its own; `env CODEX_PATH=/path/to/codex codex-acp` uses another.

use super::{Place, Recipe, Setup, TOKEN_VARIABLE, words};
use crate::config::{Driver, ProviderKind, Session};
use crate::error::AgentError;
use crate::plan::HomeFile;

pub(super) const RECIPE: Recipe = Recipe {
    kinds: &[ProviderKind::Openai, ProviderKind::Ollama],
    driver: Driver::Acp,
    acp_program: "codex-acp",
    acp_args: &[],
    program: "codex",
    native: None,
    transcripts: &[".codex/sessions", ".codex/state_5.sqlite"],
    headless,
    configure,
};

fn headless(_model: Option<&str>, resume: Option<&Session>) -> Vec<String> {
    let mut args = words(&["exec"]);
    if let Some(session) = resume {
        args.extend(["resume".to_owned(), session.id.clone()]);
    }
    args.extend(words(&[
        "--json",
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        "-",
    ]));
    args
}

fn configure(place: &Place<'_>) -> Result<Setup, AgentError> {
    if place.home.starts_with("/tmp") {
        return Err(AgentError::config(
            "codex does not work with a home below /tmp: it refuses to make its helper programs there",
            "use another home inside the sandbox",
        ));
    }
    let mut setup = Setup::default();
    setup.set("CODEX_HOME", place.home.join(".codex").to_string_lossy());
    // Its own sandbox cannot be nested in ours, and would ask for what ours already forbids.
    setup.set("INITIAL_AGENT_MODE", "agent-full-access");
    setup.set("NO_BROWSER", "1");
    let mut config = String::new();
    if let Some((endpoint, _, model)) = place.model {
        setup.set("MODEL_PROVIDER", "fh");
        setup.set(TOKEN_VARIABLE, endpoint.token.reveal());
        config.push_str(&format!(
            "model = {}\nmodel_provider = \"fh\"\n",
            string(model)
        ));
    }
    config.push_str(
        "approval_policy = \"never\"\nsandbox_mode = \"danger-full-access\"\ncheck_for_update_on_startup = false\n\
         cli_auth_credentials_store = \"file\"\nproject_doc_max_bytes = 0\n\n[analytics]\nenabled = false\n\n[feedback]\nenabled = false\n",
    );
    if let Some((endpoint, ..)) = place.model {
        config.push_str(&format!(
            "\n[model_providers.fh]\nname = \"Freehold\"\nbase_url = {}\nenv_key = \"{TOKEN_VARIABLE}\"\nwire_api = \"responses\"\n",
            string(&format!("{}/v1", endpoint.base_url)),
        ));
    }
    // Said here, it does not trust what it finds: a project's own `.codex` can start programs.
    let mut folders = vec![place.workspace, place.start];
    folders.dedup();
    for folder in folders {
        config.push_str(&format!(
            "\n[projects.{}]\ntrust_level = \"untrusted\"\n",
            string(&folder.to_string_lossy())
        ));
    }
    setup.files.push(HomeFile {
        path: ".codex/config.toml".into(),
        bytes: config.into_bytes(),
    });
    Ok(setup)
}

/// A TOML basic string: JSON's escapes are among TOML's, and control characters were refused before.
fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
