//! Files in Git LFS, fetched by the real git-lfs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use freehold_git::{GitError, Laid, Lfs, Oid, Options, Remote, Shape, Workspace};

use crate::workspace::Ground;
use crate::world::{PATH, World, main_branch};

const ONE: &str = "the first real bytes\n\0\n";
const TWO: &str = "the second real bytes";
const MOST: u64 = 1 << 20;

fn sha256(text: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn pointer(text: &str) -> String {
    format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n",
        sha256(text),
        text.len()
    )
}

/// Where a remote on a disk has an object.
fn object(bare: &Path, text: &str) -> PathBuf {
    let oid = sha256(text);
    bare.join("lfs/objects")
        .join(&oid[..2])
        .join(&oid[2..4])
        .join(&oid)
}

fn give(bare: &Path, name: &str, bytes: &str) {
    let path = object(bare, name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

async fn ground() -> Ground {
    let (one, two) = (pointer(ONE), pointer(TWO));
    let files = [
        (
            ".gitattributes",
            "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        ),
        (
            ".lfsconfig",
            "[lfs]\n\turl = http://127.0.0.1:1/evil\n\tfetchexclude = *\n",
        ),
        ("a.bin", one.as_str()),
        ("deep/b.bin", two.as_str()),
        ("never-tracked.bin", "plain\n"),
    ];
    let ground = Ground::new(&files).await;
    give(&ground.world.bare(), ONE, ONE);
    give(&ground.world.bare(), TWO, TWO);
    ground
}

async fn lay(
    ground: &Ground,
    name: &str,
    at: &Oid,
    lfs: Option<Lfs<'_>>,
) -> Result<(PathBuf, Laid), GitError> {
    let work = ground.world.path(name);
    let laid = ground
        .store
        .workspace(&Workspace {
            base: Some(at),
            work: &work,
            scratch: &ground.world.path(&format!("{name}-scratch")),
            objects_inside: &ground.store.objects(),
            place: &ground.world.path("shown"),
            shape: &Shape::whole(),
            remote: None,
            lfs,
            owner: None,
        })
        .await?;
    Ok((work, laid))
}

const ON: Option<Lfs<'static>> = Some(Lfs {
    url: None,
    bytes: MOST,
});

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn they_are_there_and_commits_hold_their_pointers() {
    let ground = ground().await;
    let at = ground.base.clone();
    let world = &ground.world;
    // Beside each other: with, and without.
    let (plain, _) = lay(&ground, "plain", &at, None).await.unwrap();
    let (work, _) = lay(&ground, "work", &at, ON).await.unwrap();
    assert_eq!(read(plain.join("a.bin")), pointer(ONE));
    ground.join(&work);
    assert_eq!(read(work.join("a.bin")), ONE);
    assert_eq!(read(work.join("deep/b.bin")), TWO);
    assert_eq!(read(work.join("never-tracked.bin")), "plain\n");
    assert_eq!(world.text(&work, &["status", "--porcelain"]), "");
    // Touched, and checked out again: no change; another file beside it is one.
    std::fs::write(work.join("a.bin"), ONE).unwrap();
    std::fs::write(work.join("new"), "new\n").unwrap();
    world.raw(&work, &["add", "-A"]);
    assert_eq!(
        world.text(&work, &["diff", "--cached", "--name-only"]),
        "new\n"
    );
    let head = world.commit_all(&work, "the agent's");
    assert_eq!(world.text(&work, &["show", "HEAD:a.bin"]), pointer(ONE));
    world.import(&ground.store, &work, 1, Some(&at)).await;
    assert_eq!(
        ground.store.lfs_changed(Some(&at), &head).await.unwrap(),
        None
    );

    // The next commit fetches what is new alone, over the base of before.
    std::fs::remove_file(object(&world.bare(), ONE)).unwrap();
    let three = "the third";
    give(&world.bare(), three, three);
    let next = world.someone_pushes("c.bin", &pointer(three));
    ground.store.fetch(&main_branch()).await.unwrap();
    let (later, _) = lay(&ground, "later", &next, ON).await.unwrap();
    assert_eq!(read(later.join("a.bin")), ONE);
    assert_eq!(read(later.join("c.bin")), three);
    let (warm, _) = lay(&ground, "warm", &next, ON).await.unwrap();
    assert_eq!(read(warm.join("c.bin")), three);
}

#[tokio::test]
async fn a_change_of_one_is_found() {
    let ground = ground().await;
    let at = ground.base.clone();
    let changes: [(&str, &str, Option<&str>); 5] = [
        (
            "one",
            "printf other > a.bin; git add -A; git commit -qm x",
            Some("a.bin"),
        ),
        (
            "two",
            "printf other > n.bin; git add -A; git commit -qm x; git rm -q n.bin; git commit -qm y",
            Some("n.bin"),
        ),
        (
            "three",
            "git -c filter.lfs.clean=cat -c filter.lfs.required=false add --renormalize a.bin; git commit -qm x",
            Some("a.bin"),
        ),
        (
            "four",
            "git mv a.bin moved.bin; git rm -q deep/b.bin; git commit -qm x",
            None,
        ),
        (
            "five",
            "printf hello > text; git add -A; git commit -qm x",
            None,
        ),
    ];
    for (epoch, (name, script, found)) in changes.into_iter().enumerate() {
        let (work, _) = lay(&ground, name, &at, ON).await.unwrap();
        ground.join(&work);
        let alias = format!("alias.go=!{script}");
        ground.world.raw(&work, &["-c", &alias, "go"]);
        let epoch = u32::try_from(epoch).unwrap() + 1;
        let import = ground.world.import(&ground.store, &work, epoch, Some(&at));
        let head = import.await.head;
        let changed = ground.store.lfs_changed(Some(&at), &head).await.unwrap();
        assert_eq!(changed, found.map(PathBuf::from), "{name}");
    }
    // Somebody else's, which the work took in, is theirs.
    let theirs = ground.world.someone_pushes("z.bin", &pointer("theirs"));
    ground.store.fetch(&main_branch()).await.unwrap();
    let changed = ground.store.lfs_changed(Some(&at), &theirs).await;
    assert_eq!(changed.unwrap(), None);
}

async fn why(ground: &Ground, lfs: Option<Lfs<'_>>) -> String {
    let error = lay(ground, "refused", &ground.base, lfs).await.unwrap_err();
    assert!(matches!(error, GitError::Lfs { .. }), "{error:?}");
    let tmp = ground.store.dir().join("tmp");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    // The half-made base goes in the background.
    while std::fs::read_dir(&tmp).unwrap().count() > 0 {
        assert!(std::time::Instant::now() < deadline, "something is left");
        tokio::task::yield_now().await;
    }
    let _removed = std::fs::remove_dir_all(ground.world.path("refused"));
    let _removed = std::fs::remove_dir_all(ground.world.path("refused-scratch"));
    error.to_string()
}

#[tokio::test]
async fn what_is_missing_wrong_or_too_much_is_said() {
    let ground = ground().await;
    let small = Some(Lfs {
        url: None,
        bytes: 10,
    });
    let said = why(&ground, small).await;
    assert!(said.contains("owner allows 10"), "{said}");
    let nowhere = Remote::parse("http://127.0.0.1:1/x").unwrap();
    let elsewhere = Some(Lfs {
        url: Some(&nowhere),
        bytes: MOST,
    });
    let said = why(&ground, elsewhere).await;
    assert!(said.contains("127.0.0.1:1/x"), "{said}");
    give(&ground.world.bare(), ONE, "the first fake bytes\n\0\n");
    let said = why(&ground, ON).await;
    assert!(
        said.contains("is not what the pointer names") || said.contains("xpected"),
        "{said}"
    );
    std::fs::remove_file(object(&ground.world.bare(), ONE)).unwrap();
    why(&ground, ON).await;
    give(&ground.world.bare(), ONE, ONE);
    lay(&ground, "good", &ground.base, ON).await.unwrap();
}

#[tokio::test]
async fn a_machine_without_git_lfs_says_so() {
    let ground = ground().await;
    let bin = ground.world.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let git = bin.join("git");
    std::fs::write(&git, format!("#!/bin/sh\nPATH={PATH} exec git \"$@\"\n")).unwrap();
    std::fs::set_permissions(&git, std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = Options::new(ground.world.path("home"), &bin);
    let world = &ground.world;
    let git = freehold_git::Git::find(options).await.unwrap();
    let store = git
        .store(&world.path("other"), &world.remote())
        .await
        .unwrap();
    store.fetch(&main_branch()).await.unwrap();
    let bare = Ground {
        world: World::empty().await,
        store,
        base: ground.base.clone(),
    };
    let said = why(&bare, ON).await;
    assert!(said.contains("apt-get install git-lfs"), "{said}");
}
