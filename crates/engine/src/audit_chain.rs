//! The chain of the audit log: entries get their places, checkpoints are signed, and all of it can be
//! looked at and carried away.

use chrono::TimeDelta;
use freehold_model::{TenantId, UserId};
use freehold_store::{AuditPart, AuditRow, Link, Placed, Rest, StoreError, Tx};
use freehold_wire::api::{AuditBegin, AuditEntry, AuditHead, AuditKept, Page};
use freehold_wire::audit::{
    Act, Checkpoint, Class, Entry, FORMAT, Gone, Hash, Head, Line, Place, Sealed,
};
use freehold_wire::dsse::Envelope;
use freehold_wire::problem::{Code, Problem};

use crate::{Caller, Engine, Error, Result, refuse};

/// Tenants asked for at a time.
const TENANTS: i32 = 500;
/// Entries that get their places in one transaction.
const AT_ONCE: i64 = 1000;
/// A checkpoint is signed when the chain has grown by so much, or when the last one is so old.
const SIGN_AFTER: i64 = 1000;
const SIGN_EVERY: TimeDelta = TimeDelta::hours(1);
/// And when nothing came for so long: then an entry is unsigned for five minutes at most where nothing else
/// happens, and an organization that does something now and then gets three hundred checkpoints a day at most.
const SIGN_QUIET: TimeDelta = TimeDelta::minutes(5);
/// Entries of an export that are read at once: bounds what one reader makes the server hold.
const EXPORTED_AT_ONCE: i64 = 500;

/// An export that is under way.
pub struct Export {
    tenant: TenantId,
    head: Option<Head>,
    cut: Option<Envelope>,
    place: i64,
    last: i64,
}

impl Engine {
    /// Gives all entries that wait for one their places in their tenants' chains. Safe to call from
    /// several servers at once. Gives how many there were.
    ///
    /// # Errors
    /// [`Error`]; the next pass does what this one did not.
    pub async fn audit_chain(&self) -> Result<u64> {
        let (mut after, mut chained) = (None, 0);
        loop {
            let tenants = self.store().audit_unchained(after, TENANTS).await?;
            after = tenants.last().copied();
            for tenant in tenants {
                match self.audit_chain_of(tenant, false).await {
                    Ok(some) => chained += some,
                    Err(Error::Store(error)) if error.is_away() => return Err(error.into()),
                    // One organization's trouble is no other's.
                    Err(error) => {
                        tracing::error!(%tenant, %error, "entries of the audit log have no place yet");
                    }
                }
            }
            if after.is_none() {
                self.audit_sign_ends().await?;
                return Ok(chained);
            }
        }
    }

    /// Signs the ends of chains where nothing came for a while. One that could not be signed is looked at
    /// again with the next pass, behind those that became due before it.
    async fn audit_sign_ends(&self) -> Result<()> {
        for tenant in self.store().audit_unsigned(TENANTS).await? {
            match self.audit_chain_of(tenant, true).await {
                Ok(_) => {}
                Err(Error::Store(error)) if error.is_away() => return Err(error.into()),
                Err(error) => {
                    tracing::error!(%tenant, %error, "the end of the audit log is not signed yet");
                    self.audit_sign_later(tenant).await?;
                }
            }
        }
        Ok(())
    }

    /// An organization whose log cannot be signed holds up no other's.
    async fn audit_sign_later(&self, tenant: TenantId) -> Result<()> {
        let mut tx = self.store().begin(tenant).await?;
        tx.audit_chain(&[], SIGN_QUIET).await?;
        Ok(tx.commit().await?)
    }

    /// All of a tenant's entries get their places; `sign` asks for a checkpoint of the last one.
    async fn audit_chain_of(&self, tenant: TenantId, sign: bool) -> Result<u64> {
        let mut chained = 0;
        loop {
            let mut tx = self.store().begin(tenant).await?;
            tx.audit_gate().await?;
            let some = self.chain_some(&mut tx).await?;
            let is_last = some < AT_ONCE.unsigned_abs();
            self.sign(&mut tx, sign && is_last).await?;
            tx.commit().await?;
            chained += some;
            if is_last {
                return Ok(chained);
            }
        }
    }

    async fn chain_some(&self, tx: &mut Tx) -> Result<u64> {
        let tenant = tx.tenant().to_string();
        let mut place = place(tx.audit_place(None).await?)?;
        let mut links = Vec::new();
        for row in tx.audit_waiting(AT_ONCE).await? {
            let n = place.n + 1;
            let (seq, salt) = (row.seq, row.salt);
            let act = act(row);
            let sealed = salt.map(|salt| Sealed::of(&act, &salt.to_string()));
            let hash = match &sealed {
                Some(sealed) => sealed.hash(&tenant, n, &place.hash),
                None => act.hash(&tenant, n, &place.hash),
            };
            links.push(Link {
                n: signed(n),
                seq,
                hash: hash.bytes().unwrap_or_default(),
                rest: sealed.map(|sealed| Rest {
                    class: sealed.class.word(),
                    digest: sealed.digest.bytes().unwrap_or_default(),
                    at: sealed.at,
                }),
            });
            place = Place { n, hash };
        }
        if !links.is_empty() {
            tx.audit_chain(&links, SIGN_QUIET).await?;
        }
        Ok(links.len() as u64)
    }

