//! Claude Code, headless or through the adapter `claude-agent-acp`.

use super::{Place, Recipe, Setup, words};
use crate::config::{Driver, ProviderKind, Session};
use crate::error::AgentError;

pub(super) const RECIPE: Recipe = Recipe {
    kinds: &[ProviderKind::Anthropic, ProviderKind::Ollama],
    driver: Driver::Command,
    acp_program: "claude-agent-acp",
    acp_args: &[],
    program: "claude",
    native: Some("@anthropic-ai/claude-code-linux-{arch}/claude"),
    transcripts: &[".claude/projects"],
    headless,
    configure,
};

/// With no setting sources nothing of the workspace's, its parents' or the home's own
/// configuration reaches the model unasked.
fn headless(model: Option<&str>, resume: Option<&Session>) -> Vec<String> {
    let mut args = words(&[
        "-p",
        "--output-format",
        "stream-json",
        "--verbose",
        "--setting-sources",
        "",
        "--strict-mcp-config",
        "--permission-mode",
        "bypassPermissions",
    ]);
    if let Some(model) = model {
        args.extend(["--model".to_owned(), model.to_owned()]);
    }
    if let Some(session) = resume {
        args.extend(["--resume".to_owned(), session.id.clone()]);
    }
    args
}

fn configure(place: &Place<'_>) -> Result<Setup, AgentError> {
    let mut setup = Setup::default();
    setup.set(
        "CLAUDE_CONFIG_DIR",
        place.home.join(".claude").to_string_lossy(),
    );
    for name in [
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "DISABLE_AUTOUPDATER",
        "DISABLE_TELEMETRY",
        "DISABLE_ERROR_REPORTING",
    ] {
        setup.set(name, "1");
    }
    if let Some((endpoint, _, model)) = place.model {
        setup.set("ANTHROPIC_BASE_URL", endpoint.base_url.as_str());
        setup.set("ANTHROPIC_API_KEY", endpoint.token.reveal());
        setup.set("ANTHROPIC_MODEL", model);
        // The model for titles and summaries; the default one need not exist behind the endpoint.
        setup.set("ANTHROPIC_SMALL_FAST_MODEL", model);
        setup.set("ANTHROPIC_DEFAULT_HAIKU_MODEL", model);
    }
    Ok(setup)
}
