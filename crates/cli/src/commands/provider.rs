//! `freehold provider`

use freehold_wire::api::{NewProvider, Provider};
use freehold_wire::order::KeyRef;

use super::absolute;
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, things};
use crate::words::{ProviderAdd, ProviderWords};

pub(super) async fn run(
    words: ProviderWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        ProviderWords::Add(words) => {
            let route = Route::to("providers");
            let provider: Provider = client.post(&route, &new(words)?).await?;
            printer.show(&provider, things::provider)
        }
        ProviderWords::List(words) => {
            let page = client.list(&Route::to("providers"), words.after).await?;
            printer.show(&page, things::providers)
        }
    }
}

fn new(words: ProviderAdd) -> Result<NewProvider, Failure> {
    let key = match (words.key_env, words.key_file) {
        (Some(name), _) => KeyRef::Env(variable(name)?),
        (None, Some(file)) => KeyRef::File(absolute(&file)?),
        (None, None) => KeyRef::None,
    };
    Ok(NewProvider {
        name: words.name,
        kind: words.kind,
        base_url: words.base_url,
        key,
        model: words.model,
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
            "give the name, like OPENAI_API_KEY; the key itself stays on the runner's machine",
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
