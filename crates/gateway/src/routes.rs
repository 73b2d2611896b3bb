//! What may be called: a closed list, so that a token is good for models and for nothing else.

use axum::http::Method;

use crate::upstream::Kind;

/// Whose words a call is in: decides the form of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// OpenAI's.
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Ollama's own.
    Ollama,
}

/// One path that may be called. A path that ends in `/*` stands for one more segment, the name of a model.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    kinds: &'static [Kind],
    method: &'static str,
    path: &'static str,
    family: Family,
}

const OPENAI: &[Kind] = &[Kind::OpenAi, Kind::Ollama];
const ANTHROPIC: &[Kind] = &[Kind::Anthropic, Kind::Ollama];
const OLLAMA: &[Kind] = &[Kind::Ollama];

const fn allow(
    kinds: &'static [Kind],
    method: &'static str,
    path: &'static str,
    family: Family,
) -> Allowed {
    Allowed {
        kinds,
        method,
        path,
        family,
    }
}

/// Every call that passes. What lists models, and what makes a model think; nothing that changes an endpoint, reads
/// files of an account, or pulls a model.
pub const ALLOWED: &[Allowed] = &[
    allow(OPENAI, "POST", "/v1/chat/completions", Family::OpenAi),
    allow(OPENAI, "POST", "/v1/completions", Family::OpenAi),
    allow(OPENAI, "POST", "/v1/responses", Family::OpenAi),
    // Codex lets the provider shorten a long conversation.
    allow(OPENAI, "POST", "/v1/responses/compact", Family::OpenAi),
    allow(OPENAI, "POST", "/v1/embeddings", Family::OpenAi),
    allow(OPENAI, "GET", "/v1/models", Family::OpenAi),
    allow(OPENAI, "GET", "/v1/models/*", Family::OpenAi),
    allow(ANTHROPIC, "POST", "/v1/messages", Family::Anthropic),
    allow(
        ANTHROPIC,
        "POST",
        "/v1/messages/count_tokens",
        Family::Anthropic,
    ),
    allow(&[Kind::Anthropic], "GET", "/v1/models", Family::Anthropic),
    allow(&[Kind::Anthropic], "GET", "/v1/models/*", Family::Anthropic),
    allow(OLLAMA, "POST", "/api/chat", Family::Ollama),
    allow(OLLAMA, "POST", "/api/generate", Family::Ollama),
    allow(OLLAMA, "POST", "/api/embed", Family::Ollama),
    allow(OLLAMA, "POST", "/api/show", Family::Ollama),
    allow(OLLAMA, "GET", "/api/tags", Family::Ollama),
    allow(OLLAMA, "GET", "/api/version", Family::Ollama),
];

/// The family of an allowed call; `None` where the call is not allowed. The path is compared as it was sent: nothing is
/// decoded, so nothing can be smuggled in encoded.
pub(crate) fn family(kind: Kind, method: &Method, path: &str) -> Option<Family> {
    let fits = |allowed: &&Allowed| {
        allowed.kinds.contains(&kind)
            && allowed.method == method.as_str()
            && path_fits(allowed.path, path)
    };
    ALLOWED.iter().find(fits).map(|allowed| allowed.family)
}

fn path_fits(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(parent) => path.strip_prefix(parent).is_some_and(is_model_name),
        None => pattern == path,
    }
}

fn is_model_name(segment: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte);
    !segment.is_empty() && segment.bytes().all(plain) && segment.bytes().any(|byte| byte != b'.')
}

/// The family in which a call that is not allowed is answered.
pub(crate) fn family_of(kind: Kind) -> Family {
    match kind {
        Kind::OpenAi => Family::OpenAi,
        Kind::Anthropic => Family::Anthropic,
        Kind::Ollama => Family::Ollama,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_model_calls_of_the_kind_pass() {
        let post = |kind, path| family(kind, &Method::POST, path);
        let get = |kind, path| family(kind, &Method::GET, path);
        assert_eq!(post(Kind::OpenAi, "/v1/responses"), Some(Family::OpenAi));
        assert_eq!(
            post(Kind::Anthropic, "/v1/messages"),
            Some(Family::Anthropic)
        );
        assert_eq!(post(Kind::Ollama, "/v1/messages"), Some(Family::Anthropic));
        assert_eq!(
            get(Kind::OpenAi, "/v1/models/gpt-5.1:free"),
            Some(Family::OpenAi)
        );
        for path in [
            "/v1/files",
            "/v1/messages",
            "/v1/responses/",
            "//v1/responses",
            "/v1/%72esponses",
            "/",
            "/admin",
        ] {
            assert_eq!(post(Kind::OpenAi, path), None, "{path}");
        }
        for path in [
            "/v1/models/..",
            "/v1/models/",
            "/v1/models/a/b",
            "/v1/models/..%2ffiles",
            "/api/tags",
        ] {
            assert_eq!(get(Kind::OpenAi, path), None, "{path}");
        }
        assert_eq!(post(Kind::Ollama, "/api/pull"), None);
        assert_eq!(family(Kind::OpenAi, &Method::DELETE, "/v1/models/x"), None);
    }
}
