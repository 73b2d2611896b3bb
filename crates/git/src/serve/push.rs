//! A push of an agent's git, taken apart before anything of it is used.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::Shown;
use super::pktline::{self, FLUSH, Packet, bad, check_capabilities};
use crate::bundle::Bundle;
use crate::{GitError, ImportLimits, Imported, Oid, Result, RunRef, Store};

/// Longest list of commands; one is taken, and a client that names many is told so by name.
const COMMANDS_MAX: u64 = 256 << 10;
/// Longest name of a ref that an answer repeats.
const NAME_MAX: usize = 200;
/// `delete-refs` is so that a deletion is asked for, and refused in our words: without it git refuses
/// by itself and does not say why.
const CAPABILITIES: &str = "report-status delete-refs ofs-delta";

/// What a client wants to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRequest {
    /// The names, values before and values after; `None` is a ref that is not.
    pub commands: Vec<(String, Option<Oid>, Option<Oid>)>,
    /// Where in the body the pack begins.
    pub(crate) pack_at: u64,
}

impl PushRequest {
    /// Reads the head of a body that was written to a file.
    ///
    /// # Errors
    /// [`GitError::BadRequest`] for what no git sends.
    pub fn read(body: &Path, sha256: bool) -> Result<Self> {
        let io = || GitError::io("reading the push");
        let mut head = Vec::new();
        let file = File::open(body).map_err(io())?;
        file.take(COMMANDS_MAX)
            .read_to_end(&mut head)
            .map_err(io())?;
        Self::parse(&head, sha256)
    }

    pub(crate) fn parse(head: &[u8], sha256: bool) -> Result<Self> {
        let mut commands = Vec::new();
        let mut bytes = head;
        loop {
            let (packet, rest) =
                pktline::next(bytes)?.ok_or_else(|| bad("its list of refs does not end"))?;
            bytes = rest;
            let Packet::Line(line) = packet else { break };
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let text = std::str::from_utf8(line).map_err(|_| bad("a ref's name is not text"))?;
            let (command, capabilities) = text.split_once('\0').unwrap_or((text, ""));
            check_capabilities(capabilities)?;
            if !commands.is_empty() && !capabilities.is_empty() {
                return Err(bad("capabilities stand in the wrong place"));
            }
            commands.push(read_command(command, sha256)?);
        }
        if commands.is_empty() {
            return Err(bad("it names no ref"));
        }
        let pack_at = u64::try_from(head.len() - bytes.len()).map_err(|_| bad("it is too long"))?;
        Ok(Self { commands, pack_at })
    }

    /// The answer where every ref got its wish or none did: `Err` is why not, in one line.
    #[must_use]
    pub fn answer(&self, result: std::result::Result<(), &str>) -> Vec<u8> {
        let mut answer = pktline::line(b"unpack ok\n");
        for (name, _, _) in &self.commands {
            let line = match result {
                Ok(()) => format!("ok {name}\n"),
                Err(why) => {
                    let why: String = why
                        .chars()
                        .map(|c| if c.is_control() { ' ' } else { c })
                        .take(1_000)
                        .collect();
                    format!("ng {name} {why}\n")
                }
            };
            answer.extend(pktline::line(line.as_bytes()));
        }
        answer.extend_from_slice(FLUSH);
        answer
    }
}

fn read_command(text: &str, sha256: bool) -> Result<(String, Option<Oid>, Option<Oid>)> {
    let mut words = text.splitn(3, ' ');
    let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next()) else {
        return Err(bad("a line is no command"));
    };
    let length = if sha256 { 64 } else { 40 };
    let oid = |text: &str| {
        if text.len() != length {
            return Err(bad("an object name is none"));
        }
        match text.bytes().all(|byte| byte == b'0') {
            true => Ok(None),
            false => Oid::parse(text)
                .map(Some)
                .map_err(|_| bad("an object name is none")),
        }
    };
    let plain = name.starts_with("refs/")
        && name.len() <= NAME_MAX
        && name.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    if !plain {
        return Err(bad("a ref's name is none"));
    }
    Ok((name.to_owned(), oid(old)?, oid(new)?))
}

