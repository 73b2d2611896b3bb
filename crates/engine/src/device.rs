//! Signing in a device that has no browser (RFC 8628): it is given two codes, shows one, and asks with
//! the other whether somebody who is signed in has approved it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::permission::{Holder, grant};
use freehold_model::world::{Entropy, random};
use freehold_model::{Scope, Scopes, UserId};
use freehold_store::{DeviceRow, NewDevice, Whose};
use freehold_wire::api::{Device, DeviceCodes, DeviceState};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};

use crate::project::{check_name, shorten};
use crate::token::Made;
use crate::{Caller, Engine, Error, Result, refuse};

/// How long the codes are good: time to walk to another machine.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// Seconds between two questions (RFC 8628, 3.2: 5 where nothing is said).
const INTERVAL_S: u32 = 5;
/// A question this much early is not hasty: clocks and lines are not exact.
const EARLY: TimeDelta = TimeDelta::seconds(1);
/// Devices that may ask at a time, on an installation: nobody is signed in who does.
const DEVICES_MAX: i32 = 1000;
/// Letters that are no vowels, so that no word comes out, and not mistaken for each other (RFC 8628, 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 20^8: among a thousand devices a guess is right once in 25 million times.
const LETTERS_SHOWN: usize = 8;
/// Wrong codes that one person may type within the time that a code is good.
const GUESSES_MAX: u32 = 10;
/// People whose guesses are counted; past that all are forgotten.
const GUESSERS_MAX: usize = 10_000;

/// Who typed wrong codes lately, how many, and since when.
#[derive(Default)]
pub struct Guesses(Mutex<HashMap<UserId, (u32, DateTime<Utc>)>>);

impl Guesses {
    /// In how many seconds this person may type again, where they typed too many wrong ones.
    fn wait(&self, user: UserId, now: DateTime<Utc>) -> Option<u64> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let &(count, since) = seen.get(&user)?;
        let left = since + LIFETIME - now;
        if left <= TimeDelta::zero() {
            seen.remove(&user);
            return None;
        }
        let seconds = u64::try_from(left.num_seconds()).unwrap_or(0) + 1;
        (count >= GUESSES_MAX).then_some(seconds)
    }

    fn wrong(&self, user: UserId, now: DateTime<Utc>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= GUESSERS_MAX {
            seen.clear();
        }
        seen.entry(user).or_insert((0, now)).0 += 1;
    }
}

/// A code to be typed, as it is kept.
fn user_code(entropy: &dyn Entropy) -> String {
    let mut code = String::with_capacity(LETTERS_SHOWN);
    while code.len() < LETTERS_SHOWN {
        let [byte] = random::<1>(entropy);
        // What is left over above the largest multiple of 20 would make some letters likelier.
        if byte < 240 {
            code.push(char::from(LETTERS[usize::from(byte % 20)]));
        }
    }
    code
}

/// What somebody typed, as it is kept; nothing where it cannot be a code.
fn typed(text: &str) -> Option<String> {
    let letters = text.bytes().filter(|b| !matches!(b, b'-' | b' '));
    let code: Vec<u8> = letters
        .take(LETTERS_SHOWN + 1)
        .map(|byte| byte.to_ascii_uppercase())
        .collect();
    let fits = code.len() == LETTERS_SHOWN && code.iter().all(|byte| LETTERS.contains(byte));
    fits.then(|| code.into_iter().map(char::from).collect())
}

fn shown(row: DeviceRow) -> Device {
    Device {
        name: row.name,
        address: row.address,
        asked_at: row.asked_at,
        expires_at: row.expires_at,
    }
}

impl Engine {
    /// Gives a device its two codes.
    ///
    /// # Errors
    /// [`Code::Invalid`] for what is no name; [`Code::TooMany`] while too many devices ask.
    pub async fn device_ask(&self, name: &str, from: Option<IpAddr>) -> Result<DeviceCodes> {
        check_name(name)?;
        let code = Token::generate(Kind::Device, self.entropy());
        let shown = user_code(self.entropy());
        let at = self.now();
        let new = NewDevice {
            hash: &code.hash(),
            user_code: &shown,
            name,
            address: from.map(|address| address.to_string()),
            at,
            until: at + LIFETIME,
        };
        if !self.store().device_ask(&new, DEVICES_MAX).await? {
            let detail = "too many devices ask to be signed in";
            return Err(Problem::new(Code::TooMany, detail).retry_after(60).into());
        }
        let (left, right) = shown.split_at(LETTERS_SHOWN / 2);
        Ok(DeviceCodes {
            device_code: code.to_string(),
            user_code: format!("{left}-{right}"),
            expires_at: new.until,
            interval_s: INTERVAL_S,
        })
    }

    /// The device that shows this code, for a person who is about to decide.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::TooMany`] for whoever guesses.
    pub async fn device_look(&self, caller: &Caller, text: &str) -> Result<Device> {
        let code = self.device_typed(caller, text)?;
        let found = self.store().device_look(&code, self.now()).await?;
        found
            .map(shown)
            .ok_or_else(|| self.device_absent(caller, text))
    }

