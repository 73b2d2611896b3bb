//! Requests as the guest's kernel sends them, and as one sends them that an attacker has made its own.
//! That the kernel itself takes the answers is seen in machines.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use nix::errno::Errno;
use tempfile::TempDir;

use super::message::{Answer, MAX_MESSAGE, Request};
use super::session::Session;

/// A session over a folder, whose root is in hand 0. Beside that folder lies a secret.
struct Guest {
    outer: TempDir,
    session: Session,
}

fn text(answer: Answer, name: &str) -> Answer {
    answer.text(name.as_ref()).unwrap()
}

impl Guest {
    fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(outer.path().join("secret"), "secret").unwrap();
        let mut session = Session::open(&root).unwrap();
        session.largest = MAX_MESSAGE;
        let mut guest = Self { outer, session };
        let attach = text(text(Answer::default().int(0).int(u32::MAX), "u"), "/").int(0);
        guest.ask(104, attach).unwrap();
        guest
    }

    fn root(&self) -> std::path::PathBuf {
        self.outer.path().join("root")
    }

    fn ask(&mut self, kind: u8, fields: Answer) -> Result<Vec<u8>, Errno> {
        let message = [vec![kind, 1, 0], fields.0].concat();
        let mut request = Request::parse(&message).unwrap();
        self.session.answer(&mut request).map(|answer| answer.0)
    }

    /// From one hand to another; how many names were found.
    fn walk(&mut self, from: u32, to: u32, names: &[&str]) -> Result<u16, Errno> {
        let count = u16::try_from(names.len()).unwrap();
        let head = Answer::default().int(from).int(to).short(count);
        let asked = names.iter().fold(head, |asked, name| text(asked, name));
        let said = self.ask(110, asked)?;
        Ok(u16::from_le_bytes([said[0], said[1]]))
    }

    fn open(&mut self, hand: u32, flags: i32) -> Result<Vec<u8>, Errno> {
        self.ask(12, Answer::default().int(hand).int(flags.cast_unsigned()))
    }

    fn read(&mut self, hand: u32, offset: u64, count: u32) -> Result<Vec<u8>, Errno> {
        let said = self.ask(116, Answer::default().int(hand).long(offset).int(count))?;
        Ok(said[4..].to_vec())
    }

    fn write(&mut self, hand: u32, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        let count = u32::try_from(bytes.len()).unwrap();
        let asked = Answer::default().int(hand).long(offset).int(count);
        self.ask(118, asked.bytes(bytes)).map(drop)
    }
}

#[test]
fn what_is_done_to_a_tree_is_done_on_the_disk() {
    let mut guest = Guest::new();
    let root = guest.root();
    guest.walk(0, 1, &[]).unwrap();
    let made = text(Answer::default().int(1), "new")
        .int(1)
        .int(0o640)
        .int(0);
    guest.ask(14, made).unwrap();
    guest.write(1, 0, b"hello").unwrap();
    guest.write(1, 5, b" there").unwrap();
    assert_eq!(fs::read(root.join("new")).unwrap(), b"hello there");
    let mode = fs::metadata(root.join("new")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);

    let folder = text(Answer::default().int(0), "a").int(0o755).int(0);
    guest.ask(72, folder).unwrap();
    assert_eq!(guest.walk(0, 2, &["new"]).unwrap(), 1);
    guest.open(2, nix::libc::O_RDONLY).unwrap();
    assert_eq!(guest.read(2, 6, 100).unwrap(), b"there");
    // Its hand follows it to its new name, and so does one of what is below.
    guest.walk(0, 3, &["a"]).unwrap();
    let moved = text(Answer::default().int(0), "new").int(3);
    guest.ask(74, text(moved, "old")).unwrap();
    let moved = text(Answer::default().int(0), "a").int(0);
    guest.ask(74, text(moved, "b")).unwrap();
    assert_eq!(fs::read(root.join("b/old")).unwrap(), b"hello there");
    // Mode, size and a time of a hand whose file is called otherwise by now.
    let set = Answer::default().int(2).int(1 | 8 | 0x20 | 0x100);
    let set = set.int(0o600).int(0).int(0).long(5).long(0).long(0);
    guest.ask(26, set.long(1_000_000_000).long(7)).unwrap();
    let found = fs::metadata(root.join("b/old")).unwrap();
    assert_eq!((found.mode() & 0o777, found.len()), (0o600, 5));
    assert_eq!((found.mtime(), found.mtime_nsec()), (1_000_000_000, 7));

    let link = text(text(Answer::default().int(3), "link"), "../../x");
    guest.ask(16, link.int(0)).unwrap();
    assert_eq!(
        fs::read_link(root.join("b/link")).unwrap(),
        Path::new("../../x")
    );
    guest.walk(3, 4, &["link"]).unwrap();
    let said = guest.ask(22, Answer::default().int(4)).unwrap();
    assert_eq!(&said[2..], b"../../x");
    let removed = text(Answer::default().int(3), "old").int(0);
    guest.ask(76, removed).unwrap();
    // What is open stays, as on any disk.
    assert_eq!(guest.read(2, 0, 100).unwrap(), b"hello");
}

