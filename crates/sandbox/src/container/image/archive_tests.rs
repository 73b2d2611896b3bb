use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tar::{Builder, EntryType, Header};

use super::*;

/// A stream of files and links, a line each: path, and contents or (`path -> target`) target.
fn stream(lines: &[&str]) -> Vec<u8> {
    let mut made = Builder::new(Vec::new());
    for line in lines {
        let (path, text) = line.split_once(' ').unwrap_or((line, ""));
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        let target = text.strip_prefix("-> ");
        let kind = match (target, path.ends_with('/')) {
            (Some(_), _) => EntryType::Symlink,
            (None, true) => EntryType::Directory,
            (None, false) => EntryType::Regular,
        };
        header.set_entry_type(kind);
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        if let Some(target) = target {
            header.set_link_name(target).unwrap();
        }
        let text = if target.is_some() { "" } else { text };
        header.set_size(text.len() as u64);
        header.set_cksum();
        made.append(&header, text.as_bytes()).unwrap();
    }
    made.into_inner().unwrap()
}

fn sum(bytes: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    Digest::of(context).0
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut made = GzEncoder::new(Vec::new(), Compression::fast());
    made.write_all(bytes).unwrap();
    made.finish().unwrap()
}

fn descriptor(media_type: &str, bytes: &[u8]) -> serde_json::Value {
    json!({"mediaType": media_type, "digest": format!("sha256:{}", sum(bytes)), "size": bytes.len()})
}

/// An OCI layout by the names of its parts.
fn layout(layers: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
    let diffs: Vec<_> = layers
        .iter()
        .map(|layer| format!("sha256:{}", sum(layer)))
        .collect();
    let config = json!({"rootfs": {"type": "layers", "diff_ids": diffs}}).to_string();
    let packed: Vec<_> = layers.iter().map(|layer| gzip(layer)).collect();
    let described = packed.iter().map(|layer| descriptor("gzip", layer));
    let manifest = json!({"config": descriptor("config", config.as_bytes()), "layers": described.collect::<Vec<_>>()});
    let manifest = manifest.to_string();
    let mut elsewhere = descriptor("manifest", b"not here");
    elsewhere["platform"] = json!({"os": "linux", "architecture": "s390x"});
    let mut here = descriptor("manifest", manifest.as_bytes());
    let own = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    here["platform"] = json!({"os": "linux", "architecture": own});
    let inner = json!({"manifests": [elsewhere, here]}).to_string();
    let index = json!({"manifests": [descriptor(INDEXES[0], inner.as_bytes())]}).to_string();
    let mut parts = vec![
        (
            "oci-layout".to_owned(),
            br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
        ),
        ("index.json".to_owned(), index.into_bytes()),
    ];
    let blobs = [
        config.into_bytes(),
        manifest.into_bytes(),
        inner.into_bytes(),
    ];
    let blobs = blobs.into_iter().chain(packed);
    parts.extend(blobs.map(|blob| (format!("blobs/sha256/{}", sum(&blob)), blob)));
    parts
}