    /// Decides on the device that shows this code: it will act as the caller, where the caller is.
    ///
    /// # Errors
    /// As [`Engine::device_look`].
    pub async fn device_decide(&self, caller: &Caller, text: &str, yes: bool) -> Result<Device> {
        let code = self.device_typed(caller, text)?;
        let now = self.now();
        let Some(device) = self.store().device_look(&code, now).await? else {
            return Err(self.device_absent(caller, text));
        };
        let mut tx = self.store().begin(caller.tenant).await?;
        self.still(&mut tx, caller).await?;
        if !tx.device_decide(&code, caller.user, yes, now).await? {
            return Err(self.device_absent(caller, text));
        }
        let action = if yes { "device.approve" } else { "device.deny" };
        self.audit(&mut tx, caller, action, &device.name, "access")
            .await?;
        tx.commit().await?;
        Ok(shown(device))
    }

    /// Answers a device that asks whether it was approved; the first question after that is given the
    /// token, and no other.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for a code that was used, has expired or never was.
    pub async fn device_poll(&self, text: &str) -> Result<DeviceState> {
        let gone = "the device's code was used, has expired, or never was";
        let code = text.parse::<Token>().ok();
        let Some(code) = code.filter(|code| code.kind() == Kind::Device) else {
            return refuse(Code::Unauthenticated, gone);
        };
        let now = self.now();
        let apart = TimeDelta::seconds(INTERVAL_S.into()) - EARLY;
        let hash = code.hash();
        let Some(polled) = self.store().device_poll(&hash, now, apart).await? else {
            return refuse(Code::Unauthenticated, gone);
        };
        let Some((tenant, user)) = polled.approved else {
            return Ok(match (polled.denied, polled.hasty) {
                (true, _) => DeviceState::Denied {},
                (false, true) => DeviceState::SlowDown {},
                (false, false) => DeviceState::Pending {},
            });
        };
        // Whoever sets a new password by mail meanwhile ends the tokens that there are: this one comes before
        // that and ends with them, or not at all.
        let (mut tx, _) = self.begin_still(tenant, user).await?;
        if tx.device_use(&hash, now).await? != Some(user) {
            return refuse(Code::Unauthenticated, gone);
        }
        // Whoever approved it may have left since.
        let Some(member) = tx.member_hold(user).await? else {
            return refuse(Code::Unauthenticated, gone);
        };
        let caller = Caller::installation(tenant, user, member.name);
        let scopes: Scopes = Scopes::ALL
            .iter()
            .filter(|scope| *scope != Scope::Account)
            .collect();
        let holder = Holder::Personal { most: None };
        let limits =
            grant(caller.rights, holder, scopes).map_err(|why| Error::Internal(why.to_string()))?;
        let made = Made {
            whose: Whose::Member(user),
            name: &polled.name,
            device: true,
        };
        let made = self
            .token_limited(&mut tx, &caller, made, limits, None)
            .await?;
        tx.commit().await?;
        Ok(DeviceState::Approved {
            token: made.token,
            expires_at: made.about.expires_at,
        })
    }

    /// What somebody typed, if they may type at all.
    fn device_typed(&self, caller: &Caller, text: &str) -> Result<String> {
        if let Some(seconds) = self.guesses().wait(caller.user, self.now()) {
            let detail = "too many codes that no device shows";
            let problem = Problem::new(Code::TooMany, detail).retry_after(seconds);
            return Err(problem.into());
        }
        typed(text).ok_or_else(|| self.device_absent(caller, text))
    }

    fn device_absent(&self, caller: &Caller, text: &str) -> Error {
        self.guesses().wrong(caller.user, self.now());
        let detail = format!("no device that waits shows the code `{}`", shorten(text));
        Problem::new(Code::NotFound, detail)
            .next("look at the device: its code is good for 10 minutes, and once")
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(std::sync::atomic::AtomicU8);
    impl Entropy for Counter {
        fn fill(&self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn a_code_is_read_as_people_type_it_and_every_letter_is_as_likely() {
        let entropy = Counter(0.into());
        let mut seen: HashMap<char, u32> = HashMap::new();
        for _ in 0..60 {
            let code = user_code(&entropy);
            assert_eq!(typed(&code).as_ref(), Some(&code));
            for letter in code.chars() {
                *seen.entry(letter).or_default() += 1;
            }
        }
        assert!(
            seen.len() == 20 && seen.values().all(|count| *count == 24),
            "{seen:?}"
        );
        assert_eq!(typed("bcdf-ghjk").as_deref(), Some("BCDFGHJK"));
        assert_eq!(typed(" BCDF GHJK ").as_deref(), Some("BCDFGHJK"));
        for wrong in ["", "BCDF", "BCDF-GHJKL", "BCDF-GHJA", "BCDFGHJ\u{212a}"] {
            assert_eq!(typed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn whoever_guesses_waits_and_nobody_else_does() {
        let (guesses, now) = (Guesses::default(), DateTime::UNIX_EPOCH);
        let user = |n| UserId::at(now, [n; 10]);
        for _ in 0..GUESSES_MAX {
            assert_eq!(guesses.wait(user(1), now), None);
            guesses.wrong(user(1), now);
        }
        assert_eq!(guesses.wait(user(1), now), Some(601));
        assert_eq!(guesses.wait(user(2), now), None);
        assert_eq!(guesses.wait(user(1), now + LIFETIME), None);
    }
}
