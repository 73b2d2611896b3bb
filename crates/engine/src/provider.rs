//! Model providers and their keys.

use freehold_model::{Action, ProviderId};
use freehold_store::{ProviderRow, Tx};
use freehold_wire::api::{Key, NewKey, NewProvider, Page, Provider};
use freehold_wire::link::{Probe, Probed};
use freehold_wire::order::{KeyRef, ProviderSpec, SealedKey, provider_key_purpose};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::seal::SealTo;

use crate::confirm::Act;
use crate::project::{check_name, page, shorten, taken};
use crate::tag::{self, Expected};
use crate::{Caller, Engine, Error, Result, refuse};

/// What a provider may be.
const KINDS: [&str; 3] = ["openai", "anthropic", "ollama"];
/// Longest key, in bytes. Tokens of services are a few kilobytes; a longer one, sealed to many
/// runners, would make every order megabytes.
const KEY_MAX: usize = 8 * 1024;
/// Most runners that a key is sealed to: the envelope travels with every order.
const SEALED_MAX: i64 = 200;

/// How a runner reaches the provider.
pub(crate) fn spec(row: &ProviderRow) -> Result<ProviderSpec> {
    Ok(ProviderSpec {
        name: row.name.clone(),
        kind: row.kind.clone(),
        base_url: row.base_url.clone(),
        key: serde_json::from_value(row.key_ref.clone())
            .map_err(|error| Error::Internal(format!("key of provider {}: {error}", row.id)))?,
        model: row.model.clone(),
    })
}

fn view(row: ProviderRow) -> Result<Provider> {
    let key = match spec(&row)?.key {
        KeyRef::None => Key::None,
        KeyRef::Env(name) => Key::Env(name),
        KeyRef::File(path) => Key::File(path),
        KeyRef::Sealed(keys) => Key::Written(u32::try_from(keys.len()).unwrap_or(u32::MAX)),
    };
    Ok(Provider {
        id: row.id,
        name: row.name,
        kind: row.kind,
        base_url: row.base_url,
        key,
        model: row.model,
        created_at: row.created_at,
    })
}

fn check(new: &NewProvider) -> Result<()> {
    check_name(&new.name)?;
    if !KINDS.contains(&new.kind.as_str()) {
        return refuse(
            Code::Invalid,
            format!("the kind is one of {}", KINDS.join(", ")),
        );
    }
    if let NewKey::Write(key) = &new.key
        && (key.is_empty()
            || key.len() > KEY_MAX
            || key.chars().any(|c| c.is_control() || c == ' '))
    {
        return refuse(
            Code::Invalid,
            format!("a key is one word of at most {KEY_MAX} bytes, without spaces or line breaks"),
        );
    }
    Ok(())
}

impl Engine {
    /// Adds a provider after a runner has reached it with the key that it names.
    ///
    /// # Errors
    /// [`Code::Exists`], [`Code::ProviderRefused`], [`Code::NoRunner`], [`Code::Invalid`].
    pub async fn provider_add(&self, caller: &Caller, new: NewProvider) -> Result<Provider> {
        check(&new)?;
        let mut tx = self.store().begin(caller.tenant).await?;
        if tx.provider_named(&new.name).await?.is_some() {
            return refuse(
                Code::Exists,
                format!("the provider name `{}` is taken", new.name),
            );
        }
        let key = self.key_ref(&mut tx, caller, &new, None).await?;
        drop(tx);
        let row = provider_row(new, &key, (self.new_id(), self.now()))?;
        self.probe_provider(caller, spec(&row)?).await?;
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.provider_insert(&row)
            .await
            .map_err(|e| taken(e, "provider", &row.name))?;
        let id = row.id.to_string();
        self.audit(&mut tx, caller, "provider.create", &id, "setup")
            .await?;
        tx.commit().await?;
        view(row)
    }

    /// Replaces a provider's settings after a runner has reached it with them. Orders that were
    /// signed before keep the old ones.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Exists`], [`Code::ProviderRefused`], [`Code::NoRunner`],
    /// [`Code::Invalid`], [`Code::Conflict`] when its key was changed meanwhile.
    pub async fn provider_edit(
        &self,
        caller: &Caller,
        reference: &str,
        new: NewProvider,
        expected: &Expected,
    ) -> Result<Provider> {
        check(&new)?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let old = find_provider(&mut tx, reference).await?;
        // Before a runner is asked, and once more behind the lock.
        expected.check(&tag::of(&view(old.clone())?)?)?;
        let key = self.key_ref(&mut tx, caller, &new, Some(&old)).await?;
        drop(tx);
        let row = provider_row(new, &key, (old.id, old.created_at))?;
        self.probe_provider(caller, spec(&row)?).await?;
        let mut tx = self.store().begin(caller.tenant).await?;
        held(&mut tx, &old.id.to_string(), expected).await?;
        let written = tx
            .provider_write(&row, &old)
            .await
            .map_err(|e| taken(e, "provider", &row.name))?;
        if !written {
            // Trying the key took a while: one that somebody wrote meanwhile must not be undone.
            return Err(Problem::new(
                Code::Conflict,
                "somebody changed the provider's key or address meanwhile, or removed it",
            )
            .next("look at the provider again, and change it from what it is now")
            .into());
        }
        let id = row.id.to_string();
        self.audit(&mut tx, caller, "provider.edit", &id, "setup")
            .await?;
        tx.commit().await?;
        view(row)
    }

