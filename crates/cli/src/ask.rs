//! Questions to the person at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use crate::failure::{Exit, Failure};
use crate::print::safe;

/// Longest answer that is read.
const ANSWER_MAX: u64 = 1024;
/// Longest secret that is read: far above any provider's key.
const SECRET_MAX: usize = 16 * 1024;

/// Asks a question that is answered by yes or no; `None` when nobody answers.
pub(crate) async fn yes(question: &str, default: bool) -> Option<bool> {
    let choice = if default { "[Y/n]" } else { "[y/N]" };
    let question = format!("{} {choice} ", safe::line(question));
    // Reading a terminal cannot be cancelled: the thread is left behind when the program ends.
    let answered = tokio::task::spawn_blocking(move || {
        let mut out = io::stdout().lock();
        out.write_all(question.as_bytes()).ok()?;
        out.flush().ok()?;
        drop(out);
        let mut line = String::new();
        let read = io::Read::take(io::stdin().lock(), ANSWER_MAX).read_line(&mut line);
        read.ok().filter(|count| *count > 0)?;
        Some(meaning(&line, default))
    });
    answered.await.ok().flatten()
}

/// What is neither yes nor no is no: nothing is allowed by a typing error.
fn meaning(line: &str, default: bool) -> bool {
    match line.trim().to_ascii_lowercase().as_str() {
        "" => default,
        "y" | "yes" => true,
        _ => false,
    }
}

/// Goes on only when whoever is asked says yes.
///
/// # Errors
/// `declined` when they do not.
pub(crate) async fn sure(question: &str) -> Result<(), Failure> {
    match yes(question, false).await {
        Some(true) => Ok(()),
        _ => Err(Failure::new(
            Exit::Failed,
            "declined",
            "nothing was changed: you did not say yes",
            "say it again and answer y, or give `--yes`",
        )),
    }
}

/// Reads a secret from standard input: all of what is piped in, or a line typed at a terminal,
/// which does not show it. It is never repeated in an error.
///
/// # Errors
/// When there is none, or something that cannot be one.
pub(crate) async fn secret(what: &str) -> Result<String, Failure> {
    let hidden = match io::stdin().is_terminal() {
        true => Some(Hidden::begin(what).map_err(shown)?),
        false => None,
    };
    let one_line = hidden.is_some();
    let reading = tokio::task::spawn_blocking(move || read_secret(one_line));
    let read = tokio::select! {
        read = reading => read.ok().flatten(),
        // The terminal shows again what is typed, before this program ends.
        _ = tokio::signal::ctrl_c() => None,
    };
    drop(hidden);
    let read = read.ok_or_else(|| Failure::usage(format!("no {what} was given"), PIPE))?;
    key(&read).map(str::to_owned).ok_or_else(|| {
        let message =
            format!("what was given is no {what}: it is empty, too long, or has odd characters");
        Failure::usage(message, PIPE)
    })
}

/// A terminal that would show the secret is not asked for it.
fn shown(error: io::Error) -> Failure {
    let message = format!("this terminal cannot be kept from showing what is typed: {error}");
    Failure::usage(message, PIPE)
}

const PIPE: &str = "paste it when asked, or pipe it in: `freehold provider key NAME < FILE`";

fn read_secret(one_line: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut input = io::stdin().lock().take(SECRET_MAX as u64 + 1);
    match one_line {
        true => input.read_until(b'\n', &mut bytes),
        false => input.read_to_end(&mut bytes),
    }
    .ok()?;
    Some(bytes)
}

/// What can stand in an HTTP header (RFC 9110 section 5.5) without a space.
fn key(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes)
        .ok()?
        .trim_end_matches(['\r', '\n']);
    let fits = !text.is_empty() && text.len() <= SECRET_MAX;
    (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(text)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Option<Termios>);

impl Hidden {
    /// Hides first and asks then: what is typed at the sight of the question is never shown, nor thrown away.
    fn begin(what: &str) -> io::Result<Self> {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut quiet) = before.clone() {
            quiet.local_flags.remove(LocalFlags::ECHO);
            tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &quiet)?;
        }
        // Nothing depends on the words.
        let _ = write!(io::stderr(), "The {what} (it is not shown): ");
        let _ = io::stderr().flush();
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
        let _ = writeln!(io::stderr());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        assert!(meaning("\n", true) && meaning("Yes\n", false) && meaning(" y ", false));
        assert!(!meaning("\n", false) && !meaning("n\n", true) && !meaning("yo", true));
    }

    #[test]
    fn a_key_is_one_visible_word() {
        assert_eq!(key(b"sk-a_b.c/+=\r\n"), Some("sk-a_b.c/+="));
        for wrong in [
            &b""[..],
            b"\n",
            b"a b",
            b"a\nb",
            b"\xff",
            "ä".as_bytes(),
            b"a\x1b",
        ] {
            assert_eq!(key(wrong), None, "{wrong:?}");
        }
        assert!(key(&vec![b'x'; SECRET_MAX + 1]).is_none());
    }
}
