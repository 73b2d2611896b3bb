//! Passwords become argon2id hashes (RFC 9106), off the threads that serve and a few at a time: each
//! takes memory and tens of milliseconds of a core, which a storm of sign-ins must not multiply.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use freehold_model::world::random;
use freehold_model::{Email, password};
use freehold_wire::problem::{Code, Problem};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::{Engine, Error, Result};

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What is stored of a password may ask for so much and no more, whoever wrote it.
const MEMORY_KIB_MAX: u32 = 128 * 1024;
const PASSES_MAX: u32 = 10;
const SALT: usize = 16;
const HASH: usize = 32;
/// Hashes at a time: as many as there are cores on a small server, 38 MiB together.
const AT_ONCE: usize = 2;
/// Requests that wait for their turn: about two seconds' worth. Who comes later is told to come again.
const IN_LINE: usize = 64;
/// Seconds until the line has moved on.
const COME_AGAIN_S: u64 = 2;

/// Turns at hashing.
pub(crate) struct Hasher {
    turns: Arc<Semaphore>,
    in_line: Arc<AtomicUsize>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            in_line: Arc::default(),
        }
    }
}

/// Counts one in line until it is dropped, whatever becomes of its request.
struct InLine(Arc<AtomicUsize>);

impl Drop for InLine {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn broken(what: &str) -> Error {
    Error::Internal(format!("a password's hash: {what}"))
}

fn argon2(memory: u32, passes: u32, lanes: u32) -> Result<Argon2<'static>> {
    let params =
        Params::new(memory, passes, lanes, Some(HASH)).map_err(|_| broken("parameters"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash of a new password, as a PHC string.
fn hash(password: &str, salt: [u8; SALT]) -> Result<String> {
    let mut out = Zeroizing::new([0; HASH]);
    argon2(MEMORY_KIB, PASSES, LANES)?
        .hash_password_into(password.as_bytes(), &salt, out.as_mut())
        .map_err(|_| broken("not made"))?;
    Ok(format!(
        "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}",
        BASE64.encode(salt),
        BASE64.encode(out.as_ref())
    ))
}

/// What a PHC string is made of.
struct Stored {
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

fn read(stored: &str) -> Option<Stored> {
    let rest = stored.strip_prefix("$argon2id$v=19$")?;
    let (params, rest) = rest.split_once('$')?;
    let (salt, hash) = rest.split_once('$')?;
    let mut params = params.split(',');
    let mut number = |name: &str| params.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let found = Stored {
        memory: number("m=")?,
        passes: number("t=")?,
        lanes: number("p=")?,
        salt: BASE64.decode(salt).ok()?,
        hash: BASE64.decode(hash).ok()?,
    };
    let bounded = found.memory <= MEMORY_KIB_MAX && found.passes <= PASSES_MAX && found.lanes <= 4;
    (bounded && found.hash.len() == HASH).then_some(found)
}

fn verify(password: &str, stored: &str) -> Result<bool> {
    let stored = read(stored).ok_or_else(|| broken("not one of ours"))?;
    let mut out = Zeroizing::new([0; HASH]);
    argon2(stored.memory, stored.passes, stored.lanes)?
        .hash_password_into(password.as_bytes(), &stored.salt, out.as_mut())
        .map_err(|_| broken("not compared"))?;
    Ok(bool::from(out.as_ref().ct_eq(stored.hash.as_slice())))
}

impl Hasher {
    /// Does one piece of such work when it is its turn.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let in_line = InLine(self.in_line.clone());
        if self.in_line.fetch_add(1, Ordering::SeqCst) >= IN_LINE {
            return Err(
                Problem::new(Code::Unavailable, "too many sign in at this moment")
                    .retry_after(COME_AGAIN_S)
                    .into(),
            );
        }
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| broken("no turns"))?;
        // The turn goes with the work, not with the request: one that was given up still takes its memory.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((turn, in_line));
            done
        });
        done.await
            .map_err(|_| broken("the work was not finished"))?
    }
}

impl Engine {
    /// The hash of a new password, which is one that this person may choose.
    pub(crate) async fn password_hash(&self, chosen: &str, email: &Email) -> Result<String> {
        password::check(chosen, email)
            .map_err(|weak| Problem::new(Code::Invalid, weak.to_string()))?;
        let salt = random::<SALT>(self.entropy());
        let chosen = Zeroizing::new(chosen.to_owned());
        self.door().hasher.work(move || hash(&chosen, salt)).await
    }

    /// Whether a password is the one that is stored. Where none is, the same work is done in vain, so
    /// that nobody learns from the time that it takes who has an account.
    pub(crate) async fn password_matches(&self, given: &str, stored: Option<&str>) -> Result<bool> {
        let longest = password::PASSWORD_MAX;
        if given.len() > longest {
            return Ok(false);
        }
        let given = Zeroizing::new(given.to_owned());
        let stored = stored.map(str::to_owned);
        let salt = random::<SALT>(self.entropy());
        let work = move || match stored {
            Some(stored) => verify(&given, &stored),
            None => hash(&given, salt).map(|_| false),
        };
        self.door().hasher.work(work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_a_phc_string_of_owasp_s_parameters_and_knows_its_password() {
        let stored = hash("a tall blue horse", [7; SALT]).unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"),
            "{stored}"
        );
        assert!(verify("a tall blue horse", &stored).unwrap());
        assert!(!verify("a tall blue horsf", &stored).unwrap());
        assert_ne!(stored, hash("a tall blue horse", [8; SALT]).unwrap());
    }

    /// Vectors of another implementation (`argon2` of the reference, as in its own tests).
    #[test]
    fn other_parameters_are_read_and_absurd_ones_are_not_tried() {
        let foreign = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify("password", foreign).unwrap());
        for absurd in [
            "m=4194304,t=2,p=1",
            "m=64,t=4000000,p=1",
            "m=64,t=1,p=64",
            "m=x,t=2,p=1",
            "t=2,m=64,p=1",
        ] {
            let stored = foreign.replace("m=65536,t=2,p=1", absurd);
            assert!(verify("password", &stored).is_err(), "{absurd}");
        }
        for cut in [
            "",
            "$argon2i$v=19$m=64,t=1,p=1$YQ$YQ",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$YQ",
        ] {
            assert!(verify("password", cut).is_err(), "{cut}");
        }
    }

    #[tokio::test]
    async fn no_more_wait_than_fit_into_the_line_and_whoever_gave_up_makes_room() {
        let hasher = Arc::new(Hasher::default());
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        let mut working = Vec::new();
        for _ in 0..IN_LINE {
            let (hasher, held) = (hasher.clone(), held.clone());
            working.push(tokio::spawn(async move {
                let wait = move || {
                    let _ = held.lock().map(|held| held.recv());
                    Ok(())
                };
                hasher.work(wait).await
            }));
        }
        while hasher.in_line.load(Ordering::SeqCst) < IN_LINE {
            tokio::task::yield_now().await;
        }
        assert!(hasher.turns.available_permits() == 0);
        let late = hasher.work(|| Ok(())).await;
        assert!(
            matches!(&late, Err(Error::Problem(p)) if p.code == Code::Unavailable && p.retry_after_s == Some(2))
        );
        // Whoever gives up while they wait leaves the line; whoever works goes on.
        for task in &working {
            task.abort();
        }
        for task in working {
            let _ended = task.await;
        }
        assert!(hasher.in_line.load(Ordering::SeqCst) <= AT_ONCE);
        drop(release);
        hasher.work(|| Ok(())).await.unwrap();
    }
}
