//! Entries with a class, those whose words are gone, and logs whose beginning is.

use super::*;
use crate::audit::{CUT, Class, Cut, Gone, Sealed};

const SALT: &str = "9d3c7c52-0e7d-4d0e-8f4e-9a3f5f0b7b11";

fn opened(n: u64) -> Act {
    Act {
        action: "content.open".into(),
        ..act(n)
    }
}

/// An entry in the second format, and its place.
fn entry(act: Act, before: &Place) -> (Entry, Place) {
    let n = before.n + 1;
    let sealed = Sealed::of(&act, SALT);
    let hash = sealed.hash(TENANT, n, &before.hash);
    let place = Place {
        n,
        hash: hash.clone(),
    };
    let entry = Entry {
        n,
        act,
        class: Some(sealed.class),
        salt: Some(SALT.into()),
        hash,
    };
    (entry, place)
}

fn without_words(entry: &Entry) -> Gone {
    let sealed = Sealed::of(&entry.act, SALT);
    Gone {
        n: entry.n,
        at: sealed.at,
        class: sealed.class,
        digest: sealed.digest,
        gone: act(900).at,
        hash: entry.hash.clone(),
    }
}

fn line(line: Line) -> String {
    serde_json::to_string(&line).unwrap()
}

fn head(after: &Place) -> String {
    line(Line::Head(Head {
        format: FORMAT.into(),
        tenant: TENANT.into(),
        key: key().verifying_key().to_bytes().to_vec(),
        after: after.clone(),
    }))
}

fn cut(tenant: &str, place: &Place, key: &SigningKey) -> String {
    let cut = Cut {
        tenant: tenant.into(),
        place: place.clone(),
        first: 1,
        before: act(50).at,
        at: act(100).at,
    };
    line(Line::Cut {
        cut: Envelope::sign(CUT, &cut, key).unwrap(),
    })
}

/// One entry of the first format, one act, one reading and one act more, and a checkpoint.
fn mixed() -> (Vec<Entry>, Place) {
    let hash = act(1).hash(TENANT, 1, &Hash::nothing());
    let old = Entry {
        n: 1,
        act: act(1),
        class: None,
        salt: None,
        hash: hash.clone(),
    };
    let mut all = vec![old];
    let mut place = Place { n: 1, hash };
    for act in [act(2), opened(3), act(4)] {
        let (entry, next) = entry(act, &place);
        all.push(entry);
        place = next;
    }
    (all, place)
}

fn lines(entries: &[Entry], end: &Place) -> Vec<String> {
    let mut lines = vec![head(&start())];
    lines.extend(
        entries
            .iter()
            .map(|entry| line(Line::Entry(Box::new(entry.clone())))),
    );
    lines.push(checkpoint(end, &key()));
    lines
}

#[test]
fn a_chain_holds_through_an_entry_whose_words_are_gone() {
    let (entries, end) = mixed();
    let whole = lines(&entries, &end);
    assert_eq!(verify(&[&whole]).unwrap().gone, 0);
    assert!(whole[3].contains("\"class\":\"reading\""), "{}", whole[3]);
    let mut faded = whole.clone();
    faded[3] = line(Line::Gone(without_words(&entries[2])));
    assert!(!faded[3].contains("usr_1") && !faded[3].contains(SALT));
    let seen = verify(&[&faded]).unwrap();
    assert_eq!((seen.entries, seen.gone, seen.signed_to), (4, 1, 4));
    // Without it there is a gap, and whatever is changed in it shows.
    let mut without = faded.clone();
    without.remove(3);
    assert_eq!(
        verify(&[&without]).unwrap_err().why,
        "entry 4 follows entry 2"
    );
    let mut digest = without_words(&entries[2]);
    digest.digest = Hash::nothing();
    let mut at = without_words(&entries[2]);
    at.at = act(1).at;
    for changed in [digest, at] {
        faded[3] = line(Line::Gone(changed));
        assert_eq!(
            verify(&[&faded]).unwrap_err().why,
            "entry 3 is not as it was written"
        );
    }
}

#[test]
fn nobody_takes_the_words_of_another_class_by_calling_it_reading() {
    let (entries, end) = mixed();
    let mut forged = lines(&entries, &end);
    // As what it is: its words are never let go alone.
    let gone = without_words(&entries[1]);
    forged[2] = line(Line::Gone(gone.clone()));
    let broken = verify(&[&forged]).unwrap_err();
    assert!(broken.why.contains("of the class security"), "{broken}");
    // As what it is not: the class is hashed.
    forged[2] = line(Line::Gone(Gone {
        class: Class::Reading,
        ..gone
    }));
    assert_eq!(
        verify(&[&forged]).unwrap_err().why,
        "entry 2 is not as it was written"
    );
    // And it cannot be written so from the first, to be let go later.
    let mut lying = entries[1].clone();
    let sealed = Sealed {
        class: Class::Reading,
        ..Sealed::of(&lying.act, SALT)
    };
    lying.class = Some(Class::Reading);
    lying.hash = sealed.hash(TENANT, 2, &entries[0].hash);
    forged[2] = line(Line::Entry(Box::new(lying)));
    let broken = verify(&[&forged]).unwrap_err();
    assert!(broken.why.contains("not of the class reading"), "{broken}");
    // Neither can its salt be left out, nor be another.
    for salt in [None, Some("another".to_owned())] {
        let changed = Entry {
            salt,
            ..entries[1].clone()
        };
        forged[2] = line(Line::Entry(Box::new(changed)));
        assert_eq!(verify(&[&forged]).unwrap_err().line, 3);
    }
}

#[test]
fn a_log_whose_beginning_went_says_so_under_a_signature() {
    let (entries, end) = mixed();
    let place = Place {
        n: 2,
        hash: entries[1].hash.clone(),
    };
    let mut rest = lines(&entries[2..], &end);
    rest[0] = head(&place);
    // Without a cut it holds in itself, and nothing is said of what was before.
    let seen = verify(&[&rest]).unwrap();
    assert_eq!((seen.begins, seen.cut), (3, None));
    rest.insert(1, cut(TENANT, &place, &key()));
    let seen = verify(&[&rest]).unwrap();
    assert_eq!((seen.begins, seen.entries), (3, 2));
    assert_eq!(seen.cut.unwrap().place, place);

    let elsewhere = Place {
        n: 1,
        hash: entries[0].hash.clone(),
    };
    for (wrong, why) in [
        (
            cut(TENANT, &place, &SigningKey::from_bytes(&[8; 32])),
            "no valid signature",
        ),
        (
            cut("tnt_00000000000000000000000002", &place, &key()),
            "another organization",
        ),
        (cut(TENANT, &elsewhere, &key()), "behind entry 1"),
        // A checkpoint is no cut.
        (
            checkpoint(&place, &key()).replace("checkpoint\":", "cut\":"),
            "cut does not hold",
        ),
    ] {
        let mut forged = rest.clone();
        forged[1] = wrong;
        let broken = verify(&[&forged]).unwrap_err();
        assert_eq!(broken.line, 2);
        assert!(broken.why.contains(why), "{broken}");
    }
    // In the middle of a file nothing is let go.
    let mut late = rest.clone();
    late.swap(1, 2);
    let why = verify(&[&late]).unwrap_err().why;
    assert!(why.contains("in the middle"), "{why}");
    // Two halves that do not meet are not one log, whatever the second says of its beginning.
    let (first, _) = file(&start(), 1);
    assert!(verify(&[&first, &rest]).unwrap_err().why.contains("go on"));
}
