//! Images that lie on the disk: a folder in the OCI image layout, or an archive, of such a folder or
//! as `docker save` writes it. Nothing of them is believed: each part must have the digest that it
//! was named by, each layer the one that the configuration names, which the result is kept under.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use nix::libc;
use ring::digest::{Context, SHA256};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tar::Archive;

use super::metered::metered;
use super::unpack::{MAX_PATH, Unpacker};

/// A configuration with a long history has some hundred kilobytes.
const MAX_JSON: u64 = 4 << 20;
/// Engines stop at 127.
const MAX_LAYERS: usize = 256;
/// Parts of an archive: two or three files for each layer, and an index of a few.
const MAX_PARTS: usize = 4096;
/// An index that names an index; the specification allows more, no tool writes it.
const MAX_INDEXES: usize = 3;
/// Zeros behind the last file of a layer: tools fill up what they wrote to records, of 10 KiB
/// mostly.
const END_MAX: u64 = 1 << 20;
const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Whether an image at this path has to be unpacked: it is a file, or a folder that is a layout.
pub(crate) fn is_packed(path: &Path) -> bool {
    path.is_file() || path.join("oci-layout").is_file()
}

/// What is to be unpacked, in order, and the digest of the configuration that says so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) digest: String,
    layers: Vec<Layer>,
}

#[derive(Debug, PartialEq, Eq)]
struct Layer {
    part: Part,
    /// Of the layer's bytes once they are not compressed.
    diff: Digest,
}

/// A part of the image: where it is, and what it must be where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    name: PathBuf,
    expected: Option<(Digest, u64)>,
}

/// 64 lower-case digits: nothing else can become a part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Digest(String);

impl Digest {
    fn parse(text: &str) -> io::Result<Self> {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix("sha256:") {
            Some(hex) if hex.len() == 64 && hex.bytes().all(lower) => Ok(Self(hex.to_owned())),
            _ => Err(bad("a digest is none of SHA-256")),
        }
    }

    fn of(context: Context) -> Self {
        let bytes = context.finish();
        Self(bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect())
    }
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

/// `manifest.json` of `docker save`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

/// Where the parts are.
pub(crate) enum Store {
    Folder(PathBuf),
    Archive {
        file: File,
        parts: HashMap<PathBuf, (u64, u64)>,
    },
}

impl Store {
    /// Looks an archive through once; reads no part.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        Self::of(File::open(path)?)
    }

    /// An archive that is open.
    pub(crate) fn of(mut file: File) -> io::Result<Self> {
        file.rewind()?;
        let mut parts = HashMap::new();
        let (stream, meter) = metered(BufReader::new(file.try_clone()?));
        let mut archive = Archive::new(stream);
        let mut entries = archive.entries_with_seek()?;
        while let Some(entry) = meter.between(|| entries.next()) {
            let entry = entry?;
            if parts.len() >= MAX_PARTS {
                return Err(bad("it has too many parts"));
            }
            let regular = entry.header().entry_type().is_file();
            if let (true, Ok(name)) = (regular, plain(&entry.path()?)) {
                parts.insert(name, (entry.raw_file_position(), entry.size()));
            }
        }
        Ok(Self::Archive { file, parts })
    }

