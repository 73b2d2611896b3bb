//! Containers over an image, and what of a container engine must never be let in.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use freehold_sandbox::{Image, Mount, Port, Spec, Tier, start};

use crate::container::container;
use crate::kit::Bench;

/// A root file system with a shell of its own and nothing else.
fn image(folder: &Path) -> PathBuf {
    let image = folder.join("image");
    for below in ["bin", "etc", "private", "tmp"] {
        std::fs::create_dir_all(image.join(below)).unwrap();
    }
    std::fs::copy("/bin/busybox", image.join("bin/busybox")).unwrap();
    for name in ["sh", "cat", "ls", "touch", "id", "rm"] {
        symlink("busybox", image.join("bin").join(name)).unwrap();
    }
    std::fs::write(image.join("etc/os-release"), "ID=image\n").unwrap();
    image
}

fn in_image(image: &Path) -> Bench {
    let mut inside = container();
    let workspace = Mount::ReadWrite {
        source: inside.workspace(),
        target: "/work/space".into(),
    };
    inside.spec.mounts = vec![workspace];
    inside.spec.cwd = "/work/space".into();
    inside.spec.env.insert("PATH".into(), "/bin".into());
    inside.spec.image = Some(Image::Directory(image.to_owned()));
    inside
}

/// Everything in a folder, with times.
fn picture(folder: &Path) -> String {
    let told = std::process::Command::new("find")
        .arg(folder)
        .args(["-printf", "%P %y %m %u %s %T@ %C@ %l\n"])
        .output()
        .unwrap();
    String::from_utf8(told.stdout).unwrap()
}

#[tokio::test]
async fn an_image_is_the_root_and_is_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let image = image(folder.path());
    // What our helper's loader would take for a program of its own.
    std::fs::write(image.join("etc/ld.so.preload"), "/evil.so\n").unwrap();
    let before = picture(&image);
    let mut inside = in_image(&image);
    inside.sh("test ! -s /etc/ld.so.preload").await.good();
    inside.spec.mounts.push(Mount::File {
        contents: "ours".into(),
        target: "/etc/ours/deep".into(),
    });
    let done = inside
        .sh("cat /etc/os-release /etc/ours/deep; id -u; touch made && ls /work")
        .await;
    assert_eq!(done.good(), "ID=image\nours1000\nspace");
    assert!(inside.workspace().join("made").is_file());
    for place in ["/etc/x", "/x", "/private/x", "/bin/sh"] {
        inside
            .sh(&format!("echo > {place}"))
            .await
            .refused("Read-only file system");
    }
    inside
        .sh("rm /etc/os-release")
        .await
        .refused("Read-only file system");
    // Nothing of the host's own root is there, but for the helper's libraries.
    inside.sh("ls /usr").await.refused("No such file");
    inside.sh("ls /etc/passwd").await.refused("No such file");
    drop(inside);
    assert_eq!(picture(&image), before);
}

#[tokio::test]
async fn images_that_lead_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let image = image(folder.path());
    let victim = folder.path().join("victim");
    std::fs::create_dir(&victim).unwrap();
    for (name, to) in [
        ("work", victim.as_path()),
        ("proc", victim.as_path()),
        ("dev", Path::new("../../victim")),
        (".freehold", victim.as_path()),
        ("tmp", victim.as_path()),
    ] {
        let path = image.join(name);
        let _ = std::fs::remove_dir(&path);
        symlink(to, &path).unwrap();
        let error = start(&in_image(&image).line("true")).await.unwrap_err();
        assert!(
            error.to_string().contains("a link on the way"),
            "{name}: {error}"
        );
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
    }
    in_image(&image).sh("true").await.good();
    assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 0);
    let refused = |image: Image| async move {
        let inside = container();
        let spec = Spec {
            image: Some(image),
            ..inside.line("true")
        };
        start(&spec).await.unwrap_err().to_string()
    };
    let directory = |path: &Path| Image::Directory(path.to_owned());
    assert!(
        refused(directory(Path::new("/")))
            .await
            .contains("own root")
    );
    assert!(
        refused(directory(Path::new("image")))
            .await
            .contains("absolute")
    );
    let odd = folder.path().join("a:b");
    std::fs::create_dir(&odd).unwrap();
    assert!(refused(directory(&odd)).await.contains("colon"));
    // A home, say: it would be shown whole.
    let plain = folder.path().join("plain");
    std::fs::create_dir_all(plain.join("etc")).unwrap();
    assert!(refused(directory(&plain)).await.contains("no root"));
    assert!(
        refused(Image::Name("debian".into()))
            .await
            .contains("unpack")
    );
    let mut sandbox = Bench::sandbox();
    sandbox.spec.image = Some(directory(&image));
    let error = start(&sandbox.line("true")).await.unwrap_err().to_string();
    assert!(error.contains("image"), "{error}");
}

#[tokio::test]
async fn the_socket_of_an_engine_is_let_in_by_no_tier() {
    let folder = tempfile::tempdir().unwrap();
    let engine = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&engine).unwrap();
    let hidden = folder.path().join("innocent");
    symlink(&engine, &hidden).unwrap();
    for tier in [
        Tier::None,
        Tier::Worktree,
        Tier::Sandbox,
        Tier::Container,
        Tier::Vm,
    ] {
        let bench = Bench::new(tier);
        for source in [&engine, &hidden] {
            let mut spec = bench.line("true");
            spec.mounts.push(Mount::ReadOnly {
                source: source.clone(),
                target: "/engine".into(),
            });
            let error = start(&spec).await.unwrap_err().to_string();
            assert!(error.contains("engine's socket"), "{tier:?}: {error}");
            let port = Port {
                port: 2375,
                socket: source.clone(),
            };
            let spec = Spec {
                ports: vec![port],
                ..bench.line("true")
            };
            let error = start(&spec).await.unwrap_err().to_string();
            assert!(error.contains("engine's socket"), "{tier:?}: {error}");
        }
    }
}
