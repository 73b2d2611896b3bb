//! How people come in, from words to settings; and what whoever operates the server does about people.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use freehold_engine::identity::{Identity, Post, Registration};
use freehold_engine::{Engine, Keys, Parts};
use freehold_model::{Email, TenantId};
use freehold_server::{Connections, Folder, NoPost, Smtp};
use freehold_store::{Blobs, Snapshot, Store, schema_version};
use freehold_wire::seal::SealKey;
use reqwest::Url;
use serde::Serialize;

use super::data::{Data, read_small};
use super::oidc;
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::print::Printer;
use crate::words::{AdminWords, IdentityWords, Seats};
use crate::world::{SystemClock, SystemEntropy};

/// Organizations that are named to somebody who did not say which one.
const NAMED: usize = 20;
/// Connections of a command that does one thing.
const POOL: u32 = 2;

/// The settings, and the host that people find the server by.
///
/// # Errors
/// When a word is none, or a file cannot be used; what a secret is, is not said.
pub(crate) fn settings(words: &IdentityWords) -> Result<(Identity, Option<String>), Failure> {
    let home = words.public_url.as_deref().map(public).transpose()?;
    let host = home
        .as_ref()
        .and_then(|url| url.host_str().map(str::to_owned));
    let from = match &words.mail_from {
        Some(from) => from.clone(),
        None => format!("freehold@{}", host.as_deref().unwrap_or("localhost")),
    };
    let from: Email = from
        .parse()
        .map_err(|error: freehold_model::email::NotAnEmail| {
            Failure::usage(error.to_string(), "say a sender: `--mail-from ADDRESS`")
        })?;
    let smtp = match (&words.smtp_file, &words.smtp_env) {
        (Some(file), _) => Some(secret(file)?),
        (None, Some(name)) => Some(Environment::named(name).ok_or_else(|| {
            Failure::usage(
                format!("the environment variable {name} is not set"),
                "set it to the mail server's address",
            )
        })?),
        (None, None) => None,
    };
    let post: Option<Arc<dyn Post>> = match (smtp, &words.mail_dir) {
        (Some(url), _) => Some(Arc::new(
            Smtp::new(url.trim(), &from, host.as_deref()).map_err(no_post)?,
        )),
        (None, Some(place)) => {
            let cannot = |error: std::io::Error| {
                let message = format!("{}: {error}", place.display());
                Failure::new(
                    Exit::Failed,
                    "mail",
                    message,
                    "name another: `--mail-dir DIR`",
                )
            };
            let place = std::path::absolute(place).map_err(cannot)?;
            let mut builder = DirBuilder::new();
            builder
                .recursive(true)
                .mode(0o700)
                .create(&place)
                .map_err(cannot)?;
            Some(Arc::new(Folder::new(place, &from).map_err(no_post)?))
        }
        (None, None) => None,
    };
    let open = words.registration == Registration::Open;
    if open && post.is_none() {
        return Err(Failure::usage(
            "whoever asks for an account confirms it by mail, and this server sends none",
            "say how: `--smtp-file FILE`, `--smtp-env NAME` or `--mail-dir DIR`",
        ));
    }
    let identity = Identity {
        registration: words.registration,
        organizations: words.organizations.unwrap_or(open),
        home: home.map(Into::into),
        post,
        providers: match &words.oidc {
            Some(file) => oidc::providers(file)?,
            None => Vec::new(),
        },
    };
    Ok((identity, host))
}

