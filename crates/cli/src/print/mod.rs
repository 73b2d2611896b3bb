//! What people and programs read. Nothing here decides what is done.

pub(crate) mod audit;
pub(crate) mod card;
pub(crate) mod environment;
pub(crate) mod event;
pub(crate) mod inbox;
mod isolation;
pub(crate) mod people;
pub(crate) mod review;
pub(crate) mod run;
pub(crate) mod safe;
pub(crate) mod sandbox;
pub(crate) mod table;
pub(crate) mod things;
pub(crate) mod token;
pub(crate) mod vm;
pub(crate) mod webhook;

use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;

use serde::Serialize;

use crate::failure::Failure;

/// Where and how a command prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    /// For programs.
    pub(crate) json: bool,
    /// Colour may be used.
    pub(crate) colour: bool,
    /// A person watches standard error.
    pub(crate) watched: bool,
}

/// A colour, or emphasis. Never the only sign of what it says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Paint {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
}

impl Printer {
    /// Prints a result: as a document for programs, in words for people.
    pub(crate) fn show<T: Serialize>(
        self,
        value: &T,
        words: impl FnOnce(&T, Self) -> String,
    ) -> Result<(), Failure> {
        let mut text = match self.json {
            true => serde_json::to_string(value).map_err(io::Error::other)?,
            false => words(value, self),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        // A reader that has gone has what it wanted: the command's result stands.
        self.stream(text.as_bytes()).map(drop)
    }

    /// Like [`Printer::show`]; tells people besides how it is taken back.
    pub(crate) fn show_undo<T: Serialize>(
        self,
        value: &T,
        words: impl FnOnce(&T, Self) -> String,
        undo: Option<String>,
    ) -> Result<(), Failure> {
        self.show(value, |value, printer| {
            let words = words(value, printer);
            undone(words.trim_end(), undo)
        })
    }

    /// Says that something is gone.
    pub(crate) fn gone(self, noun: &str, name: &str, undo: Option<String>) -> Result<(), Failure> {
        self.show(&serde_json::json!({ "removed": name }), |_, _| {
            undone(&format!("The {noun} `{}` is gone.", safe::line(name)), undo)
        })
    }

    /// Writes a part of something longer; breaks when nobody reads on.
    pub(crate) fn stream(self, bytes: &[u8]) -> Result<ControlFlow<()>, Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(error) => Err(error.into()),
        }
    }

    /// Says how it goes, to a person who watches.
    pub(crate) fn progress(self, line: &str) {
        if self.watched && !self.json {
            // Nothing depends on it.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// Says what did not work.
    pub(crate) fn failure(self, failure: &Failure) {
        let text = match self.json {
            true => serde_json::json!({ "error": failure }).to_string(),
            false => {
                let mut text = format!("error: {}\n", safe::text(&failure.message));
                if let Some(why) = &failure.why {
                    text.push_str(&format!("why: {} ({})\n", safe::line(why), failure.code));
                }
                match failure.shown {
                    true => text.trim_end().to_owned(),
                    false => text + "next: " + &safe::line(&failure.next),
                }
            }
        };
        // There is no one left to tell.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// `text`, painted where colour may be used.
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Bold => 1,
            Paint::Dim => 2,
            Paint::Red => 31,
            Paint::Green => 32,
            Paint::Yellow => 33,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

fn undone(words: &str, undo: Option<String>) -> String {
    match undo {
        Some(command) => format!("{words}\nundo: `{command}`"),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_laid_around_the_words_and_only_where_it_may_be() {
        let printer = |colour| Printer {
            json: false,
            colour,
            watched: false,
        };
        assert_eq!(
            printer(true).paint(Paint::Red, "OPEN"),
            "\x1b[31mOPEN\x1b[0m"
        );
        assert_eq!(printer(false).paint(Paint::Red, "OPEN"), "OPEN");
    }
}
