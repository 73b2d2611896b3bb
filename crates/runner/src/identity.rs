//! Who this runner is: its one signing key, its sealing key, whose it is, and the key that signs
//! its orders. Made at enrolment, kept in one file that only its owner can read.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use freehold_model::world::{Entropy, random};
use freehold_model::{Clock, RunnerId, TenantId};
use freehold_wire::api::Enrol;
use freehold_wire::link::hello_message;
use freehold_wire::seal::SealKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The file's name in the data directory.
pub(crate) const FILE: &str = "identity";

/// Why there is no usable identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// This data directory was never enrolled.
    #[error(
        "no runner is enrolled in {}; get a token with `freehold runner enroll-token` and pass it once", .0.display()
    )]
    Missing(PathBuf),
    /// The file cannot be read or written.
    #[error("the runner's identity file {} cannot be used", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
    /// The file is not what this program wrote.
    #[error("the runner's identity file {} is damaged; remove it and enrol again", .0.display())]
    Damaged(PathBuf),
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    runner: RunnerId,
    tenant: TenantId,
    #[serde(with = "freehold_wire::base64url")]
    signing_seed: Vec<u8>,
    #[serde(with = "freehold_wire::base64url")]
    seal_seed: Vec<u8>,
    #[serde(with = "freehold_wire::base64url")]
    order_key: Vec<u8>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.signing_seed);
        zeroize::Zeroize::zeroize(&mut self.seal_seed);
    }
}

/// The keys of a runner that is not yet anybody's.
pub(crate) struct Keys {
    runner: RunnerId,
    signing: SigningKey,
    seal_seed: Zeroizing<[u8; 32]>,
}

impl Keys {
    /// Fresh keys and a fresh id.
    #[must_use]
    pub(crate) fn generate(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        Self {
            runner: RunnerId::new(clock, entropy),
            signing: SigningKey::from_bytes(&Zeroizing::new(random(entropy))),
            seal_seed: Zeroizing::new(random(entropy)),
        }
    }

    /// What enrolment sends: public halves, and the proof that both belong together.
    #[must_use]
    pub(crate) fn enrol(&self, token: String, name: String) -> Enrol {
        let seal_key = SealKey::from_seed(*self.seal_seed).public();
        Enrol {
            token,
            name,
            runner: self.runner,
            signing_key: self.signing.verifying_key().to_bytes().to_vec(),
            seal_key_signature: self.signing.sign(&seal_key.0).to_bytes().to_vec(),
            seal_key,
        }
    }

    /// The identity, once a tenant has taken the runner.
    #[must_use]
    pub(crate) fn belong(self, tenant: TenantId, order_key: VerifyingKey) -> Identity {
        Identity {
            runner: self.runner,
            tenant,
            signing: self.signing,
            seal_seed: self.seal_seed,
            order_key,
        }
    }
}

/// An enrolled runner. `Debug` shows no key.
#[derive(Clone)]
pub struct Identity {
    runner: RunnerId,
    tenant: TenantId,
    signing: SigningKey,
    seal_seed: Zeroizing<[u8; 32]>,
    order_key: VerifyingKey,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({} of {})", self.runner, self.tenant)
    }
}

impl Identity {
    /// Its id.
    #[must_use]
    pub const fn runner(&self) -> RunnerId {
        self.runner
    }

    /// Whose it is.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The only key whose orders it acts on.
    #[must_use]
    pub const fn order_key(&self) -> &VerifyingKey {
        &self.order_key
    }

    /// Opens what was sealed to this runner.
    #[must_use]
    pub fn seal_key(&self) -> SealKey {
        SealKey::from_seed(*self.seal_seed)
    }

    /// The signature that `hello` carries for this challenge.
    #[must_use]
    pub fn sign_hello(&self, nonce: &[u8]) -> Vec<u8> {
        let message = hello_message(nonce, self.runner);
        self.signing.sign(&message).to_bytes().to_vec()
    }

    /// Reads it from a data directory.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn load(data: &Path) -> Result<Self, IdentityError> {
        let path = data.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(IdentityError::Missing(data.to_owned()));
            }
            Err(cause) => return Err(IdentityError::Io { path, cause }),
        };
        let read = || {
            let stored: Stored = serde_json::from_slice(&text).ok()?;
            let signing = Zeroizing::new(<[u8; 32]>::try_from(&*stored.signing_seed).ok()?);
            let order_key = <[u8; 32]>::try_from(&*stored.order_key).ok()?;
            (stored.version == 1).then_some(())?;
            Some(Self {
                runner: stored.runner,
                tenant: stored.tenant,
                signing: SigningKey::from_bytes(&signing),
                seal_seed: Zeroizing::new(<[u8; 32]>::try_from(&*stored.seal_seed).ok()?),
                order_key: VerifyingKey::from_bytes(&order_key).ok()?,
            })
        };
        read().ok_or(IdentityError::Damaged(path))
    }

    /// Writes it into a data directory, whole or not at all, for its owner's eyes only.
    ///
    /// # Errors
    /// [`IdentityError::Io`].
    pub fn save(&self, data: &Path) -> Result<(), IdentityError> {
        let path = data.join(FILE);
        self.write(data, &path)
            .map_err(|cause| IdentityError::Io { path, cause })
    }

    fn write(&self, data: &Path, path: &Path) -> io::Result<()> {
        let stored = Stored {
            version: 1,
            runner: self.runner,
            tenant: self.tenant,
            signing_seed: self.signing.to_bytes().to_vec(),
            seal_seed: self.seal_seed.to_vec(),
            order_key: self.order_key.to_bytes().to_vec(),
        };
        let text = Zeroizing::new(serde_json::to_vec(&stored)?);
        let fresh = data.join("identity.new");
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        fs::File::open(data)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::{Counting, Fixed};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn an_identity_survives_its_file_and_only_its_owner_reads_it() {
        let data = tempfile::tempdir().unwrap();
        let keys = Keys::generate(&Fixed, &Counting::default());
        let order = SigningKey::from_bytes(&[9; 32]).verifying_key();
        let identity = keys.belong(TenantId::new(&Fixed, &Counting::default()), order);
        assert!(matches!(
            Identity::load(data.path()),
            Err(IdentityError::Missing(_))
        ));
        identity.save(data.path()).unwrap();
        identity.save(data.path()).unwrap();
        let loaded = Identity::load(data.path()).unwrap();
        assert_eq!(loaded.runner(), identity.runner());
        assert_eq!(loaded.sign_hello(b"n"), identity.sign_hello(b"n"));
        assert_eq!(loaded.order_key(), &order);
        let mode = fs::metadata(data.path().join(FILE)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_said_to_be_damaged() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(FILE), "{}").unwrap();
        assert!(matches!(
            Identity::load(data.path()),
            Err(IdentityError::Damaged(_))
        ));
    }
}
