//! A folder for what is unpacked, and a look at what stands beside it.

use std::fs;
use std::path::Path;

/// Runs `unpack` with an empty folder and panics when anything outside of it has changed.
pub fn within(unpack: impl FnOnce(&Path)) {
    let base = tempfile::tempdir().expect("a temporary folder");
    let (folder, secret) = (base.path().join("folder"), base.path().join("secret"));
    fs::create_dir(&folder).expect("a folder");
    fs::write(&secret, "canary").expect("a file");
    unpack(&folder);
    assert_eq!(fs::read(&secret).expect("it is there"), b"canary");
    assert_eq!(fs::read_dir(base.path()).expect("it is there").count(), 2);
}