/// Links in mails begin with it: a web address, and nothing more.
fn public(text: &str) -> Result<Url, Failure> {
    let wrong = || {
        Failure::usage(
            format!("`--public-url {text}` is no web address"),
            "say one like https://freehold.example.org",
        )
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_one = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_one.then_some(url).ok_or_else(wrong)
}

fn no_post(why: NoPost) -> Failure {
    Failure::new(
        Exit::Usage,
        "mail",
        why.to_string(),
        "mend it; `--mail-dir DIR` puts mails into a directory in place of sending them",
    )
}

/// Reads a secret that nobody else could have read.
fn secret(path: &Path) -> Result<String, Failure> {
    let bad = |what: String| {
        Failure::new(
            Exit::Failed,
            "mail",
            format!("{}: {what}", path.display()),
            "write the mail server's address there, like smtps://USER:PASSWORD@HOST, mode 0600",
        )
    };
    let meta = std::fs::metadata(path).map_err(|error| bad(format!("cannot be read: {error}")))?;
    let me = nix::unistd::geteuid().as_raw();
    if meta.permissions().mode() & 0o077 != 0 || ![me, 0].contains(&meta.uid()) {
        return Err(bad("others than its owner can read it".into()));
    }
    let bytes = read_small(path).map_err(|error| bad(format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| bad("it is no text".into()))
}

/// What was done, for programs.
#[derive(Serialize)]
struct Restored {
    tenant: TenantId,
    email: String,
    token: String,
    link: String,
}

/// `admin …`, on the server's own machine.
///
/// # Errors
/// [`Failure`].
pub(crate) fn admin(words: AdminWords, data: &Path, printer: Printer) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(act(words, &Data::at(data), printer))?;
    Ok(ExitCode::SUCCESS)
}

async fn act(words: AdminWords, data: &Data, printer: Printer) -> anyhow::Result<()> {
    let (engine, url) = open(data).await?;
    match words {
        AdminWords::Owner { tenant, email } => {
            let tenant = which(&engine, tenant).await?;
            let user = nix::unistd::User::from_uid(nix::unistd::getuid())
                .ok()
                .flatten();
            let by = format!(
                "operator {}",
                user.map_or_else(|| "?".to_owned(), |user| user.name)
            );
            let token = engine
                .owner_restore(tenant, &email, &by)
                .await
                .map_err(trouble)?;
            let restored = Restored {
                tenant,
                email,
                link: format!("{url}/new-password#{token}"),
                token: token.to_string(),
            };
            printer.progress("sets their password once, within an hour; whoever has it is them");
            printer.show(&restored, |restored, _| restored.link.clone())?;
        }
        AdminWords::Seats {
            seats: Seats(seats),
            tenant,
        } => {
            let tenant = which(&engine, tenant).await?;
            engine.seats_set(tenant, seats).await.map_err(trouble)?;
            let said = serde_json::json!({ "tenant": tenant, "seats": seats });
            printer.show(&said, |_, _| match seats {
                Some(seats) => format!("{tenant} may have {seats} members."),
                None => format!("{tenant} may have as many members as like."),
            })?;
        }
    }
    Ok(())
}

/// The use cases over the installation's database, for whoever holds the address of its owner.
async fn open(data: &Data) -> anyhow::Result<(Engine, String)> {
    let database = data.database()?.ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            "no_database",
            format!("{} has no database.json", data.root().display()),
            "name the data directory of the installation: `--data DIR`",
        )
    })?;
    // Whoever can be the owner may do this; what is done is done as the role that owns nothing.
    let mut as_owner = Snapshot::open(&database.owner)
        .await
        .context("the database does not take its owner's address in database.json")?;
    if as_owner.schema().await? != schema_version() {
        return Err(Failure::new(
            Exit::Failed,
            "database_newer",
            "the database is of another version than this program",
            "use the program that the server runs, once it has been started",
        )
        .into());
    }
    let store = Store::connect(&database.app, POOL)
        .await
        .context("the database cannot be used")?;
    let engine = Engine::new(Parts {
        store,
        // Content is neither read nor written.
        blobs: Blobs::reading(data.root())?,
        keys: Keys::new(SealKey::from_seed(data.existing_seal_seed()?)),
        hub: Arc::new(Connections::new()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        runs_per_tenant: None,
        identity: Identity::default(),
        carrier: None,
    });
    let url = data.client()?.map(|client| client.url).unwrap_or_default();
    Ok((engine, url))
}

/// The organization that is meant.
async fn which(engine: &Engine, said: Option<TenantId>) -> anyhow::Result<TenantId> {
    let tenants = engine.store().tenants().await?;
    match (said, tenants.as_slice()) {
        (Some(tenant), _) => Ok(tenant),
        (None, [only]) => Ok(*only),
        (None, several) => {
            let mut names = Vec::new();
            for tenant in several.iter().take(NAMED) {
                let name = engine.store().begin(*tenant).await?.tenant_name().await?;
                names.push(format!("{tenant} ({name})"));
            }
            let message = format!(
                "there are {} organizations: {}",
                several.len(),
                names.join(", ")
            );
            Err(Failure::usage(message, "say which one: `--tenant ID`").into())
        }
    }
}

fn trouble(error: freehold_engine::Error) -> anyhow::Error {
    match error {
        freehold_engine::Error::Problem(problem) => Failure::from(*problem).into(),
        other => other.into(),
    }
}