impl Store {
    /// What `GET …/info/refs?service=git-receive-pack` answers.
    #[must_use]
    pub fn push_refs(&self, shown: &Shown) -> Vec<u8> {
        let format = if self.is_sha256() { "sha256" } else { "sha1" };
        let capabilities = format!("\0{CAPABILITIES} object-format={format}\n");
        let mut answer = pktline::line(b"# service=git-receive-pack\n");
        answer.extend_from_slice(FLUSH);
        let mut first = Some(capabilities);
        for (name, oid) in &shown.refs {
            let end = first.take().unwrap_or_else(|| "\n".into());
            answer.extend(pktline::line(format!("{oid} {name}{end}").as_bytes()));
        }
        if let Some(end) = first {
            let none = "0".repeat(if self.is_sha256() { 64 } else { 40 });
            answer.extend(pktline::line(
                format!("{none} capabilities^{{}}{end}").as_bytes(),
            ));
        }
        answer.extend_from_slice(FLUSH);
        answer
    }

    /// Whether its object names are those of SHA-256.
    #[must_use]
    pub fn uses_sha256(&self) -> bool {
        self.is_sha256()
    }

    /// Imports what a push brought, as strictly as [`Store::import`] does a bundle.
    ///
    /// # Errors
    /// As [`Store::import`].
    pub async fn import_push(
        &self,
        body: &Path,
        request: &PushRequest,
        head: &Oid,
        name: &RunRef,
        base: Option<&Oid>,
        limits: &ImportLimits,
    ) -> Result<Imported> {
        let io = || GitError::io("reading the push");
        let mut pack = File::open(body).map_err(io())?;
        let found = pack.metadata().map_err(io())?.len();
        if found > limits.bytes {
            return Err(GitError::TooLarge {
                what: "the push",
                limit: limits.bytes,
                found: Some(found),
            });
        }
        pack.seek(SeekFrom::Start(request.pack_at)).map_err(io())?;
        let bundle = Bundle::of_pack(pack, head.clone(), limits)?;
        self.import_bundle(bundle, name, base, limits).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(lines: &[&str]) -> Vec<u8> {
        let mut all: Vec<u8> = lines
            .iter()
            .flat_map(|text| pktline::line(text.as_bytes()))
            .collect();
        all.extend_from_slice(b"0000PACK");
        all
    }

    #[test]
    fn a_push_is_taken_apart() {
        let (zero, a) = ("0".repeat(40), "a".repeat(40));
        let one = format!("{zero} {a} refs/heads/x\0 report-status agent=git/2\n");
        let read = PushRequest::parse(&body(&[&one]), false).unwrap();
        let oid = Oid::parse(&a).unwrap();
        assert_eq!(
            read.commands,
            [("refs/heads/x".to_owned(), None, Some(oid))]
        );
        assert_eq!(read.pack_at as usize, one.len() + 4 + 4);
        let said = read.answer(Err("not\nyours"));
        assert!(String::from_utf8_lossy(&said).contains("ng refs/heads/x not yours\n"));
    }

    #[test]
    fn what_no_git_sends_is_refused() {
        let (zero, a) = ("0".repeat(40), "a".repeat(40));
        for odd in [
            vec![],
            vec![format!("{zero} {a}")],
            vec![format!("{zero} abc refs/heads/x")],
            vec![format!("{zero} {} refs/heads/x", "a".repeat(64))],
            vec![format!("{zero} {a} HEAD")],
            vec![format!("{zero} {a} refs/heads/a b")],
            vec![format!("{zero} {a} refs/heads/\u{1b}[31m")],
            vec![format!("{zero} {a} refs/{}", "x".repeat(NAME_MAX))],
            vec![format!("{zero} {a} refs/heads/x\0 \u{7}")],
            vec!["shallow ".to_owned() + &a],
        ] {
            let lines: Vec<&str> = odd.iter().map(String::as_str).collect();
            assert!(PushRequest::parse(&body(&lines), false).is_err(), "{odd:?}");
        }
        assert!(PushRequest::parse(b"0000", false).is_err());
        let endless = pktline::line(format!("{zero} {a} refs/heads/x").as_bytes());
        assert!(PushRequest::parse(&endless, false).is_err());
    }
}
