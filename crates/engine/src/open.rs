//! The one port through which the server opens content: for whom, of what, and to what purpose
//! stands in the audit log, in the same transaction as the read.

use std::sync::Arc;

use freehold_model::id::Kind;
use freehold_model::{Id, TenantId};
use freehold_store::Tx;
use freehold_wire::content::Place;

use crate::keys::TenantKeys;
use crate::{Caller, Engine, Error, Result};

/// A licence to open one tenant's content for one purpose.
pub struct Opener {
    tenant: TenantId,
    keys: Arc<TenantKeys>,
}

impl Engine {
    /// Opens the port. `resource` names what is looked at (an id), `purpose` why.
    pub(crate) async fn opener(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        resource: &str,
        purpose: &'static str,
    ) -> Result<Opener> {
        self.audit_open(tx, caller, resource, purpose).await?;
        let keys = self.tenant_keys(tx).await?;
        Ok(Opener {
            tenant: tx.tenant(),
            keys,
        })
    }
}

impl Opener {
    /// The bytes of a field.
    pub(crate) fn bytes<K: Kind>(
        &self,
        entity: Id<K>,
        field: &str,
        version: i64,
        sealed: &[u8],
    ) -> Result<Vec<u8>> {
        let version = u64::try_from(version).unwrap_or(0);
        self.keys
            .open(&Place::new(self.tenant, entity, field, version), sealed)
            .map_err(|error| Error::Internal(format!("{field} of {entity}: {error}")))
    }

    /// The text of a field.
    pub(crate) fn text<K: Kind>(
        &self,
        entity: Id<K>,
        field: &str,
        version: i64,
        sealed: &[u8],
    ) -> Result<String> {
        self.bytes(entity, field, version, sealed)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}