fn in_folder(parts: &[(String, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in parts {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn archive(parts: &[(String, Vec<u8>)]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    let mut made = Builder::new(&mut file);
    for (name, bytes) in parts {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        made.append_data(&mut header, name, bytes.as_slice())
            .unwrap();
    }
    made.finish().unwrap();
    drop(made);
    file.rewind().unwrap();
    file
}

/// All files of a folder with their contents, links with their targets.
fn picture(folder: &Path, below: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            lines.push(format!("{name}/"));
            lines.extend(picture(&entry.path(), &format!("{name}/")));
        } else if kind.is_symlink() {
            let to = fs::read_link(entry.path()).unwrap();
            lines.push(format!("{name} -> {}", to.display()));
        } else {
            lines.push(format!(
                "{name} {}",
                fs::read_to_string(entry.path()).unwrap()
            ));
        }
    }
    lines.sort();
    lines
}

fn unpacked(store: &Store) -> io::Result<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let plan = store.plan()?;
    store.unpack(&plan, folder.path(), 100, 1 << 20)?;
    Ok(picture(folder.path(), ""))
}

fn layers() -> Vec<Vec<u8>> {
    vec![
        stream(&[
            "etc/",
            "etc/name first",
            "etc/old old",
            "all/",
            "all/a a",
            "all/deep/b b",
            "kept k",
            "was-file x",
            "was-folder/x x",
            "was-link -> etc",
        ]),
        stream(&[
            "etc/name second",
            "etc/.wh.old",
            "all/new new",
            "all/.wh..wh..opq",
            "all/deep/c c",
            ".wh.absent",
            "was-file/",
            "was-file/y y",
            "was-folder now a file",
            "was-link/z z",
            "again/.wh.here",
            "again/here this layer's",
        ]),
    ]
}

const WANTED: [&str; 13] = [
    "again/",
    "again/here this layer's",
    "all/",
    "all/deep/",
    "all/deep/c c",
    "all/new new",
    "etc/",
    "etc/name second",
    "kept k",
    "was-file/",
    "was-file/y y",
    "was-folder now a file",
    "was-link/",
];

#[test]
fn layers_lie_over_each_other_and_take_away_what_they_mark() {
    let parts = layout(&layers()[..]);
    // A link that a lower layer left is not walked through; a folder of the same name is its own.
    let mut wanted: Vec<_> = WANTED.iter().map(|line| (*line).to_owned()).collect();
    wanted.push("was-link/z z".to_owned());
    let refused = unpacked(&Store::of(archive(&parts)).unwrap()).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("a link or a file is on the way")
    );
    let mut with_folder = layers();
    let at = with_folder.len() - 1;
    let mut entries: Vec<&str> = vec![
        "etc/name second",
        "etc/.wh.old",
        "all/new new",
        "all/.wh..wh..opq",
        "all/deep/c c",
        ".wh.absent",
        "was-file/",
        "was-file/y y",
        "was-folder now a file",
        "was-link/",
        "was-link/z z",
    ];
    entries.extend(["again/.wh.here", "again/here this layer's"]);
    with_folder[at] = stream(&entries);
    let parts = layout(&with_folder);
    assert_eq!(
        unpacked(&Store::of(archive(&parts)).unwrap()).unwrap(),
        wanted
    );
    let folder = in_folder(&parts);
    assert!(is_packed(folder.path()));
    assert_eq!(
        unpacked(&Store::open(folder.path()).unwrap()).unwrap(),
        wanted
    );
}

#[test]
fn what_docker_saves_is_read_too() {
    let layer = stream(&["etc/name docker"]);
    let config = json!({"rootfs": {"diff_ids": [format!("sha256:{}", sum(&layer))]}}).to_string();
    let name = format!("{}.json", sum(config.as_bytes()));
    let manifest = json!([{"Config": name, "RepoTags": ["a:1"], "Layers": ["x/layer.tar"]}]);
    let mut parts = vec![
        (
            "manifest.json".to_owned(),
            manifest.to_string().into_bytes(),
        ),
        (name, config.into_bytes()),
        ("x/layer.tar".to_owned(), layer),
    ];
    let store = Store::of(archive(&parts)).unwrap();
    assert_eq!(unpacked(&store).unwrap(), ["etc/", "etc/name docker"]);
    parts[2].1 = stream(&["etc/name another"]);
    let error = unpacked(&Store::of(archive(&parts)).unwrap()).unwrap_err();
    assert!(error.to_string().contains("has the digest"), "{error}");
}

#[test]
fn nothing_that_was_changed_is_taken() {
    let good = layout(&[stream(&["a 1"])]);
    unpacked(&Store::of(archive(&good)).unwrap()).unwrap();
    for at in 2..good.len() {
        let mut bad = good.clone();
        let last = bad[at].1.len() - 1;
        bad[at].1[last] ^= 1;
        assert!(
            unpacked(&Store::of(archive(&bad)).unwrap()).is_err(),
            "{}",
            good[at].0
        );
        let mut longer = good.clone();
        longer[at].1.push(b' ');
        assert!(unpacked(&Store::of(archive(&longer)).unwrap()).is_err());
        let mut missing = good.clone();
        missing.remove(at);
        let error = unpacked(&Store::of(archive(&missing)).unwrap()).unwrap_err();
        assert!(error.to_string().contains("is not in it"), "{error}");
    }
}

