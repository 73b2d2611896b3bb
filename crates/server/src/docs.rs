//! The few pages that need no Studio: what an error code means, and that Studio is missing; what the
//! API's reference is written with.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use freehold_wire::problem::{Code, Problem};

use crate::answer::Answer;
use crate::studio::{html_under, nonce};
use crate::{AppState, negotiate};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:10vh auto;\
    padding:0 1.5rem;color-scheme:light dark}h1{font-size:1.5rem}td{vertical-align:top;padding:0.1rem 1rem 0.1rem 0}code{font:0.9em ui-monospace,monospace}";

/// What a problem's `type` points to: the code's page for a browser, its Markdown for the rest.
pub(crate) async fn error_page(
    State(state): State<AppState>,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let Some(page) = freehold_studio::error_page(&code) else {
        return Err(Problem::new(Code::NotFound, "there is no such error code").into());
    };
    if !negotiate::wants_page(&headers) {
        let plain = [
            (header::CONTENT_TYPE, "text/markdown; charset=utf-8"),
            (header::VARY, "accept"),
        ];
        return Ok((plain, page.into_owned()).into_response());
    }
    let mut response = document(&code, &html(&page), &nonce(&state));
    let vary = axum::http::HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, vary);
    Ok(response)
}

/// A program that was built without Studio says so, and how to build it with it.
pub(crate) fn not_built(nonce: &str) -> Response {
    let text = "# Freehold is running, without Studio\n\n\
        This program was built on its own, so there is no web interface in it.\n\n\
        **What to do:** run `make studio` in the source tree (it needs Node 20 or newer, and npm), \
        then build `freehold` again; or use the command line: `freehold --help` shows everything \
        there is.\n";
    document("Freehold", &html(text), nonce)
}

pub(crate) fn document(title: &str, body: &str, nonce: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\"><title>{}</title>\
         <style nonce=\"{nonce}\">{STYLE}</style><main>{body}</main></html>\n",
        escape(title)
    );
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    html_under(page, &policy)
}

/// The Markdown that our own pages use: headings, paragraphs, `**strong**` and `` `code` ``.
fn html(markdown: &str) -> String {
    markdown
        .split("\n\n")
        .map(str::trim)
        .filter(|block| !block.is_empty())
        .map(|block| {
            let heading = block.chars().take_while(|c| *c == '#').count();
            match heading {
                0 => format!("<p>{}</p>", inline(block)),
                level => format!("<h{level}>{}</h{level}>", inline(block[level..].trim())),
            }
        })
        .collect()
}

pub(crate) fn inline(text: &str) -> String {
    let code = |(at, part): (usize, &str)| match at % 2 {
        0 => strong(&escape(part)),
        _ => format!("<code>{}</code>", escape(part)),
    };
    text.split('`').enumerate().map(code).collect()
}

fn strong(text: &str) -> String {
    let strong = |(at, part): (usize, &str)| match at % 2 {
        0 => part.to_owned(),
        _ => format!("<strong>{part}</strong>"),
    };
    text.split("**").enumerate().map(strong).collect()
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_markdown_becomes_a_page_and_nothing_in_it_becomes_markup() {
        let page = html("# a (404)\n\nSee `x < \"y\"` & <b>.\n\n**Do:** that.\n");
        assert_eq!(
            page,
            "<h1>a (404)</h1><p>See <code>x &lt; &quot;y&quot;</code> &amp; &lt;b&gt;.</p>\
             <p><strong>Do:</strong> that.</p>"
        );
    }

    #[test]
    fn every_error_s_page_is_in_the_markdown_that_is_understood() {
        for code in Code::ALL {
            let page = freehold_studio::error_page(code.code()).unwrap();
            let odd = |line: &str| {
                let list = ["- ", "* ", "1. ", "|", ">", "    "];
                list.iter().any(|start| line.starts_with(start)) || line.contains("](")
            };
            assert_eq!(page.lines().find(|line| odd(line)), None, "{code:?}");
            assert_eq!(page.matches('`').count() % 2, 0, "{code:?}");
            assert_eq!(page.matches("**").count() % 2, 0, "{code:?}");
        }
    }
}