    /// Removes a provider and forgets its key.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Conflict`] while an agent uses it.
    pub async fn provider_remove(
        &self,
        caller: &Caller,
        reference: &str,
        expected: &Expected,
    ) -> Result<()> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = held(&mut tx, reference, expected).await?;
        let users = tx.provider_users(row.id).await?;
        if !users.is_empty() {
            let detail = format!("these agents use `{}`: {}", row.name, users.join(", "));
            return Err(Problem::new(Code::Conflict, detail)
                .next("give them another provider, or remove them first")
                .into());
        }
        let act = Act {
            action: Action::ProviderRemove,
            resource: &row.id.to_string(),
            version: &tag::of(&(view(row.clone())?, &row.key_ref))?,
            does: format!(
                "the provider `{}` is removed, and its key is forgotten",
                row.name
            ),
        };
        let mut tx = self.confirm(tx, caller, act).await?;
        tx.provider_remove(row.id, self.now()).await?;
        let id = row.id.to_string();
        self.audit(&mut tx, caller, "provider.remove", &id, "setup")
            .await?;
        Ok(tx.commit().await?)
    }

    /// A provider.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn provider_show(&self, caller: &Caller, reference: &str) -> Result<Provider> {
        let mut tx = self.store().begin(caller.tenant).await?;
        view(find_provider(&mut tx, reference).await?)
    }

    /// Providers, oldest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn provider_list(
        &self,
        caller: &Caller,
        after: Option<ProviderId>,
        limit: u32,
    ) -> Result<Page<Provider>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let rows = tx.provider_list(after, i64::from(limit) + 1).await?;
        page(rows, limit, |row| row.id.to_string(), view)
    }

    /// Where the key will be. One that is written is sealed here, to each runner by itself, and
    /// to this address; the clear text goes no further.
    async fn key_ref(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        new: &NewProvider,
        old: Option<&ProviderRow>,
    ) -> Result<KeyRef> {
        match (&new.key, old) {
            (NewKey::None, _) => Ok(KeyRef::None),
            (NewKey::Env(name), _) => Ok(KeyRef::Env(name.clone())),
            (NewKey::File(path), _) => Ok(KeyRef::File(path.clone())),
            (NewKey::Write(key), _) => self.seal_key(tx, caller, key, &new.base_url).await,
            (NewKey::Keep, Some(old)) => {
                let key = spec(old)?.key;
                if matches!(key, KeyRef::Sealed(_)) && new.base_url != old.base_url {
                    return refuse(
                        Code::Invalid,
                        "a key that was written here is sealed to its address; write it again for the new one",
                    );
                }
                Ok(key)
            }
            (NewKey::Keep, None) => refuse(Code::Invalid, "a new provider has no key to keep"),
        }
    }

    async fn seal_key(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        key: &str,
        base_url: &str,
    ) -> Result<KeyRef> {
        let runners = tx.runner_list(None, SEALED_MAX).await?;
        if runners.is_empty() {
            return refuse(
                Code::NoRunner,
                "a key that is written here is sealed to the runners, and none is enrolled",
            );
        }
        let purpose = provider_key_purpose(caller.tenant, base_url);
        let sealed = runners.into_iter().map(|runner| {
            let sealed = SealTo(runner.seal_key)
                .seal(&purpose, key.as_bytes(), self.entropy())
                .map_err(|_| Error::Internal(format!("the key of {} is malformed", runner.id)))?;
            Ok(SealedKey {
                runner: runner.id,
                sealed,
            })
        });
        Ok(KeyRef::Sealed(sealed.collect::<Result<_>>()?))
    }

    async fn probe_provider(&self, caller: &Caller, provider: ProviderSpec) -> Result<()> {
        match self.ask(caller, Probe::Provider { provider }).await? {
            Probed::Provider { .. } => Ok(()),
            Probed::Failed { message, next } => Err(Problem::new(Code::ProviderRefused, message)
                .next(next)
                .into()),
            Probed::Remote { .. } => Err(Error::Internal(
                "the runner answered another question".into(),
            )),
        }
    }
}

fn provider_row(
    new: NewProvider,
    key: &KeyRef,
    (id, created_at): (ProviderId, chrono::DateTime<chrono::Utc>),
) -> Result<ProviderRow> {
    Ok(ProviderRow {
        id,
        name: new.name,
        kind: new.kind,
        base_url: new.base_url,
        key_ref: serde_json::to_value(key)
            .map_err(|error| Error::Internal(format!("key reference: {error}")))?,
        model: new.model,
        removed_at: None,
        created_at,
    })
}

/// A provider that stays as it is until the transaction ends, and is as it was seen.
async fn held(tx: &mut Tx, reference: &str, expected: &Expected) -> Result<ProviderRow> {
    let id = find_provider(tx, reference).await?.id;
    tx.provider_lock(id).await?;
    let row = find_provider(tx, &id.to_string()).await?;
    expected.check(&tag::of(&view(row.clone())?)?)?;
    Ok(row)
}

pub(crate) async fn find_provider(tx: &mut Tx, reference: &str) -> Result<ProviderRow> {
    let id = match reference.parse() {
        Ok(id) => Some(id),
        Err(_) => tx.provider_named(reference).await?,
    };
    let row = match id {
        Some(id) => tx.provider_get(id).await?,
        None => None,
    };
    row.filter(|row| row.removed_at.is_none()).ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("there is no provider `{}`", shorten(reference)),
        )
        .next("see `freehold provider list`")
        .into()
    })
}
