#![no_main]

#[path = "../src/within.rs"]
mod within;

use freehold_sandbox::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| within::within(|folder| fuzzing::vm_files(bytes, folder)));
