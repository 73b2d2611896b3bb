//! The tenant's content keys as this runner was given them, and the only place that seals and
//! opens.

use std::sync::{Arc, PoisonError, RwLock};

use freehold_model::{Entropy, RunId, TenantId};
use freehold_wire::content::{Content, ContentKey, DoesNotOpen, Place};
use freehold_wire::link::WrappedKey;
use freehold_wire::seal::SealKey;
use zeroize::Zeroizing;

/// Seals for the tenant and opens what is the tenant's. Cheap to clone; all clones share keys.
#[derive(Clone)]
pub(crate) struct Vault {
    tenant: TenantId,
    keys: Arc<RwLock<Vec<ContentKey>>>,
    entropy: Arc<dyn Entropy>,
}

/// A content key could not be taken, or there is none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The server has not yet given a content key to this runner.
    #[error("the server has given this runner no content key; enrol it again")]
    NoKey,
    /// A key in `welcome` was not sealed to this runner.
    #[error("content key {0} was not sealed to this runner; enrol it again")]
    NotOurs(u32),
    /// Wrong key, wrong place or altered bytes.
    #[error("sealed content does not open in its place; the server sent something it should not")]
    Altered,
}

impl From<DoesNotOpen> for VaultError {
    fn from(_: DoesNotOpen) -> Self {
        Self::Altered
    }
}

impl Vault {
    /// No keys yet.
    #[must_use]
    pub(crate) fn new(tenant: TenantId, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            tenant,
            keys: Arc::default(),
            entropy,
        }
    }

    /// Whose keys these are.
    #[must_use]
    #[cfg(test)]
    pub(crate) const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Takes the keys of a `welcome`, replacing all there were. None is taken unless all open.
    ///
    /// # Errors
    /// [`VaultError::NotOurs`].
    pub(crate) fn unwrap_keys(
        &self,
        ours: &SealKey,
        wrapped: &[WrappedKey],
    ) -> Result<(), VaultError> {
        let open = |key: &WrappedKey| {
            let bytes = ours
                .open(&format!("content-key/{}", key.id), &key.sealed)
                .ok()?;
            let bytes = Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?);
            Some(ContentKey::from_bytes(key.id, *bytes))
        };
        let mut keys = Vec::with_capacity(wrapped.len());
        for key in wrapped {
            keys.push(open(key).ok_or(VaultError::NotOurs(key.id))?);
        }
        keys.sort_by_key(|key| std::cmp::Reverse(key.id()));
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Seals with the newest key for `field` of `run` in its `version`.
    ///
    /// # Errors
    /// [`VaultError::NoKey`] before the first `welcome`.
    pub(crate) fn seal(
        &self,
        run: RunId,
        field: &str,
        version: u64,
        plain: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let place = Place::new(self.tenant, run, field, version);
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.first().ok_or(VaultError::NoKey)?;
        Ok(key.seal(&place, plain, &*self.entropy)?.into_bytes())
    }

    /// Opens with whichever key it was sealed with.
    ///
    /// # Errors
    /// [`VaultError`].
    pub(crate) fn open(
        &self,
        run: RunId,
        field: &str,
        version: u64,
        sealed: Vec<u8>,
    ) -> Result<Vec<u8>, VaultError> {
        let place = Place::new(self.tenant, run, field, version);
        let content = Content::from_bytes(sealed);
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        if keys.is_empty() {
            return Err(VaultError::NoKey);
        }
        keys.iter()
            .find_map(|key| key.open(&place, &content).ok())
            .ok_or(VaultError::Altered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::{Counting, Fixed};

    #[test]
    fn the_newest_key_seals_and_every_key_opens() {
        let entropy = Arc::new(Counting::default());
        let ours = SealKey::from_seed([4; 32]);
        let tenant = TenantId::new(&Fixed, &*entropy);
        let run = RunId::new(&Fixed, &*entropy);
        let wrap = |id: u32| WrappedKey {
            id,
            sealed: ours
                .public()
                .seal(&format!("content-key/{id}"), &[id as u8; 32], &*entropy)
                .unwrap(),
        };
        let vault = Vault::new(tenant, entropy.clone());
        assert_eq!(vault.seal(run, "detail", 1, b"x"), Err(VaultError::NoKey));
        vault.unwrap_keys(&ours, &[wrap(1)]).unwrap();
        let old = vault.seal(run, "detail", 1, b"old").unwrap();
        vault.unwrap_keys(&ours, &[wrap(1), wrap(2)]).unwrap();
        let new = vault.seal(run, "detail", 1, b"new").unwrap();
        assert_eq!(new[1..5], 2u32.to_be_bytes());
        assert_eq!(vault.open(run, "detail", 1, old).unwrap(), b"old");
        assert_eq!(vault.open(run, "detail", 1, new.clone()).unwrap(), b"new");
        assert_eq!(vault.open(run, "diff", 1, new), Err(VaultError::Altered));
        let stranger = SealKey::from_seed([5; 32]);
        assert_eq!(
            vault.unwrap_keys(&stranger, &[wrap(3)]),
            Err(VaultError::NotOurs(3))
        );
    }
}
