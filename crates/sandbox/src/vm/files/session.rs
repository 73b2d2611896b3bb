//! One mount of the tree: what the guest's kernel has in hand, and which request does what.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::message::{self, Answer, MAX_MESSAGE, Request};
use super::tree::{self, Entry, Tree};

/// What the guest's kernel may have in hand at once; it keeps one for each name that it remembers.
const MAX_HANDS: usize = 1_000_000;
/// Of the whole protocol, `Rlerror`: the answer that carries an error.
const ERROR: u8 = 7;

/// What the protocol calls a fid: a place, and what is open there.
pub(super) struct Hand {
    pub(super) path: PathBuf,
    pub(super) open: Option<File>,
    /// A folder's entries, as they were when it was read from its beginning.
    pub(super) entries: Vec<Entry>,
}

impl Hand {
    pub(super) fn at(path: PathBuf) -> Self {
        Self {
            path,
            open: None,
            entries: Vec::new(),
        }
    }
}

pub(super) struct Session {
    pub(super) tree: Tree,
    hands: HashMap<u32, Hand>,
    /// The longest message, as it was agreed.
    pub(super) largest: usize,
}

impl Session {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        Ok(Self {
            tree: Tree::open(root)?,
            hands: HashMap::new(),
            largest: MAX_MESSAGE,
        })
    }

    /// Answers until the other side ends the connection.
    pub(super) fn serve(mut self, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(MAX_MESSAGE);
        while message::read(&mut from, &mut buffer)? {
            let mut request = Request::parse(&buffer).ok_or(io::ErrorKind::InvalidData)?;
            let (kind, tag) = (request.kind, request.tag);
            match self.answer(&mut request) {
                Ok(answer) => message::write(&mut to, kind.wrapping_add(1), tag, &answer)?,
                Err(error) => {
                    let number = u32::try_from(error as i32).unwrap_or(0);
                    message::write(&mut to, ERROR, tag, &Answer::default().int(number))?;
                }
            }
        }
        Ok(())
    }

    /// Requests by their numbers in the protocol. What is not here the guest's kernel does without:
    /// further attributes, and authentication.
    pub(super) fn answer(&mut self, request: &mut Request<'_>) -> Result<Answer, Errno> {
        match request.kind {
            8 => self.file_system(request),
            12 => self.open_hand(request),
            14 => self.create(request),
            16 => self.link_to_text(request),
            18 => self.make_node(request),
            20 => self.rename(request),
            22 => self.read_link(request),
            24 => self.attributes(request),
            26 => self.set_attributes(request),
            40 => self.list(request),
            50 => self.sync_hand(request),
            52 => self.lock(request),
            54 => self.locked(request),
            70 => self.link(request),
            72 => self.make_folder(request),
            74 => self.rename_at(request),
            76 => self.remove_at(request),
            100 => self.version(request),
            104 => self.attach(request),
            // Every request is answered before the next is read: there is nothing left to flush.
            108 => Ok(Answer::default()),
            110 => self.walk(request),
            116 => self.read(request),
            118 => self.write(request),
            120 => self.let_go(request),
            122 => self.remove(request),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    pub(super) fn hand(&self, number: u32) -> Result<&Hand, Errno> {
        self.hands.get(&number).ok_or(Errno::EBADF)
    }

    pub(super) fn hand_mut(&mut self, number: u32) -> Result<&mut Hand, Errno> {
        self.hands.get_mut(&number).ok_or(Errno::EBADF)
    }

    /// Takes a new one in hand.
    pub(super) fn hold(&mut self, number: u32, hand: Hand) -> Result<(), Errno> {
        if self.hands.contains_key(&number) {
            return Err(Errno::EEXIST);
        }
        if self.hands.len() >= MAX_HANDS {
            return Err(Errno::EMFILE);
        }
        self.hands.insert(number, hand);
        Ok(())
    }

    /// Puts another place into a hand that may be held already.
    pub(super) fn put(&mut self, number: u32, hand: Hand) {
        self.hands.insert(number, hand);
    }

    pub(super) fn drop_hand(&mut self, number: u32) -> Result<Hand, Errno> {
        self.hands.remove(&number).ok_or(Errno::EBADF)
    }

    pub(super) fn forget_all(&mut self) {
        self.hands.clear();
    }

    /// What has another name from now on has it in every hand.
    pub(super) fn has_moved(&mut self, from: &Path, to: &Path) {
        for hand in self.hands.values_mut() {
            if let Some(path) = tree::moved(&hand.path, from, to) {
                hand.path = path;
            }
        }
    }
}
