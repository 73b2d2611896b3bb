//! Each thing that makes a token not good, one at a time, beside the same token without it.

use chrono::DateTime;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;
use crate::base64url::encode;

const ISSUER: &str = "https://id.example.org";
const NOW: i64 = 1_800_000_000;

struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let how = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(how, key.as_ref(), &random).unwrap())
    }

    fn public(&self, kid: &str) -> Value {
        let point = self.0.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": kid,
                "x": encode(&point[1..33]), "y": encode(&point[33..]) })
    }

    fn sign(&self, header: &Value, said: &Value) -> String {
        let signed = format!("{}.{}", part(header), part(said));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
        format!("{signed}.{}", encode(signature.unwrap().as_ref()))
    }
}

fn part(value: &Value) -> String {
    encode(value.to_string().as_bytes())
}

fn set(keys: &[Value]) -> Keys {
    Keys::from_json(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn said() -> Value {
    json!({ "iss": ISSUER, "aud": "us", "sub": "248289761001", "nonce": "n-0S6", "iat": NOW,
            "exp": NOW + 300, "email": "grace@example.org", "email_verified": true, "groups": ["navy"] })
}

fn with(changes: &Value) -> Value {
    let mut all = said();
    for (claim, value) in changes.as_object().unwrap() {
        all[claim] = value.clone();
    }
    all
}

fn without(claim: &str) -> Value {
    let mut all = said();
    all.as_object_mut().unwrap().remove(claim);
    all
}

fn expected() -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        client: "us",
        nonce: "n-0S6",
        now: DateTime::from_timestamp(NOW, 0).unwrap(),
        groups: Some("groups"),
        no_claim_is_no_group: false,
    }
}

#[test]
fn what_it_says_is_believed_when_it_was_made_for_us_now_and_for_this() {
    let signer = Signer::new();
    let keys = set(&[signer.public("1")]);
    let header = json!({ "alg": "ES256", "kid": "1" });
    let verdict = |said: &Value| verify(&signer.sign(&header, said), &keys, &expected());
    let claims = verdict(&said()).unwrap();
    assert_eq!(claims.subject, "248289761001");
    assert_eq!(claims.groups, Some(vec!["navy".to_owned()]));
    assert!(claims.email_verified && claims.email.as_deref() == Some("grace@example.org"));
    // Nobody said that the address is theirs.
    assert!(!verdict(&without("email_verified")).unwrap().email_verified);
    let no = with(&json!({ "email_verified": "no" }));
    assert!(!verdict(&no).unwrap().email_verified);
    let good = [
        json!({ "aud": ["us"] }),
        json!({ "aud": ["them", "us"], "azp": "us" }),
        json!({ "exp": NOW - 59 }),
        json!({ "iat": NOW + 60 }),
        json!({ "iat": NOW as f64 + 0.5 }),
    ];
    for changes in good {
        assert!(verdict(&with(&changes)).is_ok(), "{changes}");
    }
    let bad = [
        (json!({ "iss": "https://id.example.org/" }), NotGood::Issuer),
        (
            json!({ "iss": "https://evil.example.org" }),
            NotGood::Issuer,
        ),
        (json!({ "aud": "them" }), NotGood::Audience),
        (json!({ "aud": [] }), NotGood::Audience),
        (json!({ "aud": ["us", "them"] }), NotGood::Audience),
        (json!({ "azp": "them" }), NotGood::Audience),
        (
            json!({ "aud": ["us", "them"], "azp": "them" }),
            NotGood::Audience,
        ),
        (json!({ "exp": NOW - 60 }), NotGood::Time),
        (json!({ "iat": NOW + 61 }), NotGood::Time),
        (json!({ "iat": NOW - 15 * 60 }), NotGood::Time),
        (json!({ "nbf": NOW + 61 }), NotGood::Time),
        (json!({ "exp": "soon" }), NotGood::Malformed),
        (json!({ "exp": 1e30 }), NotGood::Malformed),
        (json!({ "nonce": "another" }), NotGood::Nonce),
        (json!({ "nonce": "" }), NotGood::Nonce),
        (json!({ "sub": "" }), NotGood::Subject),
        (json!({ "sub": 7 }), NotGood::Subject),
        (json!({ "sub": "a\nb" }), NotGood::Subject),
        (json!({ "sub": "x".repeat(256) }), NotGood::Subject),
    ];
    for (changes, why) in bad {
        assert_eq!(verdict(&with(&changes)), Err(why), "{changes}");
    }
    for (claim, why) in [
        ("iss", NotGood::Issuer),
        ("aud", NotGood::Audience),
        ("exp", NotGood::Time),
        ("iat", NotGood::Time),
        ("nonce", NotGood::Nonce),
        ("sub", NotGood::Subject),
    ] {
        assert_eq!(verdict(&without(claim)), Err(why), "without {claim}");
    }
    // A question without a nonce has no answer.
    let token = signer.sign(&header, &with(&json!({ "nonce": "" })));
    let asked = Expected {
        nonce: "",
        ..expected()
    };
    assert_eq!(verify(&token, &keys, &asked), Err(NotGood::Nonce));
}

