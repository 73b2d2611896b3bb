//! JSON with comments and trailing commas, as editors write it, made plain JSON.

/// The same text with blanks in place of comments and trailing commas, so that lines and columns in
/// errors stay true. What is in a string is left alone; a comment or a string without an end stays as
/// it is, for the parser to complain about.
pub(super) fn plain(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let (mut at, mut comma) = (0, None);
    while let Some(byte) = bytes.get(at).copied() {
        let end = match (byte, bytes.get(at + 1)) {
            (b'"', _) => {
                comma = None;
                at = string_end(&bytes, at);
                continue;
            }
            (b'/', Some(b'/')) => line_end(&bytes, at),
            (b'/', Some(b'*')) => match find(&bytes, at + 2, b"*/") {
                Some(end) => end + 2,
                None => break,
            },
            _ => {
                match byte {
                    b',' => comma = Some(at),
                    b'}' | b']' => {
                        if let Some(place) = comma.take().and_then(|at: usize| bytes.get_mut(at)) {
                            *place = b' ';
                        }
                    }
                    byte if byte.is_ascii_whitespace() => {}
                    _ => comma = None,
                }
                at += 1;
                continue;
            }
        };
        for place in bytes.iter_mut().take(end).skip(at) {
            if !place.is_ascii_whitespace() {
                *place = b' ';
            }
        }
        at = end;
    }
    // Whole characters were blanked, so it still is text.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Past the closing quote of the string that opens at `at`, or past the end.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    find(bytes, at, b"\n").unwrap_or(bytes.len())
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let found = rest.windows(what.len()).position(|part| part == what)?;
    Some(from + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<serde_json::Value> {
        serde_json::from_str(&plain(text)).ok()
    }

    #[test]
    fn comments_and_trailing_commas_are_no_matter_outside_strings() {
        let text = "{ // one ü\n \"a\": [1, /* two\n */ 2, ], \"b//\": \"/* no */ , }\\\"//\", \n}";
        let wanted = serde_json::json!({"a": [1, 2], "b//": "/* no */ , }\"//"});
        assert_eq!(value(text), Some(wanted));
        assert_eq!(plain(text).len(), text.len());
        assert_eq!(plain(text).lines().count(), text.lines().count());
    }

    #[test]
    fn what_is_broken_stays_broken() {
        for text in [
            "{\"a\": 1,, }",
            "[,]x",
            "{\"a\": 1 /* }",
            "{\"a",
            "{\"a\\",
            "[1 2]",
            "{} {}",
            "/",
            "",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
