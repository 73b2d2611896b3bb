//! Providers of identities, from the operator's file to the engine's settings.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use freehold_engine::oidc::Provider;
use freehold_model::{TenantId, person};
use freehold_server::{Oidc, OidcSettings};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};

/// Largest file: ten providers are a tenth of it.
const FILE_MAX: u64 = 64 * 1024;
/// Largest secret.
const SECRET_MAX: u64 = 4 * 1024;
/// Providers of one installation: each is a button.
const PROVIDERS_MAX: usize = 10;
/// Organizations that go by the groups of one provider: each is looked at when somebody signs in.
const ORGANIZATIONS_MAX: usize = 20;
/// Longest name in paths.
const NAME_MAX: usize = 32;
/// What is asked for where the file says nothing.
const SCOPES: [&str; 2] = ["profile", "email"];
const NEXT: &str = "see \"Signing in with OpenID Connect\" in docs/operations.md";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    provider: Vec<One>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    name: String,
    label: String,
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    scopes: Option<Vec<String>>,
    groups_claim: Option<String>,
    #[serde(default)]
    no_groups_claim: NoClaim,
    #[serde(default)]
    organizations: Vec<TenantId>,
}

/// What it means that a token has no claim that lists groups.
#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum NoClaim {
    /// That nobody knows.
    #[default]
    Unknown,
    /// That somebody is in none.
    None,
}

fn bad(path: &Path, what: impl std::fmt::Display) -> Failure {
    Failure::new(
        Exit::Failed,
        "oidc",
        format!("{}: {what}", path.display()),
        NEXT,
    )
}

/// Reads a file that nobody but its owner could have written, and where it is a secret, read.
fn read(path: &Path, most: u64, forbidden: u32, why: &str) -> Result<Zeroizing<String>, Failure> {
    let cannot = |error: std::io::Error| bad(path, format!("cannot be read: {error}"));
    let file = File::open(path).map_err(cannot)?;
    // Of what was opened, so that nothing is put in its place.
    let meta = file.metadata().map_err(cannot)?;
    if !meta.is_file() {
        return Err(bad(path, "is no file"));
    }
    let me = nix::unistd::geteuid().as_raw();
    if meta.permissions().mode() & forbidden != 0 || ![me, 0].contains(&meta.uid()) {
        return Err(bad(path, why));
    }
    let mut text = Zeroizing::new(String::new());
    (file.take(most + 1).read_to_string(&mut text)).map_err(cannot)?;
    match u64::try_from(text.len()) {
        Ok(length) if length <= most => Ok(text),
        _ => Err(bad(path, format!("is larger than {most} bytes"))),
    }
}

/// The providers that a file names.
///
/// # Errors
/// When the file, or a secret's, cannot be read or trusted, or says what cannot be. What a secret is, is not
/// said.
pub(crate) fn providers(path: &Path) -> Result<Vec<Provider>, Failure> {
    let why = "others than its owner can write to it: `chmod go-w` it";
    let text = read(path, FILE_MAX, 0o022, why)?;
    let written: Written =
        toml::from_str(&text).map_err(|error| bad(path, error.message().to_owned()))?;
    let all = written.provider;
    if all.is_empty() {
        return Err(bad(path, "names no provider: `[[provider]]`"));
    }
    if all.len() > PROVIDERS_MAX {
        return Err(bad(
            path,
            format!("names more than {PROVIDERS_MAX} providers"),
        ));
    }
    let mut made: Vec<Provider> = Vec::new();
    for one in all {
        let provider = provider(path, one)?;
        if made.iter().any(|other| other.name == provider.name) {
            return Err(bad(
                path,
                format!("names two providers `{}`", provider.name),
            ));
        }
        // Who somebody is there would be said by two.
        if made.iter().any(|other| other.issuer == provider.issuer) {
            return Err(bad(path, format!("names {} twice", provider.issuer)));
        }
        made.push(provider);
    }
    Ok(made)
}

