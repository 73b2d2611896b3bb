//! An envelope of anyone's is never acted on; an order that we sign is read as it was.
#![no_main]

use freehold_wire::dsse::Envelope;
use freehold_wire::dsse::ed25519::SigningKey;
use freehold_wire::order::{ORDER, Order};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let key = SigningKey::from_bytes(&[3; 32]);
    let public = key.verifying_key();
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(bytes) {
        assert!(envelope.verify::<Order>(ORDER, &public).is_err());
        let printed = serde_json::to_vec(&envelope).expect("it can be printed");
        assert_eq!(
            serde_json::from_slice::<Envelope>(&printed).ok(),
            Some(envelope)
        );
    }
    if let Ok(order) = serde_json::from_slice::<Order>(bytes) {
        let envelope = Envelope::sign(ORDER, &order, &key).expect("it can be printed");
        assert_eq!(envelope.verify::<Order>(ORDER, &public).ok(), Some(order));
        assert!(envelope.verify::<Order>("another", &public).is_err());
    }
});
