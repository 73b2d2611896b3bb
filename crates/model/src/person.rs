//! What people and organizations are called: a line of text that cannot pretend to be something else
//! where it is printed or mailed.

/// Most characters of a name.
pub const NAME_MAX: usize = 100;

/// Not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name is one line of 1 to {NAME_MAX} characters, without control characters, marks that turn the direction of text, and addresses of pages"
)]
pub struct NotAName;

/// A name in the form that is kept: without space around it. A name stands in mails that we send to
/// others, so that what looks like the address of a page is none: nobody shall write to strangers
/// through us.
///
/// # Errors
/// [`NotAName`].
pub fn name(text: &str) -> Result<String, NotAName> {
    let text = text.trim();
    let length = text.chars().count();
    let lower = text.to_ascii_lowercase();
    let is_page = lower.contains("://") || lower.contains("www.");
    let fits = (1..=NAME_MAX).contains(&length) && !text.chars().any(deceives) && !is_page;
    fits.then(|| text.to_owned()).ok_or(NotAName)
}

/// Control characters, ends of lines, and what is not seen but changes how the rest is read.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_line_that_says_what_it_looks_like() {
        for good in [
            "Ada",
            " Ada Lovelace ",
            "José Ñandú",
            "山田 太郎",
            "O'Neil <3",
            "ACME, Inc.",
            "שלום",
        ] {
            assert_eq!(name(good).as_deref(), Ok(good.trim()), "{good}");
        }
        for bad in [
            "",
            "  ",
            "a\r\nBcc: b@c",
            "a\nb",
            "a\0b",
            "a\u{202e}b",
            "\u{feff}x",
            "a\u{200b}b",
            "a\u{1b}[2Jb",
            "win at https://evil.example",
            "WWW.evil.example",
        ] {
            assert_eq!(name(bad), Err(NotAName), "{bad:?}");
        }
        assert!(name(&"x".repeat(100)).is_ok() && name(&"x".repeat(101)).is_err());
    }
}
