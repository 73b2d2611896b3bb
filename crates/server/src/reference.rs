//! The API's reference as a page: made of the same description that `/api/v1/openapi.json` is, without a
//! script, under a policy that lets nothing else in.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use crate::docs::{document, escape, inline};
use crate::openapi::PREFIX;
use crate::studio::nonce;
use crate::{AppState, api};

/// Made once: it says the same for as long as the program runs.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let description = serde_json::from_str(&api::document()).unwrap_or_default();
    render(&description)
});

pub(crate) async fn page(State(state): State<AppState>) -> Response {
    document("API", &PAGE, &nonce(&state))
}

/// Writing into a string cannot fail.
macro_rules! put {
    ($page:expr, $($what:tt)*) => { let _ = write!($page, $($what)*); };
}

fn render(description: &Value) -> String {
    let mut page = String::from("<h1>API</h1>");
    for part in text(&description["info"]["description"]).split("\n\n") {
        put!(page, "<p>{}</p>", inline(part));
    }
    put!(
        page,
        "<p>The same for programs: <a href=\"{PREFIX}/openapi.json\">openapi.json</a>.</p><ul>"
    );
    let tags = description["tags"].as_array().into_iter().flatten();
    for tag in tags.clone() {
        let (name, about) = (text(&tag["name"]), text(&tag["description"]));
        put!(
            page,
            "<li><a href=\"#{0}\">{0}</a>: {1}</li>",
            escape(name),
            inline(about)
        );
    }
    page.push_str("<li><a href=\"#documents\">documents</a></li></ul>");
    for tag in tags {
        let name = text(&tag["name"]);
        put!(page, "<h2 id=\"{0}\">{0}</h2>", escape(name));
        for (path, item) in fields(&description["paths"]) {
            for (method, operation) in fields(item) {
                if operation["tags"][0] == *name {
                    one(&mut page, method, path, operation);
                }
            }
        }
    }
    page.push_str("<h2 id=\"documents\">documents</h2>");
    for (name, schema) in fields(&description["components"]["schemas"]) {
        put!(
            page,
            "<h3 id=\"{0}\"><code>{0}</code></h3><p>{1}</p>",
            escape(name),
            inline(text(&schema["description"]))
        );
        rows(
            &mut page,
            fields(&schema["properties"])
                .map(|(name, field)| (name.as_str(), kind(field), text(&field["description"]))),
        );
    }
    page
}

fn one(page: &mut String, method: &str, path: &str, operation: &Value) {
    put!(
        page,
        "<h3><code>{} {PREFIX}{}</code></h3><p>{}</p>",
        method.to_uppercase(),
        escape(path),
        inline(text(&operation["summary"]))
    );
    let about = text(&operation["description"]);
    if !about.is_empty() {
        put!(page, "<p>{}</p>", inline(about));
    }
    if let Some(action) = operation["x-freehold-action"].as_str() {
        let roles = operation["x-freehold-roles"]
            .as_array()
            .into_iter()
            .flatten();
        let roles: Vec<&str> = roles.map(text).collect();
        let scope = operation["x-freehold-scope"]
            .as_str()
            .unwrap_or("any token");
        let again = if operation["x-freehold-confirmed"] == true {
            "; to be confirmed"
        } else {
            ""
        };
        put!(
            page,
            "<p>Action <code>{}</code>, for {}; scope <code>{}</code>{again}.</p>",
            escape(action),
            escape(&roles.join(", ")),
            escape(scope)
        );
    } else {
        page.push_str("<p>Wants no token.</p>");
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    rows(
        page,
        parameters.map(|one| {
            (
                text(&one["name"]),
                text(&one["in"]).to_owned(),
                text(&one["description"]),
            )
        }),
    );
    for (_, media) in fields(&operation["requestBody"]["content"]) {
        put!(page, "<p>Takes {}.</p>", link(&kind(&media["schema"])));
    }
    for (status, response) in fields(&operation["responses"]) {
        if status == "default" {
            continue;
        }
        let gives: Vec<String> = fields(&response["content"])
            .map(|(media, content)| match kind(&content["schema"]) {
                kind if kind.is_empty() || kind == "string" => escape(media),
                kind => link(&kind),
            })
            .collect();
        put!(
            page,
            "<p>{}: {} {}</p>",
            escape(status),
            inline(text(&response["description"])),
            gives.join(", ")
        );
    }
}

/// A table, if anything is in it.
fn rows<'a>(page: &mut String, rows: impl Iterator<Item = (&'a str, String, &'a str)>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    page.push_str("<table>");
    for (name, kind, about) in rows {
        put!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escape(name),
            link(&kind),
            inline(about)
        );
    }
    page.push_str("</table>");
}

/// What a schema is, in a word: another's name, or its type.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return format!("#{}", name.rsplit('/').next().unwrap_or_default());
    }
    for many in ["oneOf", "anyOf", "allOf"] {
        let of = schema[many].as_array().into_iter().flatten();
        if let Some(named) = of.map(kind).find(|kind| kind.starts_with('#')) {
            return named;
        }
    }
    match &schema["type"] {
        Value::String(one) if one == "array" => kind(&schema["items"]),
        Value::String(one) => one.clone(),
        Value::Array(all) => all.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    }
}

/// A name of a document leads to it.
fn link(kind: &str) -> String {
    match kind.strip_prefix('#') {
        Some(name) => format!("<a href=\"#{0}\"><code>{0}</code></a>", escape(name)),
        None => escape(kind),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_every_document_is_on_the_page_and_every_link_leads_somewhere() {
        let description: Value = serde_json::from_str(&api::document()).unwrap();
        let page = render(&description);
        for (path, item) in fields(&description["paths"]) {
            for (method, _) in fields(item) {
                let head = format!(
                    "<h3><code>{} {PREFIX}{path}</code></h3>",
                    method.to_uppercase()
                );
                assert_eq!(page.matches(&head).count(), 1, "{head}");
            }
        }
        for (name, _) in fields(&description["components"]["schemas"]) {
            assert!(page.contains(&format!("<h3 id=\"{name}\">")), "{name}");
        }
        for link in page.split("href=\"#").skip(1) {
            let name = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{name}\"")), "{name}");
        }
        for active in ["<script", "javascript:", "onclick", "http://"] {
            assert!(!page.contains(active), "{active}");
        }
    }
}