#[test]
fn what_is_too_much_or_leads_elsewhere_is_refused() {
    let many: Vec<String> = (0..200).map(|n| format!("f{n} x")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let large = format!("a {}", "x".repeat(2 << 20));
    for hostile in [
        stream(&many),
        stream(&[&large]),
        stream(&["../victim x"]),
        stream(&["a -> ..", "a/victim x"]),
        stream(&["a -> ..", "a/.wh.victim"]),
    ] {
        assert!(unpacked(&Store::of(archive(&layout(&[hostile]))).unwrap()).is_err());
    }
    // A link of a lower layer, and a mark behind it in an upper one.
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("victim"), "x").unwrap();
    let link = format!("a -> {}", outside.path().display());
    let two = [stream(&[&link]), stream(&["a/.wh.victim"])];
    assert!(unpacked(&Store::of(archive(&layout(&two))).unwrap()).is_err());
    let opaque = [stream(&[&link]), stream(&["a/.wh..wh..opq"])];
    assert!(unpacked(&Store::of(archive(&layout(&opaque))).unwrap()).is_err());
    assert!(outside.path().join("victim").exists());
    let mut zstd = layout(&[stream(&["a 1"])]);
    let last = zstd.len() - 1;
    let mut bytes = ZSTD.to_vec();
    bytes.resize(zstd[last].1.len(), 0);
    zstd[last].1 = bytes;
    assert!(unpacked(&Store::of(archive(&zstd)).unwrap()).is_err());
}

#[test]
fn what_describes_a_part_is_not_read_without_end() {
    let mut file = tempfile::tempfile().unwrap();
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(8 << 20);
    header.set_cksum();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(16 << 20).unwrap();
    let why = Store::of(file).err().unwrap().to_string();
    assert!(why.contains("describes a file is too long"), "{why}");
    // Contents are sought over: they are as long as they are.
    let large = vec![("large".to_owned(), vec![b'x'; 3 << 20])];
    assert!(Store::of(archive(&large)).unwrap().has("large"));
}

#[test]
fn a_layer_ends_where_its_files_end() {
    let with = |more: usize| {
        let mut layer = stream(&["a 1"]);
        layer.resize(layer.len() + more, 0);
        unpacked(&Store::of(archive(&layout(&[layer]))).unwrap())
    };
    assert_eq!(with(64 << 10).unwrap(), ["a 1"]);
    let why = with((1 << 20) + (256 << 10)).unwrap_err().to_string();
    assert!(why.contains("goes on behind its end"), "{why}");
}

#[test]
fn a_digest_is_of_one_form() {
    let hex = "a".repeat(64);
    assert!(Digest::parse(&format!("sha256:{hex}")).is_ok());
    for bad in [
        hex.clone(),
        format!("sha256:{}", hex.to_uppercase()),
        "sha256:../../../etc/passwd".to_owned(),
        format!("sha512:{hex}"),
    ] {
        assert!(Digest::parse(&bad).is_err(), "{bad}");
    }
}

#[test]
fn an_archive_takes_the_room_that_there_is() {
    let cache = tempfile::tempdir().unwrap();
    let large = format!("a {}", "x".repeat(100));
    let packed = in_folder(&layout(&[stream(&[&large])]));
    let tried = |room| super::super::from_archive(packed.path(), cache.path(), room);
    let why = tried(99).unwrap_err().to_string();
    assert!(why.contains("too large"), "{why}");
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
    assert!(tried(100).unwrap().directory.join("a").is_file());
    // It is there by now.
    tried(0).unwrap();
}