    /// Signs how far the chain has come, where it is time or `now` says so, and there is news.
    async fn sign(&self, tx: &mut Tx, now: bool) -> Result<()> {
        let place = place(tx.audit_place(None).await?)?;
        let n = signed(place.n);
        let due = match tx.audit_signed().await? {
            Some((last, at)) => {
                let grown = n - last;
                // Also where the clock was turned back behind what was signed last.
                let since = (tx.time() - at).abs();
                grown > 0 && (now || grown >= SIGN_AFTER || since >= SIGN_EVERY)
            }
            None => n > 0,
        };
        if due {
            let checkpoint = Checkpoint {
                tenant: tx.tenant().to_string(),
                place,
                at: tx.time(),
            };
            let keys = self.tenant_keys(tx).await?;
            let envelope = keys.sign_checkpoint(&checkpoint)?;
            let envelope = serde_json::to_value(envelope).map_err(unwritable)?;
            tx.audit_sign(n, checkpoint.at, &envelope).await?;
        } else if now {
            tx.audit_nothing_unsigned().await?;
        }
        Ok(())
    }

    /// The log, newest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn audit_list(
        &self,
        caller: &Caller,
        part: &AuditPart,
        limit: u32,
    ) -> Result<Page<AuditEntry>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let mut rows = tx.audit_list(part, i64::from(limit) + 1).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let users: Vec<UserId> = rows.iter().filter_map(|r| r.actor.parse().ok()).collect();
        let names = tx.member_names(&users).await?;
        tx.commit().await?;
        let next = rows.last().filter(|_| has_more);
        let next = next.map(|row| row.seq.to_string());
        let name_of = |actor: &str| {
            let known = names.iter().find(|(user, _)| user.to_string() == actor);
            known.map(|(_, name)| name.clone())
        };
        let items = rows
            .into_iter()
            .map(|row| AuditEntry {
                n: row.n.and_then(|n| u64::try_from(n).ok()),
                at: row.at,
                actor_name: name_of(&row.actor),
                actor: row.actor,
                action: row.action,
                resource: row.resource,
                purpose: row.purpose,
                outcome: row.outcome,
                correlation: row.correlation,
                address: row.address,
            })
            .collect();
        Ok(Page { items, next })
    }

    /// How far the chain has come, signed: who keeps it can tell later whether what was before it is
    /// still as it was.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn audit_head(&self, caller: &Caller) -> Result<AuditHead> {
        self.audit_chain_of(caller.tenant, true).await?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let place = place(tx.audit_place(None).await?)?;
        let n = signed(place.n);
        let keys = self.tenant_keys(&mut tx).await?;
        let signed = tx.audit_checkpoints(n - 1, n).await?.pop();
        let begins = tx.audit_began().await?.map(|(n, _, cut)| AuditBegin {
            n: n.unsigned_abs() + 1,
            cut,
        });
        tx.commit().await?;
        Ok(AuditHead {
            tenant: caller.tenant,
            n: place.n,
            hash: place.hash.as_str().to_owned(),
            key: freehold_wire::base64url::encode(&keys.order_key()),
            checkpoint: signed.map(|(_, envelope)| envelope),
            begins,
            kept: AuditKept::default(),
        })
    }

    /// Begins to carry the log away: entries behind the `after`th, or all that are there. What is asked for
    /// is itself an entry, and the last that is carried.
    ///
    /// # Errors
    /// `invalid` where there is no such entry, or it was let go.
    pub async fn audit_export(&self, caller: &Caller, after: u64) -> Result<Export> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let resource = caller.tenant.to_string();
        self.audit(&mut tx, caller, "audit.export", &resource, "audit")
            .await?;
        tx.commit().await?;
        self.audit_chain_of(caller.tenant, true).await?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let last = place(tx.audit_place(None).await?)?;
        let began = tx.audit_began().await?;
        let first = place(began.as_ref().map(|(n, hash, _)| (*n, hash.clone())))?;
        let begins = match after {
            0 => first.clone(),
            n if n == first.n => first.clone(),
            n => place(tx.audit_place(Some(signed(n))).await?)?,
        };
        if after != 0 && after < first.n {
            let why = format!(
                "what was up to entry {} was let go; without a number the log begins behind it",
                first.n
            );
            return refuse(Code::Invalid, why);
        }
        if after != 0 && begins.n != after {
            let why = format!(
                "the log has {} entries, and none with the number {after}",
                last.n
            );
            return refuse(Code::Invalid, why);
        }
        let cut = match began {
            Some((_, _, cut)) if begins == first => Some(envelope(cut)?),
            _ => None,
        };
        let keys = self.tenant_keys(&mut tx).await?;
        tx.commit().await?;
        Ok(Export {
            tenant: caller.tenant,
            place: signed(begins.n),
            last: signed(last.n),
            cut,
            head: Some(Head {
                format: FORMAT.to_owned(),
                tenant: caller.tenant.to_string(),
                key: keys.order_key().to_vec(),
                after: begins,
            }),
        })
    }
}

