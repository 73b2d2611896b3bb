//! How many servers share this database, so that limits that each counts by itself hold for all together.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Engine, Result};

/// How many servers there are, as far as this one knows. Cheap to clone; one where nobody counts.
#[derive(Debug, Clone, Default)]
pub struct Share(Arc<AtomicU32>);

impl Share {
    /// Among how many.
    #[must_use]
    pub fn among(&self) -> NonZeroU32 {
        NonZeroU32::new(self.0.load(Ordering::Relaxed)).unwrap_or(NonZeroU32::MIN)
    }
}

impl Engine {
    /// Among how many servers limits are shared.
    #[must_use]
    pub fn share(&self) -> &Share {
        &self.door().share
    }

    /// Counts the servers. Gives how many there are.
    ///
    /// # Errors
    /// [`crate::Error`]; as many as before are reckoned with.
    pub async fn servers_count(&self) -> Result<u32> {
        let many = self.store().servers().await?;
        self.share().0.store(many, Ordering::Relaxed);
        Ok(many)
    }
}
