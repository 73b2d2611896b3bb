#![no_main]

use freehold_environment::project::devcontainer::{DevcontainerError, read};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|bytes: &[u8]| {
    let plain = serde_json::from_slice::<Map<String, Value>>(bytes);
    match read(bytes) {
        Ok(found) => {
            assert!(found.image.is_none_or(|image| image.len() <= 512));
            let folder = found.workspace_folder;
            let is_plain = |folder: &String| {
                folder.starts_with('/') && !folder.split('/').any(|part| part == "..")
            };
            assert!(folder.as_ref().is_none_or(is_plain));
            assert!(found.warnings.len() <= 65);
        }
        // What is JSON without comments is JSON with comments.
        Err(DevcontainerError::Syntax { what }) if plain.is_ok() => {
            assert!(what.contains("twice"), "{what}");
        }
        Err(_) => {}
    }
});