fn provider(path: &Path, one: One) -> Result<Provider, Failure> {
    let name = one.name;
    let is_name = (1..=NAME_MAX).contains(&name.len())
        && (name.bytes()).all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_name {
        let what = format!(
            "a provider's name is 1 to {NAME_MAX} small letters, digits and hyphens, unlike {name:?}"
        );
        return Err(bad(path, what));
    }
    let bad = |what: String| bad(path, format!("{name}: {what}"));
    let title = person::name(&one.label).map_err(|error| bad(format!("label: {error}")))?;
    if one.client_id.is_empty() || one.client_id.chars().any(char::is_control) {
        return Err(bad(
            "client_id is what the provider calls this installation".into(),
        ));
    }
    if one.organizations.len() > ORGANIZATIONS_MAX {
        return Err(bad(format!(
            "more than {ORGANIZATIONS_MAX} organizations go by its groups"
        )));
    }
    if !one.organizations.is_empty() && one.groups_claim.is_none() {
        return Err(bad(
            "organizations go by its groups, and groups_claim does not say where they are".into(),
        ));
    }
    let scopes = match one.scopes {
        Some(scopes) => scopes,
        None => SCOPES.map(str::to_owned).to_vec(),
    };
    let is_scope = |scope: &String| {
        !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"')
    };
    if !scopes.iter().all(is_scope) {
        return Err(bad("a scope is one word".into()));
    }
    let secret = match one.client_secret_file {
        None => None,
        Some(file) => {
            let beside = path.parent().unwrap_or_else(|| Path::new(""));
            let file = beside.join(file);
            let why = "others than its owner can read it: `chmod 0600` it";
            let text = read(&file, SECRET_MAX, 0o077, why)?;
            let secret = Zeroizing::new(text.trim().to_owned());
            if secret.is_empty() {
                return Err(bad("its secret's file is empty".into()));
            }
            Some(secret)
        }
    };
    let settings = OidcSettings {
        issuer: one.issuer.clone(),
        client: one.client_id,
        secret,
        scopes,
        groups: one.groups_claim,
        no_claim_is_no_group: one.no_groups_claim == NoClaim::None,
    };
    let desk = Oidc::new(settings).map_err(|error| bad(error.to_string()))?;
    Ok(Provider {
        name: name.clone(),
        title,
        issuer: one.issuer,
        organizations: one.organizations,
        desk: Arc::new(desk),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const GOOD: &str = r#"
[[provider]]
name = "corp"
label = "Example Corp"
issuer = "https://id.example.org"
client_id = "freehold"
client_secret_file = "secret"
groups_claim = "groups"
organizations = []
"#;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new(text: &str) -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            place.write("oidc.toml", text, 0o644);
            place.write("secret", "s3cret-of-the-client\n", 0o600);
            place
        }

        fn write(&self, name: &str, text: &str, mode: u32) {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }

        fn says(&self) -> Result<Vec<String>, String> {
            let said = providers(&self.0.path().join("oidc.toml"));
            said.map(|all| all.into_iter().map(|one| one.title).collect())
                .map_err(|failure| format!("{failure:?}"))
        }
    }

    #[test]
    fn a_file_names_providers_and_their_secrets_lie_beside_it() {
        assert_eq!(Place::new(GOOD).says(), Ok(vec!["Example Corp".to_owned()]));
        let two = format!(
            "{GOOD}\n{}",
            GOOD.replace("corp", "two").replace("id.", "two.")
        );
        assert_eq!(Place::new(&two).says().unwrap().len(), 2);
    }

    #[test]
    fn what_others_could_have_written_or_read_is_refused_and_no_secret_is_said() {
        let place = Place::new(GOOD);
        for (name, mode) in [
            ("oidc.toml", 0o666),
            ("oidc.toml", 0o664),
            ("secret", 0o644),
            ("secret", 0o640),
            ("secret", 0o604),
        ] {
            let place = Place::new(GOOD);
            let text = fs::read_to_string(place.0.path().join(name)).unwrap();
            place.write(name, &text, mode);
            let why = place.says().unwrap_err();
            assert!(why.contains("others than its owner"), "{why}");
            assert!(!why.contains("s3cret"), "{why}");
        }
        fs::remove_file(place.0.path().join("secret")).unwrap();
        assert!(place.says().unwrap_err().contains("cannot be read"));
        fs::remove_file(place.0.path().join("oidc.toml")).unwrap();
        assert!(place.says().unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn what_cannot_be_is_said_by_its_name() {
        for (from, to, why) in [
            ("corp", "Corp", "small letters"),
            ("corp", "a/b", "small letters"),
            ("https://id", "http://id", "issuer"),
            ("Example Corp", "", "label"),
            ("\"freehold\"", "\"\"", "client_id"),
            ("groups_claim", "group_claim", "unknown field"),
            ("[]", "[\"one\"]", "oidc.toml"),
            (
                "client_id",
                "client_secret = \"s3cret\"\nclient_id",
                "unknown field",
            ),
        ] {
            let text = GOOD.replace(from, to);
            let said = Place::new(&text).says().unwrap_err();
            assert!(
                said.contains(why) && !said.contains("s3cret"),
                "{to}: {said}"
            );
        }
        assert!(Place::new("").says().unwrap_err().contains("no provider"));
        let twice = format!("{GOOD}{}", GOOD.replace("corp", "two"));
        assert!(Place::new(&twice).says().unwrap_err().contains("twice"));
        let same = format!("{GOOD}{}", GOOD.replace("id.", "two."));
        assert!(
            Place::new(&same)
                .says()
                .unwrap_err()
                .contains("two providers")
        );
        let large = format!("{GOOD}#{}", "x".repeat(70_000));
        assert!(Place::new(&large).says().unwrap_err().contains("larger"));
        let place = Place::new(GOOD);
        place.write("secret", " \n", 0o600);
        assert!(place.says().unwrap_err().contains("empty"));
    }
}
