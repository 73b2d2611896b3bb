//! `freehold provider`

use freehold_wire::api::{NewKey, NewProvider, Provider};
use reqwest::Method;

use super::{Person, absolute, find, undo};
use crate::ask::secret;
use crate::client::{Client, Route, Seen};
use crate::failure::Failure;
use crate::print::{Printer, things};
use crate::words::{KeyWords, ProviderAdd, ProviderEdit, ProviderWords};

pub(super) async fn run(
    words: ProviderWords,
    client: &Client,
    person: Person,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        ProviderWords::Add(words) => {
            let route = Route::to("providers");
            let provider: Provider = client.post(&route, &new(words).await?).await?;
            printer.show(&provider, things::provider)
        }
        ProviderWords::List(words) => {
            let page = client.list(&Route::to("providers"), words.after).await?;
            printer.show(&page, things::providers)
        }
        ProviderWords::Edit(words) => edit(words, client, printer).await,
        ProviderWords::Key { provider } => {
            // The provider first: nobody pastes a key for nothing.
            let (before, seen) = seen(&provider, client).await?;
            let key = NewKey::Write(secret("key").await?);
            let after = put(
                &before,
                NewProvider {
                    key,
                    ..same(&before)
                },
                seen,
                client,
            )
            .await?;
            printer.show(&after, things::provider)
        }
        ProviderWords::Remove { provider, yes } => {
            let provider = known(&provider, client).await?;
            let route = Route::of("providers", &provider.id.to_string())?;
            person.surely(client, Method::DELETE, &route, yes).await?;
            let undo = undo::provider_remove(&provider);
            printer.gone("provider", &provider.name, undo)
        }
    }
}

async fn known(name: &str, client: &Client) -> Result<Provider, Failure> {
    find(client, "providers", name, |provider: &Provider| {
        (provider.id.to_string(), &provider.name)
    })
    .await
}

async fn seen(name: &str, client: &Client) -> Result<(Provider, Seen), Failure> {
    client.get_seen(&Route::of("providers", name)?).await
}

async fn put(
    before: &Provider,
    new: NewProvider,
    seen: Seen,
    client: &Client,
) -> Result<Provider, Failure> {
    let route = Route::of("providers", &before.id.to_string())?;
    client.change(Method::PUT, &route, &new, seen).await
}

async fn new(words: ProviderAdd) -> Result<NewProvider, Failure> {
    Ok(NewProvider {
        name: words.name,
        kind: words.kind,
        base_url: words.base_url,
        key: key(words.key).await?.unwrap_or(NewKey::None),
        model: words.model,
    })
}

async fn edit(words: ProviderEdit, client: &Client, printer: Printer) -> Result<(), Failure> {
    let (before, seen) = seen(&words.provider, client).await?;
    let mut new = same(&before);
    new.name = words.name.unwrap_or(new.name);
    new.base_url = words.base_url.unwrap_or(new.base_url);
    new.model = match words.no_model {
        true => None,
        false => words.model.or(new.model),
    };
    new.key = match words.no_key {
        true => NewKey::None,
        false => key(words.key).await?.unwrap_or(NewKey::Keep),
    };
    let after = put(&before, new, seen, client).await?;
    let undo = undo::provider_edit(&before, &after);
    printer.show_undo(&after, things::provider, undo)
}

/// As it is.
fn same(provider: &Provider) -> NewProvider {
    NewProvider {
        name: provider.name.clone(),
        kind: provider.kind.clone(),
        base_url: provider.base_url.clone(),
        key: NewKey::Keep,
        model: provider.model.clone(),
    }
}

async fn key(words: KeyWords) -> Result<Option<NewKey>, Failure> {
    Ok(match (words.key_env, words.key_file, words.key_stdin) {
        (Some(name), ..) => Some(NewKey::Env(variable(name)?)),
        (None, Some(file), _) => Some(NewKey::File(absolute(&file)?)),
        (None, None, true) => Some(NewKey::Write(secret("key").await?)),
        (None, None, false) => None,
    })
}

/// A variable's name. A key typed in its place is neither sent nor repeated.
fn variable(name: String) -> Result<String, Failure> {
    let mut bytes = name.bytes();
    let begins = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    match begins && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        true => Ok(name),
        false => Err(Failure::usage(
            "what follows --key-env is not the name of a variable",
            "give the name, like OPENAI_API_KEY; the key itself is read by --key-stdin",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_place_of_a_variables_name_is_not_repeated() {
        assert_eq!(variable("OPENAI_API_KEY".into()).unwrap(), "OPENAI_API_KEY");
        let failure = variable("sk-secret".into()).unwrap_err();
        assert!(!format!("{failure:?}").contains("sk-secret"));
        assert!(variable(String::new()).is_err() && variable("1A".into()).is_err());
    }
}
