//! Studio's files as `web/` builds them into `web/dist`, and the page of each error code.
//!
//! A release embeds them. A debug build reads them from the tree, so that a page that was built
//! anew is there without a build of ours. Where `web/dist` is missing, the program is whole but
//! for Studio, and [`Studio::is_built`] says so: no one needs npm to work on the rest.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use rust_embed::RustEmbed;

/// The page that starts Studio; every address of Studio's own shows it.
pub const INDEX: &str = "index.html";
/// The folder whose files carry a hash of their contents in their names.
const HASHED: &str = "assets/";
/// What the web build writes beside a file that is worth compressing.
const GZIP: &str = ".gz";

/// Where a debug build reads Studio. The macro would too, but where the folder was missing when it
/// was compiled it finds nothing in it for ever.
const TREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/dist");

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

#[derive(RustEmbed)]
#[folder = "../../docs/errors"]
struct Errors;

/// Studio's files.
#[derive(Debug, Clone)]
pub struct Studio(Source);

#[derive(Debug, Clone)]
enum Source {
    Embedded,
    Given(BTreeMap<String, Vec<u8>>),
}

/// One file of Studio's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its contents.
    pub bytes: Cow<'static, [u8]>,
    /// The same, compressed, where the build wrote that.
    pub gzip: Option<Cow<'static, [u8]>>,
    /// Its media type.
    pub content_type: &'static str,
    /// Whether its name changes with its contents, so that it may be kept for ever.
    pub hash_named: bool,
}

impl File {
    /// Names these contents: equal for equal ones. 64-bit FNV-1a, which tells one build's file
    /// from the next one's; nothing is proved by it.
    /// <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>
    #[must_use]
    pub fn tag(&self) -> String {
        let hash = self
            .bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
            });
        format!("{hash:016x}-{}", self.bytes.len())
    }
}

impl Studio {
    /// What `web/dist` held when this was built; in a debug build, what it holds now.
    #[must_use]
    pub fn embedded() -> Self {
        Self(Source::Embedded)
    }

    /// These files in its place, by their paths in `web/dist`; for tests.
    #[must_use]
    pub fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self(Source::Given(files.into_iter().collect()))
    }

    /// Whether there is a Studio.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.bytes(INDEX).is_some()
    }

    /// A file by its path in `web/dist`, without a slash in front. Nothing outside of it is found,
    /// and nothing that is only the compressed form of another.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<File> {
        if !is_plain(path) || path.ends_with(GZIP) {
            return None;
        }
        let bytes = self.bytes(path)?;
        Some(File {
            gzip: self.bytes(&format!("{path}{GZIP}")),
            content_type: content_type(path),
            hash_named: path.starts_with(HASHED),
            bytes,
        })
    }

    fn bytes(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        match &self.0 {
            Source::Embedded if cfg!(debug_assertions) => std::fs::read(Path::new(TREE).join(path))
                .ok()
                .map(Cow::Owned),
            Source::Embedded => Dist::get(path).map(|file| file.data),
            Source::Given(files) => files.get(path).map(|bytes| Cow::Owned(bytes.clone())),
        }
    }
}

/// The page of an error code, as Markdown.
#[must_use]
pub fn error_page(code: &str) -> Option<Cow<'static, str>> {
    let name = format!("{code}.md");
    let page = Errors::get(&name).filter(|_| is_plain(&name))?;
    match page.data {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// Whether a path is one that the build could have written: it cannot climb or name a hidden file.
fn is_plain(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    path.split('/')
        .all(|name| !name.is_empty() && !name.starts_with('.') && name.chars().all(plain))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn studio() -> Studio {
        let files = [
            ("index.html", "<!doctype html>"),
            ("theme.js", "1"),
            ("assets/main-a1b2.js", "code"),
            ("assets/main-a1b2.js.gz", "packed"),
            (".hidden", "secret"),
        ];
        Studio::of(files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())))
    }

    #[test]
    fn a_file_says_what_it_is_and_whether_it_may_be_kept() {
        let script = studio().file("assets/main-a1b2.js").unwrap();
        assert_eq!(script.content_type, "text/javascript; charset=utf-8");
        assert_eq!(script.gzip.as_deref(), Some(b"packed".as_slice()));
        assert!(script.hash_named);
        let theme = studio().file("theme.js").unwrap();
        assert!(!theme.hash_named && theme.gzip.is_none());
        assert_ne!(script.tag(), theme.tag());
        assert!(studio().is_built() && !Studio::of([]).is_built());
    }

    #[test]
    fn nothing_outside_hidden_or_packed_is_found() {
        for path in [
            "",
            "/index.html",
            "../index.html",
            "assets/../index.html",
            "assets//main-a1b2.js",
            "assets/./main-a1b2.js",
            "assets\\main-a1b2.js",
            "index.html\0",
            "%69ndex.html",
            ".hidden",
            "assets/main-a1b2.js.gz",
            "assets",
        ] {
            assert_eq!(studio().file(path), None, "{path:?}");
            assert_eq!(Studio::embedded().file(path), None, "{path:?}");
        }
    }

    #[test]
    fn an_error_s_page_is_found_and_no_other_file() {
        assert!(
            error_page("not_found")
                .unwrap()
                .starts_with("# not_found (404)")
        );
        for code in [
            "",
            "../recipes",
            "no_such_code",
            "../../README",
            "not_found.md",
        ] {
            assert_eq!(error_page(code), None, "{code:?}");
        }
    }
}
