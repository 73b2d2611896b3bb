#![no_main]

use std::collections::BTreeSet;

use freehold_environment::project::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match parse(bytes) {
        Ok(parsed) => {
            let file = &parsed.file;
            assert!(file.checks.len() <= 50);
            let names: BTreeSet<_> = file.checks.iter().map(|check| &check.name).collect();
            assert_eq!(names.len(), file.checks.len(), "names are unique");
            for check in &file.checks {
                assert!(!check.command.trim().is_empty() && check.command.len() <= 8 * 1024);
                assert!(!check.timeout.is_zero());
            }
            assert!(file.allow.is_sorted());
            for folder in &file.sparse {
                assert!(!folder.starts_with('/') && !folder.split('/').any(|part| part == ".."));
            }
            let noted = parse(&[bytes, b"\n# a note\n"].concat());
            assert_eq!(noted.map(|noted| noted.file).ok().as_ref(), Some(file));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
