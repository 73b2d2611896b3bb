//! Workspaces where no overlay can be mounted and the file system shares blocks: a btrfs of the
//! test's own, in a mount namespace that goes with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use freehold_git::{Laid, Shape, reopen};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use crate::workspace::Ground;
use crate::world::World;

/// Of the one large file; as large as what an honest clone may not take.
const LARGE: usize = 16 << 20;

/// A file system in a file, mounted for this thread alone.
struct Disk {
    at: PathBuf,
    _dir: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (image, at) = (dir.path().join("image"), dir.path().join("disk"));
        let file = std::fs::File::create(&image).unwrap();
        file.set_len(512 << 20).unwrap();
        std::fs::create_dir(&at).unwrap();
        run("mkfs.btrfs", &["-q".as_ref(), &image]);
        run("mount", &["-o".as_ref(), "loop".as_ref(), &image, &at]);
        Self { at, _dir: dir }
    }

    /// Bytes that are taken on it.
    fn used(&self) -> u64 {
        let file = std::fs::File::open(&self.at).unwrap();
        nix::unistd::syncfs(&file).unwrap();
        let stat = nix::sys::statvfs::statvfs(&self.at).unwrap();
        (stat.blocks() - stat.blocks_free()) * stat.fragment_size()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        umount2(&self.at, MntFlags::MNT_DETACH).unwrap();
    }
}

fn run(program: &str, args: &[&Path]) {
    let path = "/usr/sbin:/usr/bin:/sbin:/bin";
    let done = Command::new(program).args(args).env("PATH", path).status();
    assert!(done.unwrap().success(), "{program}");
}

/// Bytes that no file system makes smaller.
fn noise(len: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = String::with_capacity(len);
    while text.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(&format!("{state:016x}"));
    }
    text
}

/// A place whose name cannot be among an overlay's options, so that none can be mounted.
async fn ground(parent: &Path, files: &[(&str, &str)]) -> Ground {
    let dir = tempfile::Builder::new()
        .prefix("with,comma")
        .tempdir_in(parent);
    Ground::of(World::empty_in(dir.unwrap()).await.seeded(), files).await
}

async fn shared(disk: &Disk) {
    let large = noise(LARGE);
    let ground = ground(&disk.at, &[("large", &large), ("a/b/c.txt", "c\n")]).await;
    let whole = Shape::whole();
    let (one, laid) = ground.lay("one", &ground.base, &whole).await.unwrap();
    assert_eq!(laid, Laid::Clone);
    let before = disk.used();
    let (two, laid) = ground.lay("two", &ground.base, &whole).await.unwrap();
    assert_eq!(laid, Laid::Clone);
    let clone = disk.used() - before;
    // The control: a copy takes what it holds.
    std::fs::write(disk.at.join("copy"), &large).unwrap();
    let copy = disk.used() - before - clone;
    assert!(
        copy >= LARGE as u64 && clone < LARGE as u64 / 4,
        "{clone} {copy}"
    );

    for work in [&one, &two] {
        ground.join(work);
        assert_eq!(ground.world.text(work, &["status", "--porcelain"]), "");
        assert!(
            std::fs::symlink_metadata(work.join("link"))
                .unwrap()
                .is_symlink()
        );
        assert!(reopen(work, None).unwrap());
    }
    // What is written in one is seen in it alone.
    std::fs::write(one.join("large"), "small").unwrap();
    std::fs::write(one.join("a/new"), "x").unwrap();
    std::fs::remove_file(one.join("a/b/c.txt")).unwrap();
    assert_eq!(ground.world.text(&two, &["status", "--porcelain"]), "");
    let (three, _) = ground.lay("three", &ground.base, &whole).await.unwrap();
    assert_eq!(std::fs::read_to_string(three.join("large")).unwrap(), large);
    assert!(three.join("a/b/c.txt").exists() && !three.join("a/new").exists());
    let said = ground.world.text(&one, &["status", "--porcelain"]);
    assert_eq!(said, " D a/b/c.txt\n M large\n?? a/new\n");

    // Sparse folders are another base; a newer commit too, without a delta.
    let few = Shape::of(["a"]).unwrap();
    let (sparse, laid) = ground.lay("sparse", &ground.base, &few).await.unwrap();
    assert_eq!(laid, Laid::Clone);
    assert!(sparse.join("a/b/c.txt").exists());
}

#[test]
fn a_workspace_is_a_clone_where_files_share_blocks_and_a_checkout_where_they_do_not() {
    let thread = std::thread::spawn(|| {
        let disk = Disk::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            shared(&disk).await;
            let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
            let ground = ground(elsewhere.path(), &[]).await;
            let laid = ground.lay("one", &ground.base, &Shape::whole()).await;
            assert_eq!(laid.unwrap().1, Laid::Checkout);
        });
    });
    thread.join().unwrap();
}
