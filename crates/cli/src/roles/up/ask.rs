//! Questions to the person at the terminal.

use std::io::{self, BufRead as _, Write as _};

use crate::print::safe;

/// Longest answer that is read.
const ANSWER_MAX: u64 = 1024;

/// Asks a question that is answered by yes or no; `None` when nobody answers.
pub(super) async fn yes(question: &str, default: bool) -> Option<bool> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        assert!(meaning("\n", true) && meaning("Yes\n", false) && meaning(" y ", false));
        assert!(!meaning("\n", false) && !meaning("n\n", true) && !meaning("yo", true));
    }
}
