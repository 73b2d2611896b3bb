//! Tokens for programs, in words.

use freehold_model::Scope;
use freehold_wire::api::{AccessToken, Page, TokenMade};

use super::table::table;
use super::things::{more, time};
use super::{Printer, safe};

/// The token alone on its line, so that it can be put into a file.
pub(crate) fn made(made: &TokenMade, _: Printer) -> String {
    safe::line(&made.token)
}

/// When it was used last, behind "it was".
pub(crate) fn last_used(token: &AccessToken) -> String {
    let used = token
        .last_used_at
        .map(|at| format!("last used {}", time(at)));
    used.unwrap_or_else(|| "never used".to_owned())
}

/// Scopes with spaces between.
pub(crate) fn scopes(scopes: &[Scope]) -> String {
    let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
    names.join(" ")
}

/// Tokens.
pub(crate) fn tokens(page: &Page<AccessToken>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|token| {
            let role = token.role.map_or("-", freehold_model::Role::name);
            vec![
                token.id.to_string(),
                token.name.clone(),
                role.to_owned(),
                token.last_used_at.map_or_else(|| "never".to_owned(), time),
                time(token.expires_at),
                scopes(&token.scopes),
            ]
        })
        .collect();
    let empty = "No tokens. Make one: freehold token create NAME --scope read:jobs";
    let head = ["TOKEN", "NAME", "ROLE", "LAST USED", "EXPIRES", "SCOPES"];
    more(page, table(printer, &head, &rows, empty))
}
