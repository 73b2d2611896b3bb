//! What each request does. Fields come in the order of the protocol.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, UtimensatFlags, fstat, mkdirat, mknodat, utimensat};
use nix::sys::statfs::fstatfs;
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, linkat, symlinkat, unlinkat};

use super::message::{Answer, HEAD, Request};
use super::session::{Hand, Session};
use super::tree::{Qid, Tree, errno, number, opened, qid};

/// The only dialect that is spoken.
const DIALECT: &str = "9P2000.L";
/// Names in one walk, as the protocol bounds them.
const MAX_WALK: u16 = 16;
/// Smaller messages carry no entry of a folder.
const LEAST_MESSAGE: usize = 4096;
/// `P9_GETATTR_BASIC`: all that a stat has.
const BASIC: u64 = 0x7ff;
/// Which attributes a request sets.
const SET_MODE: u32 = 1;
const SET_OWNER: u32 = 1 << 1;
const SET_GROUP: u32 = 1 << 2;
const SET_SIZE: u32 = 1 << 3;
const SET_READ: u32 = 1 << 4;
const SET_WRITTEN: u32 = 1 << 5;
const SET_READ_TO: u32 = 1 << 7;
const SET_WRITTEN_TO: u32 = 1 << 8;
/// Of a removal: it is a folder.
const REMOVE_FOLDER: u32 = 0x200;
/// `V9FS_MAGIC`: what a guest's `stat -f` is told.
const KIND_9P: u32 = 0x0102_1997;
/// Nobody has a lock there; a lock was taken.
const UNLOCKED: u8 = 2;
const LOCK_TAKEN: u8 = 0;

type Done = Result<Answer, Errno>;

/// What an open file may be asked for. Links are never followed, and nobody waits for the other end
/// of a pipe.
const OPEN_FLAGS: OFlag = OFlag::O_ACCMODE
    .union(OFlag::O_EXCL)
    .union(OFlag::O_TRUNC)
    .union(OFlag::O_APPEND)
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_SYNC);

fn open_flags(asked: u32) -> OFlag {
    let asked = OFlag::from_bits_truncate(asked.cast_signed());
    (asked & OPEN_FLAGS) | OFlag::O_NONBLOCK | OFlag::O_NOCTTY
}

/// The kernel's types are wider on one architecture than on another.
fn wide(value: impl Into<u64>) -> u64 {
    value.into()
}

fn mode(asked: u32) -> Mode {
    Mode::from_bits_truncate(asked & 0o7777)
}

impl Answer {
    fn qid(self, qid: Qid) -> Self {
        self.byte(qid.kind).int(qid.version).long(qid.path)
    }
}

impl Session {
    pub(super) fn version(&mut self, request: &mut Request<'_>) -> Done {
        let asked = usize::try_from(request.int()?).map_err(|_| Errno::EINVAL)?;
        let dialect = request.text()?;
        if asked < LEAST_MESSAGE {
            return Err(Errno::EINVAL);
        }
        self.largest = self.largest.min(asked);
        self.forget_all();
        let spoken = match dialect == OsStr::new(DIALECT) {
            true => DIALECT,
            false => "unknown",
        };
        let largest = u32::try_from(self.largest).unwrap_or(u32::MAX);
        Answer::default().int(largest).text(OsStr::new(spoken))
    }

    pub(super) fn attach(&mut self, request: &mut Request<'_>) -> Done {
        let number = request.int()?;
        let root = Hand::at(PathBuf::new());
        let found = self.found(&root)?;
        self.hold(number, root)?;
        Ok(Answer::default().qid(qid(&found)))
    }

    pub(super) fn walk(&mut self, request: &mut Request<'_>) -> Done {
        let (from, to, count) = (request.int()?, request.int()?, request.short()?);
        if count > MAX_WALK {
            return Err(Errno::EINVAL);
        }
        let mut path = self.hand(from)?.path.clone();
        let mut qids = Answer::default();
        let mut walked = 0_u16;
        for _ in 0..count {
            path.push(request.name()?);
            match self.tree.place(&path).and_then(fstat) {
                Ok(found) => qids = qids.qid(qid(&found)),
                // A part of the way is an answer too, by which nothing is taken in hand.
                Err(error) if walked == 0 => return Err(error),
                Err(_) => break,
            }
            walked += 1;
        }
        if walked == count {
            let hand = Hand::at(path);
            match from == to {
                true => self.put(to, hand),
                false => self.hold(to, hand)?,
            }
        }
        Ok(Answer::default().short(walked).bytes(&qids.0))
    }