    /// A part, to its end.
    fn read(&self, part: &Part) -> io::Result<Box<dyn Read + '_>> {
        let missing = |_| bad(&format!("{} is not in it", part.name.display()));
        let (from, size): (Box<dyn Read>, u64) = match self {
            Self::Folder(folder) => {
                let file = OpenOptions::new()
                    .read(true)
                    .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                    .open(folder.join(&part.name))
                    .map_err(missing)?;
                let found = file.metadata()?;
                if !found.is_file() {
                    return Err(bad("a part is no file"));
                }
                (Box::new(file), found.len())
            }
            Self::Archive { file, parts } => {
                let (at, size) = parts
                    .get(&part.name)
                    .ok_or(())
                    .map_err(missing_part(part))?;
                let mut file = file;
                file.seek(SeekFrom::Start(*at))?;
                (Box::new(file.take(*size)), *size)
            }
        };
        if let Some((_, expected)) = &part.expected
            && size != *expected
        {
            return Err(bad(&format!(
                "{} has {size} bytes, not {expected}",
                part.name.display()
            )));
        }
        Ok(from)
    }

    /// A small part whose digest is right.
    fn json<T: DeserializeOwned>(&self, part: &Part) -> io::Result<T> {
        let mut bytes = Vec::new();
        self.read(part)?
            .take(MAX_JSON + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_JSON {
            return Err(bad("a description is too large"));
        }
        if let Some((digest, _)) = &part.expected {
            let mut context = Context::new(&SHA256);
            context.update(&bytes);
            same(&Digest::of(context), digest, &part.name)?;
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| bad(&format!("{}: {error}", part.name.display())))
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(name).is_file(),
            Self::Archive { parts, .. } => parts.contains_key(Path::new(name)),
        }
    }

    /// What the image for this machine consists of.
    pub(crate) fn plan(&self) -> io::Result<Plan> {
        let (config, layers) = match self.has("index.json") {
            true => self.of_layout()?,
            false => self.of_docker()?,
        };
        let digest = match &config.expected {
            Some((digest, _)) => digest.0.clone(),
            None => return Err(bad("its configuration has no digest")),
        };
        let told: Config = self.json(&config)?;
        let diffs = told.rootfs.diff_ids;
        if diffs.len() != layers.len() || layers.len() > MAX_LAYERS {
            return Err(bad("its layers are not those of its configuration"));
        }
        let layers = layers.into_iter().zip(diffs).map(|(part, diff)| {
            let diff = Digest::parse(&diff)?;
            Ok(Layer { part, diff })
        });
        Ok(Plan {
            digest,
            layers: layers.collect::<io::Result<_>>()?,
        })
    }

    fn of_layout(&self) -> io::Result<(Part, Vec<Part>)> {
        let mut index: Index = self.json(&Part {
            name: "index.json".into(),
            expected: None,
        })?;
        for _ in 0..MAX_INDEXES {
            let chosen = choose(&index.manifests)?;
            let part = blob(chosen)?;
            if INDEXES.contains(&chosen.media_type.as_str()) {
                index = self.json(&part)?;
                continue;
            }
            let manifest: Manifest = self.json(&part)?;
            let layers = manifest.layers.iter().map(blob);
            return Ok((blob(&manifest.config)?, layers.collect::<io::Result<_>>()?));
        }
        Err(bad("its indexes name each other"))
    }

    fn of_docker(&self) -> io::Result<(Part, Vec<Part>)> {
        let saved: Vec<Saved> = self.json(&Part {
            name: "manifest.json".into(),
            expected: None,
        })?;
        let [one] = &saved[..] else {
            return Err(bad(
                "it holds more images than one, or none: save one alone",
            ));
        };
        let name = plain(Path::new(&one.config))?;
        // `<digest>.json`, or `blobs/sha256/<digest>`.
        let stem = name.file_stem().and_then(|stem| stem.to_str());
        let digest = Digest::parse(&format!("sha256:{}", stem.unwrap_or_default()))?;
        let size = match self {
            Self::Archive { parts, .. } => parts.get(&name).map(|(_, size)| *size),
            Self::Folder(_) => None,
        };
        let size = size
            .ok_or(())
            .map_err(|()| bad("its configuration is not in it"))?;
        let config = Part {
            name,
            expected: Some((digest, size)),
        };
        let layers = one.layers.iter().map(|layer| {
            Ok(Part {
                name: plain(Path::new(layer))?,
                expected: None,
            })
        });
        Ok((config, layers.collect::<io::Result<_>>()?))
    }

    /// Unpacks all layers into `folder`, which is empty, within bounds. After an error what is there
    /// is of no use.
    pub(crate) fn unpack(
        &self,
        plan: &Plan,
        folder: &Path,
        entries: usize,
        bytes: u64,
    ) -> io::Result<()> {
        let mut unpacker = Unpacker::new(folder, entries, bytes)?;
        for layer in &plan.layers {
            let packed = Hashed::new(self.read(&layer.part)?);
            let mut packed = BufReader::new(packed);
            let head = io::BufRead::fill_buf(&mut packed)?;
            if head.starts_with(ZSTD) {
                return Err(bad(
                    "a layer is compressed by zstd, which is not read here: write the image with gzip",
                ));
            }
            let is_gzip = head.starts_with(GZIP);
            let diff = match is_gzip {
                true => unpacker.hashed_layer(MultiGzDecoder::new(&mut packed))?,
                false => unpacker.hashed_layer(&mut packed)?,
            };
            same(&diff, &layer.diff, &layer.part.name)?;
            // What is behind the end of the stream belongs to the part.
            io::copy(&mut packed, &mut io::sink())?;
            if let Some((digest, _)) = &layer.part.expected {
                same(&packed.into_inner().digest(), digest, &layer.part.name)?;
            }
        }
        Ok(())
    }
}

impl Unpacker {
    /// Unpacks a layer and gives the digest of its whole stream.
    fn hashed_layer(&mut self, stream: impl Read) -> io::Result<Digest> {
        let bound = self.bound();
        let mut stream = Hashed::new(stream.take(bound));
        self.layer(&mut stream)?;
        let end = io::copy(&mut (&mut stream).take(END_MAX + 1), &mut io::sink())?;
        if end > END_MAX {
            return Err(bad("a layer goes on behind its end"));
        }
        Ok(stream.digest())
    }
}

fn missing_part(part: &Part) -> impl FnOnce(()) -> io::Error + '_ {
    |()| bad(&format!("{} is not in it", part.name.display()))
}

/// The manifest for this machine; one alone is taken as it is.
fn choose(manifests: &[Descriptor]) -> io::Result<&Descriptor> {
    if let [one] = manifests {
        return Ok(one);
    }
    let own = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let fits = |found: &&Descriptor| {
        let platform = found.platform.as_ref();
        platform.is_some_and(|platform| platform.os == "linux" && platform.architecture == own)
    };
    let mut fitting = manifests.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(bad(&format!("it has no image for linux on {own}"))),
        (Some(_), Some(_)) => Err(bad(&format!(
            "it has several images for linux on {own}: write one alone"
        ))),
    }
}

fn blob(of: &Descriptor) -> io::Result<Part> {
    let digest = Digest::parse(&of.digest)?;
    Ok(Part {
        name: Path::new("blobs/sha256").join(&digest.0),
        expected: Some((digest, of.size)),
    })
}

/// A path below the archive's root, without `.`; one that leads elsewhere, or is too long to be kept,
/// is refused.
fn plain(path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().len() > MAX_PATH {
        return Err(bad("the name of a part is too long"));
    }
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            _ => return Err(bad("the name of a part leads elsewhere")),
        }
    }
    Ok(plain)
}

fn same(found: &Digest, wanted: &Digest, name: &Path) -> io::Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(bad(&format!(
        "{} has the digest {}, not {}",
        name.display(),
        found.0,
        wanted.0
    )))
}

fn bad(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

/// Passes bytes on and keeps their digest.
struct Hashed<R> {
    from: R,
    context: Context,
}

impl<R> Hashed<R> {
    fn new(from: R) -> Self {
        Self {
            from,
            context: Context::new(&SHA256),
        }
    }

    fn digest(self) -> Digest {
        Digest::of(self.context)
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.context.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
