//! opencode, headless or as `opencode acp`.

use serde_json::json;

use super::{Place, Recipe, Setup, TOKEN_VARIABLE, words};
use crate::config::{Driver, ProviderKind, Session};
use crate::error::AgentError;

pub(super) const RECIPE: Recipe = Recipe {
    kinds: &[
        ProviderKind::Openai,
        ProviderKind::Anthropic,
        ProviderKind::Ollama,
    ],
    driver: Driver::Acp,
    acp_program: "opencode",
    acp_args: &["acp"],
    program: "opencode",
    native: Some("opencode-linux-{arch}/bin/opencode"),
    transcripts: &[".local/share/opencode"],
    headless,
    configure,
};

fn headless(model: Option<&str>, resume: Option<&Session>) -> Vec<String> {
    let mut args = words(&["run", "--format", "json", "--pure"]);
    if let Some(model) = model {
        args.extend(["--model".to_owned(), format!("fh/{model}")]);
    }
    if let Some(session) = resume {
        args.extend(["--session".to_owned(), session.id.clone()]);
    }
    args
}

fn configure(place: &Place<'_>) -> Result<Setup, AgentError> {
    let mut setup = Setup::default();
    for (name, below) in [
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_CACHE_HOME", ".cache"),
    ] {
        setup.set(name, place.home.join(below).to_string_lossy());
    }
    for name in [
        "OPENCODE_PURE",
        // A repository's own settings can start programs and name other endpoints.
        "OPENCODE_DISABLE_PROJECT_CONFIG",
        "OPENCODE_DISABLE_CLAUDE_CODE",
        "OPENCODE_DISABLE_MODELS_FETCH",
        "OPENCODE_DISABLE_AUTOUPDATE",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS",
        "OPENCODE_DISABLE_SHARE",
    ] {
        setup.set(name, "1");
    }
    let mut config = json!({
        "$schema": "https://opencode.ai/config.json",
        "share": "disabled",
        "autoupdate": false,
        "permission": {"bash": "allow", "edit": "allow", "webfetch": "deny"},
    });
    if let Some((endpoint, kind, model)) = place.model {
        let package = match kind {
            ProviderKind::Anthropic => "@ai-sdk/anthropic",
            ProviderKind::Openai | ProviderKind::Ollama => "@ai-sdk/openai-compatible",
        };
        setup.set(TOKEN_VARIABLE, endpoint.token.reveal());
        config["model"] = json!(format!("fh/{model}"));
        config["small_model"] = json!(format!("fh/{model}"));
        config["enabled_providers"] = json!(["fh"]);
        config["provider"] = json!({"fh": {
            "name": "Freehold",
            "npm": package,
            "options": {
                "baseURL": format!("{}/v1", endpoint.base_url),
                "apiKey": format!("{{env:{TOKEN_VARIABLE}}}"),
            },
            "models": {model: {"name": model}},
        }});
    }
    setup.set("OPENCODE_CONFIG_CONTENT", config.to_string());
    Ok(setup)
}