    pub(super) fn let_go(&mut self, request: &mut Request<'_>) -> Done {
        self.drop_hand(request.int()?)?;
        Ok(Answer::default())
    }

    /// What the hand holds open, or else what is in its place.
    fn found(&self, hand: &Hand) -> Result<FileStat, Errno> {
        match &hand.open {
            Some(open) => fstat(open),
            None => self.tree.place(&hand.path).and_then(fstat),
        }
    }

    pub(super) fn attributes(&mut self, request: &mut Request<'_>) -> Done {
        let found = self.found(self.hand(request.int()?)?)?;
        let long = |value: i64| value.cast_unsigned();
        let mut answer = Answer::default()
            .long(BASIC)
            .qid(qid(&found))
            .int(found.st_mode)
            .int(found.st_uid)
            .int(found.st_gid)
            .long(wide(found.st_nlink))
            .long(found.st_rdev)
            .long(long(found.st_size))
            .long(u64::try_from(found.st_blksize).unwrap_or(4096))
            .long(long(found.st_blocks));
        let times = [
            (found.st_atime, found.st_atime_nsec),
            (found.st_mtime, found.st_mtime_nsec),
            (found.st_ctime, found.st_ctime_nsec),
            // When it was made, and two numbers of versions: not told.
            (0, 0),
            (0, 0),
        ];
        for (seconds, rest) in times {
            answer = answer.long(long(seconds)).long(long(rest));
        }
        Ok(answer)
    }

    pub(super) fn set_attributes(&mut self, request: &mut Request<'_>) -> Done {
        let (number, which) = (request.int()?, request.int()?);
        let (to_mode, owner, group) = (request.int()?, request.int()?, request.int()?);
        let size = request.long()?;
        let mut time = |to: u32, set: u32| -> Result<TimeSpec, Errno> {
            let (seconds, rest) = (request.long()?, request.long()?);
            Ok(match (which & set != 0, which & to != 0) {
                (true, true) => TimeSpec::new(seconds.cast_signed(), rest.cast_signed()),
                (true, false) => TimeSpec::UTIME_NOW,
                (false, _) => TimeSpec::UTIME_OMIT,
            })
        };
        let read = time(SET_READ_TO, SET_READ)?;
        let written = time(SET_WRITTEN_TO, SET_WRITTEN)?;
        let hand = self.hand(number)?;
        let (folder, name) = self.tree.parent(&hand.path)?;
        if which & (SET_OWNER | SET_GROUP) != 0 {
            let owner = (which & SET_OWNER != 0).then(|| Uid::from_raw(owner));
            let group = (which & SET_GROUP != 0).then(|| Gid::from_raw(group));
            let flag = AtFlags::AT_SYMLINK_NOFOLLOW;
            fchownat(&folder, name.as_os_str(), owner, group, flag)?;
        }
        if which & SET_MODE != 0 {
            let place = self.tree.place(&hand.path)?;
            let mode = Permissions::from_mode(to_mode & 0o7777);
            std::fs::set_permissions(opened(&place), mode).map_err(|error| errno(&error))?;
        }
        if which & SET_SIZE != 0 {
            self.resize(hand, size)?;
        }
        if which & (SET_READ | SET_WRITTEN) != 0 {
            let flag = UtimensatFlags::NoFollowSymlink;
            utimensat(&folder, name.as_os_str(), &read, &written, flag)?;
        }
        Ok(Answer::default())
    }

    fn resize(&self, hand: &Hand, size: u64) -> Result<(), Errno> {
        let held = hand.open.as_ref().map(|open| open.set_len(size));
        if let Some(Ok(())) = held {
            return Ok(());
        }
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK;
        let file = File::from(self.tree.at(&hand.path, flags, Mode::empty())?);
        file.set_len(size).map_err(|error| errno(&error))
    }

    pub(super) fn open_hand(&mut self, request: &mut Request<'_>) -> Done {
        let (number, flags) = (request.int()?, open_flags(request.int()?));
        let hand = self.hand(number)?;
        let open = File::from(self.tree.at(&hand.path, flags, Mode::empty())?);
        self.opened(number, open)
    }

    pub(super) fn create(&mut self, request: &mut Request<'_>) -> Done {
        let (number, name) = (request.int()?, request.name()?);
        let flags = open_flags(request.int()?) | OFlag::O_CREAT;
        let mode = mode(request.int()?);
        let path = self.hand(number)?.path.join(name);
        let open = File::from(self.tree.at(&path, flags, mode)?);
        self.hand_mut(number)?.path = path;
        self.opened(number, open)
    }

