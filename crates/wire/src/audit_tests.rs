//! A chain that holds, and each way of tampering with it.

use ed25519_dalek::SigningKey;

use super::*;

const TENANT: &str = "tnt_00000000000000000000000001";

fn act(n: u64) -> Act {
    Act {
        at: DateTime::from_timestamp_micros(1_790_000_000_000_000 + i64::try_from(n).unwrap())
            .unwrap(),
        actor: "usr_1".into(),
        action: "run.start".into(),
        resource: format!("run_{n}"),
        purpose: "run".into(),
        outcome: "done".into(),
        correlation: String::new(),
        address: "127.0.0.1".into(),
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// Entries behind `after`, with a checkpoint at the end.
fn file(after: &Place, many: u64) -> (Vec<String>, Place) {
    let head = Head {
        format: FORMAT.into(),
        tenant: TENANT.into(),
        key: key().verifying_key().to_bytes().to_vec(),
        after: after.clone(),
    };
    let mut lines = vec![serde_json::to_string(&head).unwrap()];
    let mut place = after.clone();
    for n in after.n + 1..=after.n + many {
        let hash = act(n).hash(TENANT, n, &place.hash);
        let entry = Entry {
            n,
            act: act(n),
            class: None,
            salt: None,
            hash,
        };
        lines.push(serde_json::to_string(&entry).unwrap());
        place = Place {
            n,
            hash: entry.hash,
        };
    }
    lines.push(checkpoint(&place, &key()));
    (lines, place)
}

fn checkpoint(place: &Place, key: &SigningKey) -> String {
    let checkpoint = Checkpoint {
        tenant: TENANT.into(),
        place: place.clone(),
        at: act(0).at,
    };
    let checkpoint = Envelope::sign(CHECKPOINT, &checkpoint, key).unwrap();
    serde_json::to_string(&Line::Checkpoint { checkpoint }).unwrap()
}

fn start() -> Place {
    Place {
        n: 0,
        hash: Hash::nothing(),
    }
}

fn verify(files: &[&[String]]) -> Result<Seen, Broken> {
    let mut verifier = Verifier::new(None);
    for file in files {
        verifier.next_file();
        for line in *file {
            verifier.take(line)?;
        }
    }
    Ok(verifier.seen)
}

#[test]
fn a_chain_in_two_files_holds() {
    let (first, place) = file(&start(), 3);
    let (second, _) = file(&place, 2);
    let seen = verify(&[&first, &second]).unwrap();
    let expected = Seen {
        entries: 5,
        checkpoints: 2,
        signed_to: 5,
        begins: 1,
        ..Seen::default()
    };
    assert_eq!(seen, expected);
    // The other way round, or with one left out between, it does not.
    assert!(
        verify(&[&second, &first])
            .unwrap_err()
            .why
            .contains("go on")
    );
    let (third, _) = file(
        &Place {
            n: 7,
            hash: place.hash,
        },
        1,
    );
    assert!(verify(&[&first, &third]).unwrap_err().why.contains("go on"));
}

#[test]
fn whatever_is_changed_left_out_or_put_in_shows() {
    let (lines, _) = file(&start(), 4);
    for (from, to) in [
        ("usr_1", "usr_2"),
        ("run.start", "run.stop"),
        ("run_2", "run_3"),
        ("\"run\"", "\"ruin\""),
        ("done", "refused"),
        ("127.0.0.1", "127.0.0.2"),
        ("\"correlation\":\"\"", "\"correlation\":\"x\""),
        ("000002Z", "000003Z"),
    ] {
        let mut forged = lines.clone();
        forged[2] = forged[2].replacen(from, to, 1);
        assert_ne!(forged[2], lines[2]);
        let broken = verify(&[&forged]).unwrap_err();
        assert_eq!(broken.line, 3, "{from}");
        assert!(
            broken.why.contains("not as it was written"),
            "{from}: {broken}"
        );
    }
    let mut without = lines.clone();
    without.remove(2);
    assert_eq!(
        verify(&[&without]).unwrap_err().why,
        "entry 3 follows entry 1"
    );
    let mut twice = lines.clone();
    twice.insert(2, lines[2].clone());
    assert_eq!(
        verify(&[&twice]).unwrap_err().why,
        "entry 2 follows entry 2"
    );
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    assert_eq!(verify(&[&swapped]).unwrap_err().line, 3);
    // Words do not run into each other: a letter moved from one to the next is another entry.
    let (mut one, mut other) = (act(1), act(1));
    (one.actor, one.action) = ("ab".into(), "c".into());
    (other.actor, other.action) = ("a".into(), "bc".into());
    assert_ne!(
        one.hash(TENANT, 1, &Hash::nothing()),
        other.hash(TENANT, 1, &Hash::nothing())
    );
}

#[test]
fn a_chain_that_was_written_anew_has_no_signature() {
    let (mut forged, _) = file(&start(), 2);
    let (longer, place) = file(&start(), 3);
    // All entries anew, under the old checkpoint; and under one of a key that is not the server's.
    forged.splice(1..3, longer[1..4].iter().cloned());
    assert!(
        verify(&[&forged])
            .unwrap_err()
            .why
            .contains("another chain")
    );
    *forged.last_mut().unwrap() = checkpoint(&place, &SigningKey::from_bytes(&[8; 32]));
    assert!(
        verify(&[&forged])
            .unwrap_err()
            .why
            .contains("no valid signature")
    );
    // A file that brings a key of its own holds in itself, and not for whoever knows the right one.
    let (lines, _) = file(&start(), 1);
    let mut pinned = Verifier::new(Some([9; 32]));
    assert!(
        pinned
            .take(&lines[0])
            .unwrap_err()
            .why
            .contains("another key")
    );
    let mut pinned = Verifier::new(Some(key().verifying_key().to_bytes()));
    for line in &lines {
        pinned.take(line).unwrap();
    }
}

#[test]
fn what_is_no_such_file_is_refused_in_words() {
    let (lines, _) = file(&start(), 1);
    for (wrong, why) in [
        (vec![String::new()], "neither"),
        (vec!["{}".to_owned()], "neither"),
        (vec![lines[1].clone()], "begins with its head"),
        (vec![lines[0].clone(), lines[0].clone()], "in the middle"),
        (vec![lines[0].replace("audit/2", "audit/3")], "format"),
        (vec!["x".repeat(LINE_MAX + 1)], "longer"),
    ] {
        let broken = verify(&[&wrong]).unwrap_err();
        assert!(broken.why.contains(why), "{wrong:?}");
    }
    let begun = lines[0].replace(&"0".repeat(64), &"1".repeat(64));
    assert!(
        verify(&[&[begun]])
            .unwrap_err()
            .why
            .contains("before the first")
    );
}

#[path = "audit/kept_tests.rs"]
mod kept;
