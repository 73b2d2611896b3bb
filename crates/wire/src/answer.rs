//! Answers that are kept for whoever repeats a request: sealed to the server, and under a key that is made
//! of the word that the client chose for the request. The server keeps a hash of that word alone, so that
//! neither the database nor the server's own key opens an answer: whoever repeats the request brings what
//! is missing. A word that can be guessed is worth what guessing it costs; clients choose random ones.

use freehold_model::world::{Entropy, random};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use ring::hkdf;

use crate::seal::{NotForUs, SealKey, SealTo};

const NONCE: usize = 12;
const SALT: &[u8] = b"freehold/answer/1";
const PURPOSE: &str = "answer";

/// SHA-256 of parts, each with its length before it, so that no two lists of parts are one.
#[must_use]
pub fn digest(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = Context::new(&SHA256);
    for part in [&[label.as_bytes()], parts].concat() {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finish().as_ref().to_vec()
}

fn aead(word: &[u8]) -> Result<LessSafeKey, NotForUs> {
    let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(word);
    let key = secret
        .expand(&[b"key"], &AES_256_GCM)
        .map_err(|_| NotForUs)?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}

/// Seals an answer for whoever comes with `word` again.
///
/// # Errors
/// When the server's key is malformed.
pub fn seal(
    to: &SealTo,
    word: &[u8],
    plain: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, NotForUs> {
    let nonce: [u8; NONCE] = random(entropy);
    let mut sealed = plain.to_vec();
    aead(word)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut sealed,
        )
        .map_err(|_| NotForUs)?;
    to.seal(PURPOSE, &[&nonce, sealed.as_slice()].concat(), entropy)
}

/// Opens an answer.
///
/// # Errors
/// [`NotForUs`].
pub fn open(key: &SealKey, word: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotForUs> {
    let outer = key.open(PURPOSE, sealed)?;
    let (nonce, sealed) = outer.split_at_checked(NONCE).ok_or(NotForUs)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotForUs)?;
    let mut sealed = sealed.to_vec();
    let opened = aead(word)?
        .open_in_place(nonce, Aad::empty(), &mut sealed)
        .map_err(|_| NotForUs)?;
    Ok(opened.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn an_answer_opens_with_the_server_s_key_and_the_client_s_word_and_not_with_one_of_them() {
        let server = SealKey::from_seed([1; 32]);
        let sealed = seal(&server.public(), b"word", b"an answer", &Fixed).unwrap();
        assert_eq!(open(&server, b"word", &sealed).unwrap(), b"an answer");
        open(&server, b"other", &sealed).unwrap_err();
        open(&SealKey::from_seed([2; 32]), b"word", &sealed).unwrap_err();
        open(&server, b"word", &sealed[..20]).unwrap_err();
        // What is below the server's own seal is no plain text either.
        let below = server.open(PURPOSE, &sealed).unwrap();
        assert!(!below.windows(6).any(|part| part == b"answer"));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest("l", &[b"ab", b"c"]), digest("l", &[b"a", b"bc"]));
        assert_ne!(digest("l", &[b"a"]), digest("m", &[b"a"]));
    }
}
