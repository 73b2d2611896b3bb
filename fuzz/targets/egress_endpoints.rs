#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| freehold_environment::egress::parse::endpoints(text));