#[test]
fn only_a_key_of_the_providers_signs_and_only_as_it_is_meant_to() {
    let (signer, other) = (Signer::new(), Signer::new());
    let keys = set(&[signer.public("1"), other.public("2")]);
    let verdict = |token: &str, keys: &Keys| verify(token, keys, &expected()).map(|_| ());
    let header = json!({ "alg": "ES256", "kid": "1" });
    let good = signer.sign(&header, &said());
    assert_eq!(verdict(&good, &keys), Ok(()));
    // Another key's; a key that nobody named; which of two is not said.
    assert_eq!(
        verdict(&other.sign(&header, &said()), &keys),
        Err(NotGood::Signature)
    );
    let unknown = signer.sign(&json!({ "alg": "ES256", "kid": "3" }), &said());
    assert_eq!(verdict(&unknown, &keys), Err(NotGood::Key));
    let unnamed = signer.sign(&json!({ "alg": "ES256" }), &said());
    assert_eq!(verdict(&unnamed, &keys), Err(NotGood::Key));
    assert_eq!(verdict(&unnamed, &set(&[signer.public("1")])), Ok(()));
    assert_eq!(verdict(&good, &Keys::default()), Err(NotGood::Key));
    // Of another kind than the key, or not for signing.
    let mut encrypts = signer.public("1");
    encrypts["use"] = json!("enc");
    assert_eq!(verdict(&good, &set(&[encrypts])), Err(NotGood::Key));
    let mut for_another = signer.public("1");
    for_another["alg"] = json!("ES384");
    assert_eq!(verdict(&good, &set(&[for_another])), Err(NotGood::Key));
    for alg in ["RS256", "ES384", "EdDSA"] {
        let token = signer.sign(&json!({ "alg": alg, "kid": "1" }), &said());
        assert_eq!(verdict(&token, &keys), Err(NotGood::Key), "{alg}");
    }
    // No signature at all, in all spellings, and with one that is good for something else.
    for alg in [
        "none", "None", "NONE", "", "HS256", "HS512", "es256", "ES256K",
    ] {
        let header = json!({ "alg": alg, "kid": "1" });
        let empty = format!("{}.{}.", part(&header), part(&said()));
        assert_eq!(verdict(&empty, &keys), Err(NotGood::Algorithm), "{alg}");
        let signed = signer.sign(&header, &said());
        assert_eq!(verdict(&signed, &keys), Err(NotGood::Algorithm), "{alg}");
    }
    // The public key as a shared secret, and a shared secret among the keys.
    let header = json!({ "alg": "HS256", "kid": "1" });
    let signed = format!("{}.{}", part(&header), part(&said()));
    let point = signer.0.public_key().as_ref();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, point);
    let tag = ring::hmac::sign(&key, signed.as_bytes());
    let confused = format!("{signed}.{}", encode(tag.as_ref()));
    let shared = json!({ "kty": "oct", "kid": "1", "k": encode(point) });
    assert_eq!(verdict(&confused, &keys), Err(NotGood::Algorithm));
    assert_eq!(verdict(&confused, &set(&[shared])), Err(NotGood::Algorithm));
    // What a reader must understand, and does not.
    let header = json!({ "alg": "ES256", "kid": "1", "crit": ["exp"] });
    assert_eq!(
        verdict(&signer.sign(&header, &said()), &keys),
        Err(NotGood::Algorithm)
    );
    // A key that the token brings along is nobody's.
    let header = json!({ "alg": "ES256", "kid": "9", "jwk": signer.public("9") });
    assert_eq!(
        verdict(&signer.sign(&header, &said()), &keys),
        Err(NotGood::Key)
    );
}

