#![no_main]

use freehold_model::change::{is_agent_settings, trusted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|path: &str| {
    let rows = |path: &str| -> Vec<String> {
        trusted(path)
            .map(|row| format!("{:?}{:?}", row.flag, row.paths))
            .collect()
    };
    let found = rows(path);
    // Spellings that some file system takes for the same.
    for other in [
        path.to_ascii_uppercase(),
        format!("{path}."),
        format!("{path} ."),
        format!("\u{feff}{path}"),
    ] {
        assert_eq!(rows(&other), found);
        assert_eq!(
            is_agent_settings(&other),
            is_agent_settings(path),
            "{other:?}"
        );
    }
    let below = rows(&format!("a/{path}"));
    assert!(
        found.iter().all(|row| below.contains(row)),
        "a folder above changes nothing"
    );
});
