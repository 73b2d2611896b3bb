//! What was said, kept in the home so that a reply goes on in the same conversation.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// About 150,000 tokens: what fits the window of common models with room for an answer.
const CONTEXT_BYTES_MAX: usize = 600_000;
/// The newest entries are what the model works on; they are never shortened.
const KEPT_MIN: usize = 8;
/// What stands for an output that was left out.
const LEFT_OUT: &str = "[left out to save room; call the tool again if you need it]";

/// One contribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub(crate) enum Said {
    User {
        text: String,
    },
    Assistant {
        text: String,
        calls: Vec<Call>,
    },
    /// The results of the calls before, in their order.
    Tools {
        results: Vec<Outcome>,
    },
}

/// A tool call of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

/// What a tool call gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) failed: bool,
}

/// The conversation, and where it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Transcript {
    pub(crate) session: String,
    pub(crate) said: Vec<Said>,
    #[serde(skip)]
    path: PathBuf,
}

fn path(home: &Path) -> PathBuf {
    home.join(".freehold-agent").join("transcript.json")
}

impl Transcript {
    /// The conversation `session`, if the home still has it whole.
    pub(crate) fn load(home: &Path, session: &str) -> Option<Self> {
        let mut found = Self::read(&fs::read(path(home)).ok()?)?;
        found.path = path(home);
        (found.session == session).then_some(found)
    }

    /// What a file holds, with an answer to every call.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut found: Self = serde_json::from_slice(bytes).ok()?;
        // The process may have been ended between a call and its result.
        if let Some(Said::Assistant { calls, .. }) = found.said.last()
            && !calls.is_empty()
        {
            let results = calls.iter().map(interrupted).collect();
            found.said.push(Said::Tools { results });
        }
        Some(found)
    }

    /// A new conversation, which replaces what the home had.
    pub(crate) fn new(home: &Path, session: String) -> Self {
        Self {
            session,
            said: Vec::new(),
            path: path(home),
        }
    }

    /// Adds a contribution and keeps the whole on disk: either as it was or as it is now.
    pub(crate) fn push(&mut self, said: Said) -> io::Result<()> {
        self.said.push(said);
        self.shorten();
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir)?;
        }
        let new = self.path.with_extension("new");
        fs::write(&new, serde_json::to_vec(self)?)?;
        fs::rename(&new, &self.path)
    }

    /// Leaves out the oldest outputs until the rest fits.
    pub(crate) fn shorten(&mut self) {
        let mut over = self
            .said
            .iter()
            .map(size)
            .sum::<usize>()
            .saturating_sub(CONTEXT_BYTES_MAX);
        let old = self.said.len().saturating_sub(KEPT_MIN);
        for said in self.said.iter_mut().take(old) {
            let Said::Tools { results } = said else {
                continue;
            };
            for result in results
                .iter_mut()
                .filter(|result| result.text.len() > LEFT_OUT.len())
            {
                if over == 0 {
                    return;
                }
                over = over.saturating_sub(result.text.len() - LEFT_OUT.len());
                LEFT_OUT.clone_into(&mut result.text);
            }
        }
    }
}

fn interrupted(call: &Call) -> Outcome {
    Outcome {
        id: call.id.clone(),
        name: call.name.clone(),
        text: "interrupted; it may or may not have had its effect".into(),
        failed: true,
    }
}

fn size(said: &Said) -> usize {
    match said {
        Said::User { text } => text.len(),
        Said::Assistant { text, calls } => {
            text.len()
                + calls
                    .iter()
                    .map(|call| call.arguments.to_string().len())
                    .sum::<usize>()
        }
        Said::Tools { results } => results.iter().map(|result| result.text.len()).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> Call {
        Call {
            id: id.into(),
            name: "shell".into(),
            arguments: serde_json::json!({"command": "ls"}),
        }
    }

    #[test]
    fn goes_on_where_it_was_and_only_under_its_own_name() {
        let home = tempfile::tempdir().unwrap();
        let mut first = Transcript::new(home.path(), "s1".into());
        first
            .push(Said::User {
                text: "do it".into(),
            })
            .unwrap();
        first
            .push(Said::Assistant {
                text: "yes".into(),
                calls: vec![call("c1")],
            })
            .unwrap();
        let again = Transcript::load(home.path(), "s1").unwrap();
        assert_eq!(again.said[..2], first.said[..]);
        assert!(
            matches!(&again.said[2], Said::Tools { results } if results[0].id == "c1" && results[0].failed)
        );
        assert!(Transcript::load(home.path(), "s2").is_none());
    }

    #[test]
    fn a_long_conversation_loses_its_oldest_outputs_and_no_words() {
        let home = tempfile::tempdir().unwrap();
        let mut transcript = Transcript::new(home.path(), "s".into());
        transcript
            .push(Said::User {
                text: "the task".into(),
            })
            .unwrap();
        for n in 0..40 {
            transcript
                .push(Said::Assistant {
                    text: format!("step {n}"),
                    calls: vec![call("c")],
                })
                .unwrap();
            let text = "x".repeat(32_000);
            let result = Outcome {
                id: "c".into(),
                name: "shell".into(),
                text,
                failed: false,
            };
            transcript
                .push(Said::Tools {
                    results: vec![result],
                })
                .unwrap();
        }
        assert!(transcript.said.iter().map(size).sum::<usize>() <= CONTEXT_BYTES_MAX);
        assert_eq!(
            transcript.said[0],
            Said::User {
                text: "the task".into()
            }
        );
        assert!(
            matches!(&transcript.said[2], Said::Tools { results } if results[0].text == LEFT_OUT)
        );
        assert!(
            matches!(&transcript.said[80], Said::Tools { results } if results[0].text.len() == 32_000)
        );
    }
}
