//! The script of the bundled demonstration.

use crate::{Script, ScriptError};

impl Script {
    /// The demonstration: reads a small Python project, sees its test fail, mends one line.
    ///
    /// # Errors
    /// Never, as a test holds; the text is read like any other.
    pub fn demo() -> Result<Self, ScriptError> {
        Self::from_toml(include_str!("demo.toml"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_reads_and_says_what_it_is() {
        let script = Script::demo().unwrap();
        assert_eq!(script.turns.len(), 4);
        assert!(script.closing.unwrap().contains("script"));
    }
}
