#![no_main]

use freehold_wire::link::{Down, Frame, Up};
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|bytes: &[u8]| {
    survives::<Frame<Down>>(bytes);
    survives::<Frame<Up>>(bytes);
});

fn survives<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(frame) = serde_json::from_slice::<T>(bytes) {
        let printed = serde_json::to_vec(&frame).expect("a frame can be printed");
        let again = serde_json::from_slice::<T>(&printed).expect("what is printed can be read");
        assert_eq!(again, frame);
    }
}
