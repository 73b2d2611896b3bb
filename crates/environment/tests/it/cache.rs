//! The setup cache on a real disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use freehold_environment::cache::{
    Cache, CacheError, HOME_SKIPPED, Key, KeyParts, Limits, Listing, Places, Restored, Saved,
};
use tokio_util::sync::CancellationToken;

fn key(setup: &str) -> Key {
    let none = (BTreeMap::new(), BTreeMap::new());
    Key::of(&KeyParts {
        within: &[],
        directory: "",
        setup,
        files: &none.0,
        tools: &none.1,
        work: Path::new("/w"),
        home: Path::new("/h"),
    })
}

struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    async fn cache(&self, limits: Limits) -> Cache {
        Cache::open(&self.dir.path().join("cache"), limits)
            .await
            .unwrap()
    }

    /// A fresh checkout with a home, as before setup.
    fn places(&self, name: &str) -> Places {
        let root = self.dir.path().join(name);
        let places = Places {
            work: root.join("work"),
            home: root.join("home"),
        };
        write(&places.work.join("package.json"), "{}");
        write(&places.work.join("packages/a/index.js"), "a");
        write(&places.home.join(".cargo/config.toml"), "");
        places
    }

    /// What setup makes.
    fn setup(places: &Places) {
        write(&places.work.join("node_modules/a/index.js"), "module a");
        write(&places.work.join("node_modules/.bin/tool"), "#!/bin/sh");
        fs::set_permissions(
            places.work.join("node_modules/.bin/tool"),
            fs::Permissions::from_mode(0o4755),
        )
        .unwrap();
        write(
            &places.work.join("packages/a/node_modules/b.js"),
            "module b",
        );
        write(&places.home.join(".cargo/registry/c.crate"), "crate c");
        write(&places.home.join(".npm/_cacache/x"), "a download");
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn paths(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

/// Saves under `setup` all that `setup` makes in a fresh checkout.
async fn fill(fixture: &Fixture, cache: &Cache, setup: &str) -> Saved {
    let places = fixture.places(&format!("fill-{setup}"));
    let before = (
        Listing::of(&places.work).unwrap(),
        Listing::of(&places.home).unwrap(),
    );
    Fixture::setup(&places);
    let work = before.0.added(&places.work, &[]).unwrap();
    let home = before.1.added(&places.home, &HOME_SKIPPED).unwrap();
    assert_eq!(work, paths(&["node_modules", "packages/a/node_modules"]));
    assert_eq!(home, paths(&[".cargo/registry"]));
    cache
        .save(&key(setup), &places, work, home, &CancellationToken::new())
        .await
        .unwrap()
}

#[tokio::test]
async fn what_setup_made_comes_back() {
    let fixture = Fixture::new();
    let cache = fixture.cache(Limits::default()).await;
    let cancel = CancellationToken::new();
    let fresh = fixture.places("fresh");
    assert_eq!(
        cache.restore(&key("a"), &fresh, &cancel).await.unwrap(),
        Restored::Absent
    );
    assert!(matches!(
        fill(&fixture, &cache, "a").await,
        Saved::Kept { bytes: 1.. }
    ));
    let restored = cache.restore(&key("a"), &fresh, &cancel).await.unwrap();
    assert_eq!(
        restored,
        Restored::Yes {
            work: paths(&["node_modules", "packages/a/node_modules"])
        }
    );
    let text = |path: &str| fs::read_to_string(fresh.work.join(path)).unwrap();
    assert_eq!(text("node_modules/a/index.js"), "module a");
    assert_eq!(text("packages/a/node_modules/b.js"), "module b");
    assert_eq!(
        fs::read_to_string(fresh.home.join(".cargo/registry/c.crate")).unwrap(),
        "crate c"
    );
    assert!(!fresh.home.join(".npm").exists());
    let tool = fs::metadata(fresh.work.join("node_modules/.bin/tool")).unwrap();
    assert_eq!(
        tool.mode() & 0o7777,
        0o755,
        "executable, and not set-user-id"
    );
    assert_eq!(
        tool.nlink(),
        1,
        "a hard link would let a run change the cache"
    );
    let made = fs::metadata(
        fixture
            .dir
            .path()
            .join("fill-a/work/node_modules/.bin/tool"),
    )
    .unwrap();
    assert_eq!(
        (tool.mtime(), tool.mtime_nsec()),
        (made.mtime(), made.mtime_nsec())
    );
    let names: BTreeSet<_> = fs::read_dir(&fresh.work)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 3, "nothing of ours is left: {names:?}");
    let again = cache
        .save(
            &key("a"),
            &fresh,
            paths(&["node_modules"]),
            Vec::new(),
            &cancel,
        )
        .await;
    assert_eq!(again.unwrap(), Saved::Already);
}

#[tokio::test]
async fn a_run_cannot_change_the_cache() {
    let fixture = Fixture::new();
    let cache = fixture.cache(Limits::default()).await;
    let cancel = CancellationToken::new();
    fill(&fixture, &cache, "a").await;
    let first = fixture.places("first");
    cache.restore(&key("a"), &first, &cancel).await.unwrap();
    fs::write(first.work.join("node_modules/a/index.js"), "poison").unwrap();
    let second = fixture.places("second");
    cache.restore(&key("a"), &second, &cancel).await.unwrap();
    assert_eq!(
        fs::read_to_string(second.work.join("node_modules/a/index.js")).unwrap(),
        "module a"
    );
}

#[tokio::test]
async fn no_link_is_followed() {
    let fixture = Fixture::new();
    let cache = fixture.cache(Limits::default()).await;
    let cancel = CancellationToken::new();
    let secret = fixture.dir.path().join("secret");
    write(&secret.join("key"), "canary");
    // A link inside what is kept stays a link; a link above it, or a pipe, is not entered.
    let places = fixture.places("links");
    fs::create_dir(places.work.join("node_modules")).unwrap();
    symlink(&secret, places.work.join("node_modules/out")).unwrap();
    symlink(&secret, places.work.join("linked")).unwrap();
    nix::unistd::mkfifo(
        &places.work.join("node_modules/pipe"),
        nix::sys::stat::Mode::S_IRWXU,
    )
    .unwrap();
    let listing = Listing::default().added(&places.work, &[]).unwrap();
    assert!(
        listing.contains(&"linked".into()) && !listing.iter().any(|path| path.ends_with("key"))
    );
    cache
        .save(
            &key("a"),
            &places,
            paths(&["node_modules"]),
            Vec::new(),
            &cancel,
        )
        .await
        .unwrap();
    let escape = cache
        .save(
            &key("b"),
            &places,
            paths(&["linked/key"]),
            Vec::new(),
            &cancel,
        )
        .await;
    assert!(matches!(escape, Err(CacheError::Io { .. })), "{escape:?}");
    for bad in ["../secret", "/etc/passwd", "packages/../../secret", ""] {
        let escape = cache
            .save(&key("c"), &places, paths(&[bad]), Vec::new(), &cancel)
            .await;
        assert!(escape.is_err(), "{bad}");
    }
    let fresh = fixture.places("fresh");
    cache.restore(&key("a"), &fresh, &cancel).await.unwrap();
    assert_eq!(
        fs::read_link(fresh.work.join("node_modules/out")).unwrap(),
        secret
    );
    assert!(!fresh.work.join("node_modules/pipe").exists());
    // A repository that puts a link where a folder of the entry belongs gets nothing through it.
    fill(&fixture, &cache, "d").await;
    let trap = fixture.places("trap");
    fs::remove_dir_all(trap.work.join("packages/a")).unwrap();
    symlink(&secret, trap.work.join("packages/a")).unwrap();
    let restored = cache.restore(&key("d"), &trap, &cancel).await.unwrap();
    assert_eq!(
        restored,
        Restored::Occupied("packages/a/node_modules".into())
    );
    assert!(!trap.work.join("node_modules").exists(), "all or nothing");
    assert_eq!(fs::read_dir(&secret).unwrap().count(), 1);
}

#[tokio::test]
async fn what_is_in_the_way_stays() {
    let fixture = Fixture::new();
    let cache = fixture.cache(Limits::default()).await;
    fill(&fixture, &cache, "a").await;
    let taken = fixture.places("taken");
    write(&taken.home.join(".cargo/registry/own"), "own");
    let restored = cache
        .restore(&key("a"), &taken, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(restored, Restored::Occupied(".cargo/registry".into()));
    assert!(!taken.work.join("node_modules").exists());
    assert_eq!(
        fs::read_to_string(taken.home.join(".cargo/registry/own")).unwrap(),
        "own"
    );
}

#[tokio::test]
async fn too_much_is_not_kept_and_leaves_nothing() {
    let fixture = Fixture::new();
    let small = Limits {
        entry_bytes: 10,
        ..Limits::default()
    };
    let cache = fixture.cache(small).await;
    let places = fixture.places("big");
    write(&places.work.join("target/big"), &"x".repeat(100));
    let saved = cache
        .save(
            &key("a"),
            &places,
            paths(&["target"]),
            Vec::new(),
            &CancellationToken::new(),
        )
        .await;
    assert!(
        matches!(
            saved,
            Err(CacheError::TooBig {
                limit: 10,
                what: "bytes"
            })
        ),
        "{saved:?}"
    );
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let saved = cache
        .save(
            &key("a"),
            &places,
            paths(&["package.json"]),
            Vec::new(),
            &cancelled,
        )
        .await;
    assert!(matches!(saved, Err(CacheError::Cancelled)), "{saved:?}");
    for folder in ["entries", "making"] {
        assert_eq!(
            fs::read_dir(fixture.dir.path().join("cache").join(folder))
                .unwrap()
                .count(),
            0,
            "{folder}"
        );
    }
}

#[tokio::test]
async fn the_longest_unused_entry_goes_first() {
    let fixture = Fixture::new();
    let cancel = CancellationToken::new();
    let cache = fixture
        .cache(Limits {
            bytes: 250,
            ..Limits::default()
        })
        .await;
    let save = async |name: &str| {
        let places = fixture.places(&format!("lru-{name}"));
        write(&places.work.join("target/x"), &"x".repeat(100));
        // Folders that their owner cannot write, as Go's module cache has them.
        fs::set_permissions(
            places.work.join("target"),
            fs::Permissions::from_mode(0o555),
        )
        .unwrap();
        cache
            .save(&key(name), &places, paths(&["target"]), Vec::new(), &cancel)
            .await
            .unwrap();
    };
    // Times of use that differ whatever the clock of the file system.
    let age = |name: &str, seconds: u64| {
        let file = fs::File::options().write(true).open(
            fixture
                .dir
                .path()
                .join("cache/used")
                .join(key(name).to_string()),
        );
        file.unwrap()
            .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
            .unwrap();
    };
    save("a").await;
    age("a", 1000);
    save("b").await;
    age("b", 2000);
    assert!(matches!(
        cache
            .restore(&key("a"), &fixture.places("use-a"), &cancel)
            .await
            .unwrap(),
        Restored::Yes { .. }
    ));
    save("c").await;
    for (name, there) in [("a", true), ("b", false), ("c", true)] {
        let places = fixture.places(&format!("see-{name}"));
        let restored = cache.restore(&key(name), &places, &cancel).await.unwrap();
        assert_eq!(
            matches!(restored, Restored::Yes { .. }),
            there,
            "{name}: {restored:?}"
        );
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_never_used() {
    let fixture = Fixture::new();
    let dir = fixture.dir.path().join("cache");
    write(&dir.join("making/new-dead/work/0"), "half");
    write(
        &dir.join("entries")
            .join(key("a").to_string())
            .join("work/0"),
        "no manifest",
    );
    let cache = fixture.cache(Limits::default()).await;
    assert_eq!(fs::read_dir(dir.join("making")).unwrap().count(), 0);
    let restored = cache
        .restore(&key("a"), &fixture.places("x"), &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(restored, Restored::Absent);
}

#[tokio::test]
async fn many_may_save_and_restore_at_once() {
    let fixture = Fixture::new();
    let cache = fixture.cache(Limits::default()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let other = Cache::open(&fixture.dir.path().join("cache"), Limits::default())
            .await
            .unwrap();
        let places = fixture.places(&format!("many-{n}"));
        Fixture::setup(&places);
        tasks.spawn(async move {
            let cancel = CancellationToken::new();
            other
                .save(
                    &key("a"),
                    &places,
                    paths(&["node_modules"]),
                    Vec::new(),
                    &cancel,
                )
                .await
                .unwrap()
        });
    }
    let saved = tasks.join_all().await;
    assert_eq!(
        saved
            .iter()
            .filter(|saved| matches!(saved, Saved::Kept { .. }))
            .count(),
        1,
        "{saved:?}"
    );
    let fresh = fixture.places("fresh");
    cache
        .restore(&key("a"), &fresh, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(
        fs::read_to_string(fresh.work.join("node_modules/a/index.js")).unwrap(),
        "module a"
    );
}