#[test]
fn no_name_and_no_link_leads_out_of_the_tree() {
    let mut guest = Guest::new();
    let root = guest.root();
    symlink("../secret", root.join("out")).unwrap();
    symlink("..", root.join("up")).unwrap();
    for name in ["..", ".", "", "a/b", "/etc", "../secret"] {
        assert_eq!(guest.walk(0, 1, &[name]), Err(Errno::EINVAL), "{name}");
        let made = text(Answer::default().int(0), name)
            .int(1)
            .int(0o600)
            .int(0);
        assert_eq!(guest.ask(14, made), Err(Errno::EINVAL), "{name}");
    }
    // A link is a place of its own: nothing is below it, and it is not opened.
    assert_eq!(guest.walk(0, 1, &["up", "secret"]), Ok(1));
    assert_eq!(guest.open(1, 0), Err(Errno::EBADF), "half a way is none");
    assert_eq!(guest.walk(0, 1, &["out"]), Ok(1));
    assert_eq!(guest.open(1, nix::libc::O_RDONLY), Err(Errno::ELOOP));
    let over = text(Answer::default().int(0), "out")
        .int(1)
        .int(0o600)
        .int(0);
    assert_eq!(guest.ask(14, over), Err(Errno::ELOOP));
    let cut = Answer::default().int(1).int(8).int(0).int(0).int(0).long(0);
    assert!(guest.ask(26, cut.long(0).long(0).long(0).long(0)).is_err());
    // A folder that becomes a link meanwhile is one too.
    fs::create_dir(root.join("dir")).unwrap();
    fs::write(root.join("dir/secret"), "own").unwrap();
    assert_eq!(guest.walk(0, 2, &["dir", "secret"]), Ok(2));
    fs::rename(root.join("dir"), root.join("was")).unwrap();
    symlink("..", root.join("dir")).unwrap();
    assert_eq!(guest.open(2, nix::libc::O_RDONLY), Err(Errno::ELOOP));
    let device = text(Answer::default().int(0), "disk").int(0o060_600);
    let device = device.int(8).int(0).int(0);
    assert_eq!(guest.ask(18, device), Err(Errno::EPERM));
    assert_eq!(
        fs::read(guest.outer.path().join("secret")).unwrap(),
        b"secret"
    );
}

#[test]
fn a_folder_is_listed_whole_in_as_many_answers_as_it_takes() {
    let mut guest = Guest::new();
    let wanted: Vec<String> = (0..100).map(|n| format!("file-{n:03}")).collect();
    for name in &wanted {
        fs::write(guest.root().join(name), "").unwrap();
    }
    guest.walk(0, 1, &[]).unwrap();
    guest.open(1, nix::libc::O_RDONLY).unwrap();
    let (mut names, mut offset, mut rounds) = (Vec::new(), 0, 0);
    loop {
        let asked = Answer::default().int(1).long(offset).int(500);
        let said = guest.ask(40, asked).unwrap();
        assert!(said.len() <= 504);
        let mut rest = &said[4..];
        if rest.is_empty() {
            break;
        }
        while let Some((head, more)) = rest.split_at_checked(24) {
            offset = u64::from_le_bytes(head[13..21].try_into().unwrap());
            let length = usize::from(u16::from_le_bytes([head[22], head[23]]));
            names.push(String::from_utf8(more[..length].to_vec()).unwrap());
            rest = &more[length..];
        }
        rounds += 1;
    }
    names.sort();
    assert_eq!(names[..2], [".", ".."]);
    assert_eq!(names[2..], wanted);
    assert!(rounds > 5, "{rounds}");
}

#[test]
fn messages_are_bounded_both_ways() {
    let mut guest = Guest::new();
    let asked = text(Answer::default().int(u32::MAX), "9P2000.L");
    let said = guest.ask(100, asked).unwrap();
    let agreed = u32::from_le_bytes(said[..4].try_into().unwrap());
    assert_eq!(usize::try_from(agreed).unwrap(), MAX_MESSAGE);
    let asked = text(Answer::default().int(8192), "9P2000.u");
    let said = guest.ask(100, asked).unwrap();
    assert_eq!(&said[6..], b"unknown");
    // All hands are let go by it.
    assert_eq!(guest.walk(0, 1, &[]), Err(Errno::EBADF));
    let mut guest = Guest::new();
    fs::write(guest.root().join("large"), vec![7; 2 * MAX_MESSAGE]).unwrap();
    guest.walk(0, 1, &["large"]).unwrap();
    guest.open(1, nix::libc::O_RDONLY).unwrap();
    let read = guest.read(1, 0, u32::MAX).unwrap();
    assert_eq!(read.len(), MAX_MESSAGE - 11);
    // Lengths that lie: of the message, of a text, of what is to be written.
    for head in [u32::MAX, 3, 0] {
        let bytes = [&head.to_le_bytes()[..], &[100, 0, 0]].concat();
        let served = super::answer_all(&bytes, &guest.root());
        assert_eq!(served.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    }
    let lying = Answer::default().int(0).int(9).short(1).short(500);
    assert_eq!(guest.ask(110, lying), Err(Errno::EINVAL));
    let lying = Answer::default().int(1).long(0).int(500).bytes(b"few");
    assert_eq!(guest.ask(118, lying), Err(Errno::EINVAL));
    assert_eq!(guest.ask(31, Answer::default()), Err(Errno::EOPNOTSUPP));
}
