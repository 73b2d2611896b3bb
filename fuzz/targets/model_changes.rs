#![no_main]

use freehold_model::change::{blocks_automatic_landing, changes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|diff: &[u8]| {
    let begins = |with: &[u8]| {
        let lines = diff.split(|byte| *byte == b'\n');
        lines.filter(|line| line.starts_with(with)).count()
    };
    let all = changes(diff, usize::MAX);
    assert!(!all.truncated && all.files.len() <= begins(b"diff --git "));
    assert!(all.additions <= begins(b"+") as u64 && all.deletions <= begins(b"-") as u64);
    assert_eq!(
        all.additions,
        all.files.iter().map(|file| file.additions).sum::<u64>()
    );
    assert_eq!(
        all.deletions,
        all.files.iter().map(|file| file.deletions).sum::<u64>()
    );
    assert!(
        all.files
            .iter()
            .all(|file| file.flags.is_sorted_by(|a, b| a < b))
    );
    for most in [0, 1, 3] {
        let some = changes(diff, most);
        assert!(some.files.len() <= most);
        assert_eq!(
            (some.additions, some.deletions),
            (all.additions, all.deletions)
        );
        assert!(some.truncated || some == all);
        assert!(blocks_automatic_landing(&some) || !blocks_automatic_landing(&all));
    }
});
