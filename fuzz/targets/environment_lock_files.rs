#![no_main]

use freehold_environment::egress::Private;
use freehold_environment::endpoint::Host;
use freehold_environment::registries::{LOCK_FILES, Registries};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for name in LOCK_FILES {
        let found = Registries::default().with_lock_files([(name, bytes)]);
        assert!(found.allow.len() <= 128);
        for entry in &found.allow {
            assert!(matches!(entry.at.host, Host::Name(_)) && entry.private == Private::No);
            assert_eq!(entry.origin, name);
        }
        assert!(found.env.is_empty() && found.mounts.is_empty() && found.log_ins.is_empty());
        // The same file again opens nothing more.
        let again = found.with_lock_files([(name, bytes)]);
        assert_eq!(again.allow, found.allow);
    }
});
