//! The way to a model: the key stays here, the agent gets a token for one run.

use std::io::Read as _;
use std::path::PathBuf;

use freehold_gateway::{BaseUrl, Grant, Kind, Limits, PlainHttp, Secret, Upstream};
use freehold_model::Reason;
use freehold_model::world::random;
use freehold_sandbox::Port;
use freehold_wire::base64url;
use freehold_wire::link::Probed;
use freehold_wire::order::{KeyRef, ProviderSpec, SealedKey, provider_key_purpose};

use crate::context::Context;
use crate::failure::{Failure, Halt, because, chain};
use crate::surroundings::socket;

/// Longest key that is read from a file.
const KEY_MAX: u64 = 64 * 1024;

/// The endpoint with its key, read now.
fn upstream(context: &Context, provider: &ProviderSpec) -> Result<Upstream, Failure> {
    let unusable = |text: String| Failure::new(Reason::ModelUnreachable, text);
    let kind: Kind = provider
        .kind
        .parse()
        .map_err(|error| unusable(chain(&error)))?;
    let base_url = BaseUrl::parse(&provider.base_url, PlainHttp::LocalOnly)
        .map_err(|error| unusable(chain(&error)))?;
    let key = key(context, provider)?;
    Ok(Upstream {
        kind,
        base_url,
        key,
    })
}

fn key(context: &Context, provider: &ProviderSpec) -> Result<Option<Secret>, Failure> {
    let unreadable = |text: String| Failure::new(Reason::ProviderKey, text);
    let secret = match &provider.key {
        KeyRef::None => return Ok(None),
        KeyRef::Env(name) => {
            let value = context.environment.get(name).ok_or_else(|| {
                unreadable(format!(
                    "the provider `{}` takes its key from the variable {name}, which is not set on the runner's machine; set it there and restart the runner",
                    provider.name
                ))
            })?;
            let text = value
                .to_str()
                .ok_or_else(|| unreadable(format!("the variable {name} is not text")))?;
            Secret::new(text)
        }
        KeyRef::File(path) => {
            let path = PathBuf::from(path);
            let mut text = String::new();
            let read = std::fs::File::open(&path)
                .and_then(|file| file.take(KEY_MAX).read_to_string(&mut text));
            read.map_err(|error| {
                unreadable(format!(
                    "the provider `{}` takes its key from {} on the runner's machine, which cannot be read: {error}",
                    provider.name,
                    path.display()
                ))
            })?;
            Secret::new(text)
        }
        KeyRef::Sealed(keys) => open_sealed(context, provider, keys).map_err(unreadable)?,
    };
    if secret.is_empty() {
        return Err(unreadable(format!(
            "the key of the provider `{}` is empty on the runner's machine",
            provider.name
        )));
    }
    Ok(Some(secret))
}

/// The key that was written down for this runner, and for this address alone.
fn open_sealed(
    context: &Context,
    provider: &ProviderSpec,
    keys: &[SealedKey],
) -> Result<Secret, String> {
    let ours = keys
        .iter()
        .find(|key| key.runner == context.identity.runner())
        .ok_or_else(|| {
            format!(
                "the key of the provider `{}` was written before this runner was enrolled, and is not sealed to it; write it again in the provider's settings",
                provider.name
            )
        })?;
    let purpose = provider_key_purpose(context.identity.tenant(), &provider.base_url);
    let plain = context
        .identity
        .seal_key()
        .open(&purpose, &ours.sealed)
        .map_err(|error| {
            format!(
                "the key of the provider `{}` cannot be opened for {}: {error}",
                provider.name, provider.base_url
            )
        })?;
    let text = std::str::from_utf8(&plain).map_err(|_| "the written key is not text".to_owned())?;
    Ok(Secret::new(text))
}

/// Asks a provider whether it answers.
pub(crate) async fn probe(context: &Context, provider: &ProviderSpec) -> Probed {
    match asked(context, provider).await {
        Ok(mut models) => {
            models.truncate(100);
            Probed::Provider { models }
        }
        Err(failure) => Probed::Failed {
            message: failure.detail,
            next: failure.reason.next().to_owned(),
        },
    }
}

async fn asked(context: &Context, provider: &ProviderSpec) -> Result<Vec<String>, Failure> {
    let upstream = upstream(context, provider)?;
    let ping = context.gateway.ping(&upstream).await;
    Ok(ping
        .map_err(|error| Failure::new(Reason::ModelUnreachable, chain(&error)))?
        .models)
}

/// A run's way to its model, while it lives.
pub(crate) struct ModelWay {
    pub(crate) grant: Grant,
    pub(crate) port: Port,
    pub(crate) token: String,
}

/// Opens the way for one run, at a port of its loopback.
pub(crate) async fn open(
    context: &Context,
    provider: &ProviderSpec,
    port: u16,
) -> Result<ModelWay, Halt> {
    let upstream = upstream(context, provider).map_err(Halt::Failed)?;
    let token = base64url::encode(&random::<24>(&*context.entropy));
    let grant = context
        .gateway
        .open(
            &socket(context.site()),
            Secret::new(token.clone()),
            upstream,
            Limits::default(),
        )
        .await
        .map_err(|error| because(Reason::Internal, &error))?;
    let port = Port {
        port,
        socket: grant.socket().to_owned(),
    };
    Ok(ModelWay { grant, port, token })
}