#[test]
fn what_is_no_token_is_refused_without_ado() {
    let signer = Signer::new();
    let keys = set(&[signer.public("1")]);
    let good = signer.sign(&json!({ "alg": "ES256", "kid": "1" }), &said());
    assert!(verify(&good, &keys, &expected()).is_ok());
    // Whichever letter is another one, it is not the same token any more.
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        if changed != good {
            assert!(verify(&changed, &keys, &expected()).is_err(), "{at}");
        }
    }
    let long = "x".repeat(TOKEN_MAX + 1);
    for text in ["", ".", "..", "...", "a.b.c", "é.é.é", &good[..20], &long] {
        assert_eq!(
            verify(text, &keys, &expected()),
            Err(NotGood::Malformed),
            "{text:.20}"
        );
    }
    assert!(Keys::from_json(b"{}").is_none() && Keys::from_json(b"[").is_none());
    let odd = json!({ "kty": "RSA", "n": "!", "e": "AQAB" });
    assert!(set(&[odd, json!(7), json!({ "kty": "new" })]).0.is_empty());
}

#[test]
fn groups_that_a_token_does_not_tell_of_are_not_none() {
    let signer = Signer::new();
    let keys = set(&[signer.public("1")]);
    let header = json!({ "alg": "ES256", "kid": "1" });
    let groups = |said: &Value, no_claim_is_no_group: bool| {
        let expected = Expected {
            no_claim_is_no_group,
            ..expected()
        };
        let verdict = verify(&signer.sign(&header, said), &keys, &expected);
        verdict.unwrap().groups
    };
    let many = |n: usize| -> Vec<String> { (0..n).map(|n| format!("g{n}")).collect() };
    for said in [
        json!({ "groups": [] }),
        json!({ "groups": "navy" }),
        json!({ "groups": many(1000) }),
        json!({ "groups": ["navy", "", "x".repeat(257)] }),
    ] {
        let listed = groups(&with(&said), false).unwrap();
        let navy = listed.iter().filter(|group| *group == "navy").count();
        assert!(navy == listed.len() || listed.len() == 1000, "{listed:?}");
    }
    for said in [
        json!({ "groups": many(1001) }),
        json!({ "groups": { "navy": true } }),
        json!({ "groups": [{ "name": "navy" }] }),
        json!({ "groups": ["navy", 7] }),
        json!({ "groups": 7 }),
        json!({ "groups": true }),
        json!({ "groups": [], "_claim_names": { "groups": "src1" } }),
    ] {
        for no_claim_is_no_group in [false, true] {
            assert_eq!(groups(&with(&said), no_claim_is_no_group), None, "{said}");
        }
    }
    for said in [without("groups"), with(&json!({ "groups": null }))] {
        assert_eq!(groups(&said, false), None);
        assert_eq!(groups(&said, true), Some(Vec::new()));
    }
    // Entra, of somebody who is in more than two hundred.
    let mut elsewhere = without("groups");
    elsewhere["_claim_names"] = json!({ "groups": "src1" });
    elsewhere["_claim_sources"] = json!({ "src1": { "endpoint": "https://graph.example.org" } });
    assert_eq!(groups(&elsewhere, true), None);
}