    fn opened(&mut self, number: u32, open: File) -> Done {
        let found = fstat(&open)?;
        let hand = self.hand_mut(number)?;
        hand.open = Some(open);
        hand.entries.clear();
        // No unit of its own: as much as a message carries.
        Ok(Answer::default().qid(qid(&found)).int(0))
    }

    /// How many bytes an answer can carry after `own` ones of its own.
    fn room(&self, asked: u32, own: usize) -> usize {
        let most = self.largest.saturating_sub(HEAD + own);
        usize::try_from(asked).map_or(most, |asked| asked.min(most))
    }

    pub(super) fn read(&mut self, request: &mut Request<'_>) -> Done {
        let (number, offset, count) = (request.int()?, request.long()?, request.int()?);
        let mut bytes = vec![0; self.room(count, 4)];
        let open = self.hand(number)?.open.as_ref().ok_or(Errno::EBADF)?;
        let read = open.read_at(&mut bytes, offset);
        let read = read.map_err(|error| errno(&error))?;
        let length = u32::try_from(read).map_err(|_| Errno::EIO)?;
        Ok(Answer::default().int(length).bytes(&bytes[..read]))
    }

    pub(super) fn write(&mut self, request: &mut Request<'_>) -> Done {
        let (number, offset, count) = (request.int()?, request.long()?, request.int()?);
        let bytes = request.bytes(usize::try_from(count).map_err(|_| Errno::EINVAL)?)?;
        let open = self.hand(number)?.open.as_ref().ok_or(Errno::EBADF)?;
        let written = open
            .write_at(bytes, offset)
            .map_err(|error| errno(&error))?;
        Ok(Answer::default().int(u32::try_from(written).map_err(|_| Errno::EIO)?))
    }

