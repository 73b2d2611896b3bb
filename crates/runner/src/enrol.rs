//! Enrolment: a one-time token, an identity made here, and the server's key for orders, pinned.

use std::io;

use ed25519_dalek::VerifyingKey;
use freehold_wire::dsse::fingerprint;
use freehold_wire::token::{Kind, Token};

use crate::http::{self, HttpError};
use crate::identity::{Identity, IdentityError, Keys};
use crate::options::Options;

/// Hex digits of a SHA-256.
const FINGERPRINT: usize = 64;

/// Why a runner was not enrolled. Nothing was kept.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// Not a token.
    #[error(
        "this is not an enrolment token; copy it whole, as `freehold runner enroll-token` prints it"
    )]
    Token,
    /// The server does not take it.
    #[error(
        "the server did not take the enrolment token: {message}; a token enrols one runner, once: get a new one with `freehold runner enroll-token`"
    )]
    Refused {
        /// Its words.
        message: String,
    },
    /// No answer.
    #[error(transparent)]
    Server(HttpError),
    /// Somebody between us and the server, or another server.
    #[error(
        "REFUSED: the server's key for orders is not the one that the token names. Somebody may be between this machine and the server. Check the address, and get a new token over a way that you trust"
    )]
    Fingerprint,
    /// The identity cannot be kept.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The data directory cannot be made.
    #[error("the runner's data directory cannot be made")]
    Data(#[source] io::Error),
    /// No HTTP client: a defect of the build.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
}

/// Enrols this machine with `enrol_token` (`<token>#<fingerprint>`) and writes its identity. A
/// runner that is enrolled already stays who it is, and the token is not used.
///
/// # Errors
/// [`EnrolError`], and nothing was kept.
pub async fn enrol(options: &Options, enrol_token: &str) -> Result<Identity, EnrolError> {
    crate::runner::prepare(&options.data).map_err(EnrolError::Data)?;
    match Identity::load(&options.data) {
        Err(IdentityError::Missing(_)) => {}
        known => return Ok(known?),
    }
    let (token, pin) = parse(enrol_token)?;
    let keys = Keys::generate(&*options.clock, &*options.entropy);
    let client = http::client().map_err(EnrolError::Client)?;
    let request = keys.enrol(token.to_string(), options.name.clone());
    let enrolled = http::enrol(&client, &options.server, &request)
        .await
        .map_err(|error| match error {
            HttpError::Refused {
                status: 400..500,
                message,
            } => EnrolError::Refused { message },
            other => EnrolError::Server(other),
        })?;
    let key = <[u8; 32]>::try_from(enrolled.order_key.as_slice())
        .ok()
        .filter(|key| fingerprint(key) == pin)
        .and_then(|key| VerifyingKey::from_bytes(&key).ok())
        .ok_or(EnrolError::Fingerprint)?;
    let identity = keys.belong(enrolled.tenant, key);
    identity.save(&options.data)?;
    Ok(identity)
}

fn parse(text: &str) -> Result<(Token, String), EnrolError> {
    let (token, pin) = text.trim().split_once('#').ok_or(EnrolError::Token)?;
    let token: Token = token.parse().map_err(|_| EnrolError::Token)?;
    let well_formed = pin.len() == FINGERPRINT && pin.bytes().all(|byte| byte.is_ascii_hexdigit());
    if token.kind() != Kind::Enrolment || !well_formed {
        return Err(EnrolError::Token);
    }
    Ok((token, pin.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Counting;

    #[test]
    fn only_an_enrolment_token_with_a_fingerprint_is_one() {
        let entropy = Counting::default();
        let token = Token::generate(Kind::Enrolment, &entropy);
        let pin = fingerprint(b"key");
        assert_eq!(parse(&format!(" {token}#{pin}\n")).unwrap().1, pin);
        let user = Token::generate(Kind::User, &entropy);
        for wrong in [
            token.to_string(),
            format!("{token}#"),
            format!("{token}#{}", &pin[1..]),
            format!("{user}#{pin}"),
            format!("x{token}#{pin}"),
        ] {
            assert!(matches!(parse(&wrong), Err(EnrolError::Token)), "{wrong}");
        }
    }
}
