//! The server's keys: its own sealing key, and through it each managed tenant's content keys and
//! order key. Unwrapped keys stay in memory only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use freehold_model::TenantId;
use freehold_store::Tx;
use freehold_wire::content::{Content, ContentKey, DoesNotOpen, Place};
use freehold_wire::order::Order;
use freehold_wire::seal::SealKey;
use freehold_wire::{audit, dsse, order};

use crate::{Engine, Error, Result};

/// Who the server is among a tenant's recipients.
pub const SERVER: &str = "server";

/// What a content key is wrapped for.
#[must_use]
pub fn content_key_purpose(id: u32) -> String {
    format!("content-key/{id}")
}

/// What the order key is wrapped for.
pub const ORDER_KEY_PURPOSE: &str = "order-key";

/// The server's sealing key and what it has unwrapped so far.
pub struct Keys {
    seal: SealKey,
    tenants: Mutex<HashMap<TenantId, Arc<TenantKeys>>>,
}

/// A managed tenant's keys.
pub struct TenantKeys {
    content: Vec<ContentKey>,
    signing: ed25519::SigningKey,
}

/// The signing types, through the one room that knows the primitive.
pub use freehold_wire::dsse::ed25519;

impl Keys {
    /// Keys behind the server's own.
    #[must_use]
    pub fn new(seal: SealKey) -> Self {
        Self {
            seal,
            tenants: Mutex::default(),
        }
    }

    /// The server's own key.
    #[must_use]
    pub const fn seal(&self) -> &SealKey {
        &self.seal
    }
}

impl TenantKeys {
    /// Seals `plain` for `place` with the newest key.
    pub(crate) fn seal(&self, engine: &Engine, place: &Place, plain: &[u8]) -> Result<Vec<u8>> {
        let key = self
            .content
            .last()
            .ok_or_else(|| Error::Internal("no content key".into()))?;
        key.seal(place, plain, engine.entropy())
            .map(Content::into_bytes)
            .map_err(|_| Error::Internal("sealing failed".into()))
    }

    /// Opens what was sealed for `place`. Use [`crate::open`], which leaves an audit entry.
    pub(crate) fn open(
        &self,
        place: &Place,
        sealed: &[u8],
    ) -> std::result::Result<Vec<u8>, DoesNotOpen> {
        let content = Content::from_bytes(sealed.to_vec());
        self.content
            .iter()
            .rev()
            .find_map(|key| key.open(place, &content).ok())
            .ok_or(DoesNotOpen)
    }

    /// Signs an order.
    pub(crate) fn sign(&self, wish: &Order) -> Result<dsse::Envelope> {
        dsse::Envelope::sign(order::ORDER, wish, &self.signing)
            .map_err(|error| Error::Internal(format!("an order cannot be written: {error}")))
    }

    /// Signs how far the audit log's chain has come.
    pub(crate) fn sign_checkpoint(&self, checkpoint: &audit::Checkpoint) -> Result<dsse::Envelope> {
        dsse::Envelope::sign(audit::CHECKPOINT, checkpoint, &self.signing)
            .map_err(|error| Error::Internal(format!("a checkpoint cannot be written: {error}")))
    }

    /// Signs that the beginning of the audit log's chain was let go.
    pub(crate) fn sign_cut(&self, cut: &audit::Cut) -> Result<dsse::Envelope> {
        dsse::Envelope::sign(audit::CUT, cut, &self.signing)
            .map_err(|error| Error::Internal(format!("a cut cannot be written: {error}")))
    }

    /// What runners verify orders with.
    #[must_use]
    pub fn order_key(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// All content keys, to be wrapped for a recipient.
    pub(crate) fn content(&self) -> &[ContentKey] {
        &self.content
    }
}

impl Engine {
    /// The keys of the tenant that `tx` is bound to.
    pub(crate) async fn tenant_keys(&self, tx: &mut Tx) -> Result<Arc<TenantKeys>> {
        let tenant = tx.tenant();
        let keys = &self.parts.keys;
        let known = keys
            .tenants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&tenant)
            .cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut content = Vec::new();
        for row in tx.content_keys(SERVER).await? {
            let id = u32::try_from(row.key_id).unwrap_or(0);
            let bytes = unwrap_32(&keys.seal, &content_key_purpose(id), &row.wrapped)?;
            content.push(ContentKey::from_bytes(id, bytes));
        }
        let row = tx
            .order_key()
            .await?
            .ok_or_else(|| Error::Internal(format!("{tenant} has no order key")))?;
        let seed = unwrap_32(&keys.seal, ORDER_KEY_PURPOSE, &row.wrapped)?;
        let signing = ed25519::SigningKey::from_bytes(&seed);
        let unwrapped = Arc::new(TenantKeys { content, signing });
        keys.tenants
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant, Arc::clone(&unwrapped));
        Ok(unwrapped)
    }
}

fn unwrap_32(seal: &SealKey, purpose: &str, wrapped: &[u8]) -> Result<[u8; 32]> {
    let plain = seal.open(purpose, wrapped).map_err(|_| {
        Error::Internal(format!(
            "the tenant's {purpose} is not wrapped to this server's key: was the key file replaced?"
        ))
    })?;
    plain
        .as_slice()
        .try_into()
        .map_err(|_| Error::Internal(format!("the tenant's {purpose} has a wrong length")))
}