    pub(super) fn sync_hand(&mut self, request: &mut Request<'_>) -> Done {
        let open = self.hand(request.int()?)?.open.as_ref();
        let synced = open.ok_or(Errno::EBADF)?.sync_all();
        // A folder of some file systems has nothing to sync.
        match synced.map_err(|error| errno(&error)) {
            Ok(()) | Err(Errno::EINVAL) => Ok(Answer::default()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn list(&mut self, request: &mut Request<'_>) -> Done {
        let (number_of, offset, count) = (request.int()?, request.long()?, request.int()?);
        let room = self.room(count, 4);
        let hand = self.hand_mut(number_of)?;
        let open = hand.open.as_ref().ok_or(Errno::EBADF)?;
        let device = fstat(open)?.st_dev;
        if offset == 0 {
            hand.entries = Tree::list(open)?;
        }
        let mut listed = Answer::default();
        let from = usize::try_from(offset).map_err(|_| Errno::EINVAL)?;
        for (at, entry) in hand.entries.iter().enumerate().skip(from) {
            // Kind, version and number; place and kind; length and name.
            if listed.0.len() + 13 + 9 + 2 + entry.name.len() > room {
                break;
            }
            let next = u64::try_from(at + 1).map_err(|_| Errno::EOVERFLOW)?;
            let qid = Qid {
                kind: u8::from(entry.kind == 4) << 7 | u8::from(entry.kind == 10) << 1,
                version: 0,
                path: number(entry.inode, device),
            };
            listed = listed.qid(qid).long(next).byte(entry.kind);
            listed = listed.text(&entry.name)?;
        }
        let length = u32::try_from(listed.0.len()).map_err(|_| Errno::EIO)?;
        Ok(Answer::default().int(length).bytes(&listed.0))
    }

    pub(super) fn read_link(&mut self, request: &mut Request<'_>) -> Done {
        let place = self.tree.place(&self.hand(request.int()?)?.path)?;
        let said = readlinkat(&place, "")?;
        Answer::default().text(&said)
    }

    /// What has just been made in a folder.
    fn made(&self, path: &std::path::Path) -> Done {
        let found = self.tree.place(path).and_then(fstat)?;
        Ok(Answer::default().qid(qid(&found)))
    }

    pub(super) fn make_folder(&mut self, request: &mut Request<'_>) -> Done {
        let (number, name) = (request.int()?, request.name()?);
        let mode = mode(request.int()?);
        let folder = &self.hand(number)?.path;
        let place = self.tree.place(folder)?;
        mkdirat(&place, name.as_os_str(), mode)?;
        self.made(&folder.join(name))
    }

    pub(super) fn link_to_text(&mut self, request: &mut Request<'_>) -> Done {
        let (number, name, text) = (request.int()?, request.name()?, request.text()?);
        let folder = &self.hand(number)?.path;
        let place = self.tree.place(folder)?;
        symlinkat(text, &place, name.as_os_str())?;
        self.made(&folder.join(name))
    }

    /// Files, pipes and sockets. Devices the kernel refuses.
    pub(super) fn make_node(&mut self, request: &mut Request<'_>) -> Done {
        let (number, name, asked) = (request.int()?, request.name()?, request.int()?);
        let kind = SFlag::from_bits_truncate(asked) & SFlag::S_IFMT;
        if ![SFlag::S_IFREG, SFlag::S_IFIFO, SFlag::S_IFSOCK].contains(&kind) {
            return Err(Errno::EPERM);
        }
        let folder = &self.hand(number)?.path;
        let place = self.tree.place(folder)?;
        mknodat(&place, name.as_os_str(), kind, mode(asked), 0)?;
        self.made(&folder.join(name))
    }

    pub(super) fn link(&mut self, request: &mut Request<'_>) -> Done {
        let (to, from, name) = (request.int()?, request.int()?, request.name()?);
        let (folder, old) = self.tree.parent(&self.hand(from)?.path)?;
        let place = self.tree.place(&self.hand(to)?.path)?;
        linkat(
            &folder,
            old.as_os_str(),
            &place,
            name.as_os_str(),
            AtFlags::empty(),
        )?;
        Ok(Answer::default())
    }

    pub(super) fn rename(&mut self, request: &mut Request<'_>) -> Done {
        let (number, to, name) = (request.int()?, request.int()?, request.name()?);
        let from = self.hand(number)?.path.clone();
        let to = self.hand(to)?.path.join(name);
        self.move_to(&from, &to)
    }

    pub(super) fn rename_at(&mut self, request: &mut Request<'_>) -> Done {
        let (from, old) = (request.int()?, request.name()?);
        let (to, new) = (request.int()?, request.name()?);
        let from = self.hand(from)?.path.join(old);
        let to = self.hand(to)?.path.join(new);
        self.move_to(&from, &to)
    }

    fn move_to(&mut self, from: &std::path::Path, to: &std::path::Path) -> Done {
        let (old_folder, old) = self.tree.parent(from)?;
        let (new_folder, new) = self.tree.parent(to)?;
        renameat(&old_folder, old.as_os_str(), &new_folder, new.as_os_str())?;
        self.has_moved(from, to);
        Ok(Answer::default())
    }

    pub(super) fn remove_at(&mut self, request: &mut Request<'_>) -> Done {
        let (number, name, flags) = (request.int()?, request.name()?, request.int()?);
        let place = self.tree.place(&self.hand(number)?.path)?;
        let flag = match flags & REMOVE_FOLDER != 0 {
            true => UnlinkatFlags::RemoveDir,
            false => UnlinkatFlags::NoRemoveDir,
        };
        unlinkat(&place, name.as_os_str(), flag)?;
        Ok(Answer::default())
    }

    /// The older request; it lets go in any case.
    pub(super) fn remove(&mut self, request: &mut Request<'_>) -> Done {
        let hand = self.drop_hand(request.int()?)?;
        let is_folder = qid(&self.tree.place(&hand.path).and_then(fstat)?).kind & 0x80 != 0;
        let (folder, name) = self.tree.parent(&hand.path)?;
        let flag = match is_folder {
            true => UnlinkatFlags::RemoveDir,
            false => UnlinkatFlags::NoRemoveDir,
        };
        unlinkat(&folder, name.as_os_str(), flag)?;
        Ok(Answer::default())
    }

    pub(super) fn file_system(&mut self, request: &mut Request<'_>) -> Done {
        let place = self.tree.place(&self.hand(request.int()?)?.path)?;
        let found = fstatfs(&place)?;
        let size = u32::try_from(found.block_size()).unwrap_or(4096);
        Ok(Answer::default()
            .int(KIND_9P)
            .int(size)
            .long(found.blocks())
            .long(found.blocks_free())
            .long(found.blocks_available())
            .long(found.files())
            .long(found.files_free())
            .long(0)
            .int(255))
    }

    /// The guest's kernel has its own locks, and it is the only one that works there meanwhile.
    pub(super) fn lock(&mut self, request: &mut Request<'_>) -> Done {
        self.hand(request.int()?)?;
        Ok(Answer::default().byte(LOCK_TAKEN))
    }

    pub(super) fn locked(&mut self, request: &mut Request<'_>) -> Done {
        self.hand(request.int()?)?;
        request.byte()?;
        let (start, length, process) = (request.long()?, request.long()?, request.int()?);
        let answer = Answer::default().byte(UNLOCKED).long(start).long(length);
        answer.int(process).text(request.text()?)
    }
}
