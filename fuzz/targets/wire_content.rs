#![no_main]

use freehold_model::CardId;
use freehold_model::TenantId;
use freehold_model::world::Entropy;
use freehold_wire::content::{Content, ContentKey, Place};
use freehold_wire::seal::SealKey;
use libfuzzer_sys::fuzz_target;

struct Fixed;
impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let key = ContentKey::from_bytes(1, [5; 32]);
    let tenant = TenantId::at(Default::default(), [1; 10]);
    let card = CardId::at(Default::default(), [2; 10]);
    let place = Place::new(tenant, card, "title", 1);
    let foreign = Content::from_bytes(bytes.to_vec());
    assert!(
        key.open(&place, &foreign).is_err(),
        "nobody else has the key"
    );
    let sealed = key.seal(&place, bytes, &Fixed).expect("it is small");
    assert_eq!(key.open(&place, &sealed).as_deref(), Ok(bytes));
    let mut cut = sealed.into_bytes();
    cut.pop();
    assert!(key.open(&place, &Content::from_bytes(cut)).is_err());
    assert!(
        SealKey::from_seed([9; 32])
            .open("a purpose", bytes)
            .is_err()
    );
});
