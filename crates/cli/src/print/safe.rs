//! Text of agents, repositories and remotes on a person's terminal: it may say anything and
//! must do nothing. Escape sequences, control characters and marks that turn the direction of
//! writing (CVE-2021-42574) are taken out.

/// Several lines, safe; a carriage return begins a new one.
pub(crate) fn text(hostile: &str) -> String {
    let mut safe = String::with_capacity(hostile.len());
    let mut chars = hostile.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => safe.push(c),
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    safe.push('\n');
                }
            }
            '\u{2028}' | '\u{2029}' => safe.push('\n'),
            '\u{1b}' => match chars.next() {
                Some('[') => skip_control_sequence(&mut chars),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut chars),
                Some('\n') => safe.push('\n'),
                // ECMA-35: intermediate bytes stand before the final one.
                Some(' '..='/') => drop(chars.next_if(|c| ('\u{20}'..='\u{7e}').contains(c))),
                _ => {}
            },
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            c if c.is_control() || turns_direction(c) => {}
            c => safe.push(c),
        }
    }
    safe
}

/// One line, safe.
pub(crate) fn line(hostile: &str) -> String {
    let safe = text(hostile);
    safe.split(['\n', '\t'])
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// ECMA-48 section 5.4: parameters, then one final byte.
fn skip_control_sequence(chars: &mut Chars<'_>) {
    while chars
        .next_if(|c| ('\u{20}'..='\u{3f}').contains(c))
        .is_some()
    {}
    chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
}

/// ECMA-48 section 5.6: up to the string terminator, or BEL as xterm has it. A line's end ends
/// it here as well, so that one stray byte does not swallow what follows.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|&c| c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_on_the_terminal_is_taken_out() {
        assert_eq!(text("\x1b[31mred\x1b[0m"), "red");
        assert_eq!(text("\x1b]0;title\x07after"), "after");
        assert_eq!(text("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"), "link");
        assert_eq!(text("\u{9b}2Jgone\u{9d}52;c;x\u{9c}."), "gone.");
        assert_eq!(text("\x1b(Bx\x1b7y\x1b"), "xy");
        assert_eq!(text("\x1b]unended\nnext"), "\nnext");
        assert_eq!(text("a\x08\x00\x7fb"), "ab");
        assert_eq!(text("10%\r20%\r\ndone"), "10%\n20%\ndone");
        assert_eq!(text("x\u{202e}y\u{2066}z"), "xyz");
        assert_eq!(text("Grüße, 世界 🦀\tok"), "Grüße, 世界 🦀\tok");
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(line("a\n\nb\rc\td"), "a b c d");
    }
}