impl Export {
    /// The next lines, each with its line feed; none at the end.
    ///
    /// # Errors
    /// [`Error`]; what was given so far holds. [`Code::Conflict`] where what would come next was let go
    /// meanwhile.
    pub async fn next(&mut self, engine: &Engine) -> Result<Option<String>> {
        if let Some(head) = self.head.take() {
            let cut = self.cut.take().map(|cut| Line::Cut { cut });
            return lines([Line::Head(head)].into_iter().chain(cut)).map(Some);
        }
        if self.place >= self.last {
            return Ok(None);
        }
        let mut tx = engine.store().begin(self.tenant).await?;
        let many = EXPORTED_AT_ONCE.min(self.last - self.place);
        let rows = tx.audit_chained(self.place, many).await?;
        let to = rows.last().map_or(self.last, |row| row.n);
        let mut signed = tx
            .audit_checkpoints(self.place, to)
            .await?
            .into_iter()
            .peekable();
        // After the entries: one that goes meanwhile is no gap that somebody made.
        let began = tx.audit_began().await?.map(|(n, ..)| n);
        tx.commit().await?;
        if let Some(n) = began.filter(|n| *n > self.place) {
            let why = format!("what was up to entry {n} was let go while the log was exported");
            return Err(Problem::new(Code::Conflict, why)
                .next("export it again")
                .into());
        }
        if rows.is_empty() {
            return Err(Error::Internal("a chain has a gap".into()));
        }
        self.place = to;
        let mut all = Vec::new();
        for row in rows {
            let n = row.n;
            // Where one is missing that was not let go, whoever reads it sees the gap.
            all.extend(line(row));
            if let Some((_, signed)) = signed.next_if(|(at, _)| *at == n) {
                let checkpoint = envelope(signed)?;
                all.push(Line::Checkpoint { checkpoint });
            }
        }
        lines(all).map(Some)
    }
}

/// A place's line: of its entry, or of what is left of it; none where neither is there.
fn line(placed: Placed) -> Option<Line> {
    let n = placed.n.unsigned_abs();
    let hash_of = |bytes: &[u8]| Hash::from_bytes(bytes).unwrap_or_else(Hash::nothing);
    let hash = hash_of(&placed.hash);
    if let Some(row) = placed.entry {
        // One that a version before gave its place has a salt that is in no hash.
        let salt = row.salt.filter(|_| placed.rest.is_some());
        let act = act(row);
        return Some(Line::Entry(Box::new(Entry {
            n,
            class: salt.map(|_| Class::of(&act.action)),
            salt: salt.map(|salt| salt.to_string()),
            act,
            hash,
        })));
    }
    let (at, class, digest) = placed.rest?;
    let is_reading = class == Class::Reading.word();
    let gone = placed.gone_at.filter(|_| is_reading)?;
    Some(Line::Gone(Gone {
        n,
        at,
        class: Class::Reading,
        digest: hash_of(&digest),
        gone,
        hash,
    }))
}

fn envelope(value: serde_json::Value) -> Result<Envelope> {
    serde_json::from_value(value).map_err(unwritable)
}

fn lines(all: impl IntoIterator<Item = Line>) -> Result<String> {
    let mut text = String::new();
    for line in all {
        text.push_str(&serde_json::to_string(&line).map_err(unwritable)?);
        text.push('\n');
    }
    Ok(text)
}

pub(crate) fn unwritable(error: serde_json::Error) -> Error {
    Error::Internal(format!(
        "a line of the audit log cannot be written: {error}"
    ))
}

/// A place of the chain; without a row the one before the first.
pub(crate) fn place(row: Option<(i64, Vec<u8>)>) -> Result<Place> {
    let Some((n, hash)) = row else {
        return Ok(Place {
            n: 0,
            hash: Hash::nothing(),
        });
    };
    let hash = Hash::from_bytes(&hash).ok_or(StoreError::Inconsistent {
        table: "audit_chain",
        what: "a hash that is none".into(),
    })?;
    Ok(Place {
        n: n.unsigned_abs(),
        hash,
    })
}

pub(crate) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn act(row: AuditRow) -> Act {
    Act {
        at: row.at,
        actor: row.actor,
        action: row.action,
        resource: row.resource,
        purpose: row.purpose,
        outcome: row.outcome,
        correlation: row.correlation,
        address: row.address,
    }
}
