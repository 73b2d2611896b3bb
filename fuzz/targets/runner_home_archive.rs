#![no_main]

#[path = "../src/within.rs"]
mod within;

use freehold_runner::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| within::within(|home| fuzzing::home_archive(bytes, home)));
