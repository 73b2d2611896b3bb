//! Overwrites the key in a passing response, should an upstream echo it.

use axum::body::Bytes;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// A key shorter than this is no secret, and would be found in ordinary text.
const MIN_KEY: usize = 8;

/// Replaces each occurrence of a key by as many asterisks, across the borders of chunks. What holds no beginning of the
/// key at its end passes at once and uncopied.
pub(crate) struct Redactor {
    key: Zeroizing<Vec<u8>>,
    /// The end of what came so far, where it may be the beginning of the key.
    held: Vec<u8>,
}

impl Redactor {
    pub(crate) fn new(key: Option<&Secret>) -> Self {
        let key = key
            .map(|key| key.bytes().to_vec())
            .filter(|key| key.len() >= MIN_KEY);
        Self {
            key: Zeroizing::new(key.unwrap_or_default()),
            held: Vec::new(),
        }
    }

    /// What may go out of `chunk` and of what was held back before it; may be empty.
    pub(crate) fn feed(&mut self, chunk: Bytes) -> Bytes {
        if self.key.is_empty() || (self.held.is_empty() && !self.touches(&chunk)) {
            return chunk;
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(&chunk);
        while let Some(at) = find(&text, &self.key) {
            text[at..at + self.key.len()].fill(b'*');
        }
        self.held = text.split_off(text.len() - self.beginning_at_end(&text));
        Bytes::from(text)
    }

    /// What is left at the end.
    pub(crate) fn finish(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.held))
    }

    fn touches(&self, text: &[u8]) -> bool {
        self.beginning_at_end(text) > 0 || find(text, &self.key).is_some()
    }

    /// How many bytes at the end of `text` are a beginning of the key (not the whole of it).
    fn beginning_at_end(&self, text: &[u8]) -> usize {
        let longest = text.len().min(self.key.len() - 1);
        (1..=longest)
            .rev()
            .find(|length| text.ends_with(&self.key[..*length]))
            .unwrap_or(0)
    }
}

/// The first occurrence of `needle`, which is not empty.
pub(crate) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == first) {
        from += at;
        if text[from..].starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pass(key: &str, text: &[u8], sizes: &[usize]) -> Vec<u8> {
        let mut redactor = Redactor::new(Some(&Secret::new(key)));
        let (mut out, mut rest, mut sizes) = (Vec::new(), text, sizes.iter().cycle());
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap_or(&1)));
            out.extend(redactor.feed(Bytes::copy_from_slice(chunk)));
            rest = after;
        }
        out.extend(redactor.finish());
        out
    }

    #[test]
    fn an_ordinary_event_passes_uncopied() {
        let mut redactor = Redactor::new(Some(&Secret::new("sk-secret-key")));
        let chunk = Bytes::from_static(b"data: {\"text\":\"sk-other\"}\n\n");
        assert_eq!(redactor.feed(chunk.clone()).as_ptr(), chunk.as_ptr());
    }

    proptest! {
        #[test]
        fn the_key_is_overwritten_and_nothing_else(
            parts in prop::collection::vec("[aks\\-]{0,6}|KEY", 0..12),
            sizes in prop::collection::vec(1usize..9, 1..5),
        ) {
            let text = parts.concat().replace("KEY", "aska-kaska");
            let expected = text.replace("aska-kaska", &"*".repeat(10));
            let out = pass("aska-kaska", text.as_bytes(), &sizes);
            prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
