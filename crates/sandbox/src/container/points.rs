//! The file tree of a container: which mounts the runtime is to make, in order, and the places they
//! lie on.
//!
//! The places are made here and not by the runtime: it would make them as a user whose files an
//! ordinary user could not remove, and it would follow links. Over an image they lie in a folder of
//! the bundle, above it in a read-only overlay, so that nothing is ever written into the image.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::container::beneath;
use crate::container::bundle::Bundle;
use crate::container::config::OciMount;
use crate::container::helper::Helper;
use crate::error::SandboxError;
use crate::floor::{INIT, OURS, TMP_BYTES, visible};
use crate::spec::{Mount, Spec};
use crate::user::{HostUser, Stage, as_owner};

/// What an overlay's options give a meaning to, in the path of a folder.
const SEPARATORS: [char; 3] = [':', ',', '\\'];

/// What there is to mount on what, and where the ports are.
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
    pub(crate) mounts: Vec<OciMount>,
    pub(crate) ports: Vec<(u16, PathBuf)>,
    /// To be mounted before the runtime starts, when it mounts none itself.
    pub(crate) overlay: Option<Overlay>,
}

/// The layers of an image's root, read-only, and where they are to be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overlay {
    /// The kernel's option.
    pub(crate) layers: String,
    pub(crate) at: PathBuf,
}

/// What has to be there for something to lie on it, or to be there itself.
#[derive(Clone, Copy)]
pub(crate) enum Point<'a> {
    Folder,
    File,
    Link(&'a Path),
}

/// What an earlier mount put at its target.
enum Laid {
    /// Memory: the number of its mount, which then starts with what is made for it.
    Memory(usize),
    /// A folder of the host that the container can only read.
    Shown(PathBuf),
    /// One that it can write.
    Written(PathBuf),
}

/// An image's folder, when it can be one.
pub(crate) fn image(folder: &Path) -> Result<PathBuf, SandboxError> {
    let invalid = |why: &str| SandboxError::Invalid {
        what: format!("image {}: {why}", folder.display()),
    };
    if !folder.is_absolute() {
        return Err(invalid("its path must be absolute"));
    }
    let real = folder
        .canonicalize()
        .map_err(|error| invalid(&error.to_string()))?;
    if !real.is_dir() {
        return Err(invalid("it is no folder"));
    }
    if real == Path::new("/") {
        return Err(invalid("this machine's own root is no image"));
    }
    let name = real.to_str().unwrap_or(",");
    if name.contains(SEPARATORS) {
        return Err(invalid(
            "its path must be UTF-8 and hold no colon, comma or backslash; move it",
        ));
    }
    // A home or a folder of data is none, and would be shown whole.
    let has = |name: &str| std::fs::symlink_metadata(real.join(name)).is_ok();
    if !has("etc") || !(has("usr") || has("bin")) {
        return Err(invalid(
            "it is no root of a file system: it has no etc, or neither usr nor bin",
        ));
    }
    Ok(real)
}

/// Plans the mounts of `spec` and makes their places in `bundle`.
pub(crate) fn lay_out(
    spec: &Spec,
    image: Option<PathBuf>,
    helper: &Helper,
    bundle: &Bundle,
    cast: Option<&(HostUser, Stage)>,
) -> Result<Layout, SandboxError> {
    let own_kernel = bundle.runtime().has_own_kernel();
    let mounts_layers = bundle.runtime().mounts_layers();
    if !mounts_layers && image.is_some() && cast.is_none() {
        return Err(SandboxError::Setup {
            step: "mount the image",
            detail: format!(
                "{} mounts no overlay, and this process has no mounts of its own to make one in",
                bundle.runtime().name()
            ),
            mend: "start it as the machine's root, or install runc: apt-get install runc",
        });
    }
    let mut tree = Tree {
        cast,
        own_kernel,
        mounts_layers,
        overlay: None,
        places: if image.is_some() {
            bundle.points()
        } else {
            bundle.root()
        },
        image,
        laid: Vec::new(),
        mounts: Vec::new(),
    };
    tree.floor(spec.limits.tmp_bytes.unwrap_or(TMP_BYTES))?;
    for (number, mount) in visible(&spec.mounts).enumerate() {
        tree.mount(mount, number, bundle)?;
    }
    if tree.image.is_some() {
        // Our helper's loader reads it before any wall of ours is up: it would be the image's code.
        let nothing = Mount::File {
            contents: Vec::new(),
            target: "/etc/ld.so.preload".into(),
        };
        tree.mount(&nothing, spec.mounts.len(), bundle)?;
    }
    tree.show(&spec.init.program, Path::new(INIT))?;
    for (source, target) in &helper.files {
        tree.show(source, target)?;
    }
    let mut ports = Vec::new();
    for port in &spec.ports {
        let inside = Path::new(OURS).join(format!("port-{}", port.port));
        tree.show(&port.socket, &inside)?;
        ports.push((port.port, inside));
    }
    let root = tree.as_seen(&bundle.root()).to_path_buf();
    if own_kernel {
        tree.mounts.iter_mut().for_each(OciMount::for_own_kernel);
    }
    let at = root.clone();
    Ok(Layout {
        overlay: tree.overlay.map(|layers| Overlay { layers, at }),
        root,
        mounts: tree.mounts,
        ports,
    })
}

struct Tree<'a> {
    cast: Option<&'a (HostUser, Stage)>,
    /// The folder in which places are made.
    places: PathBuf,
    image: Option<PathBuf>,
    laid: Vec<(PathBuf, Laid)>,
    mounts: Vec<OciMount>,
    own_kernel: bool,
    mounts_layers: bool,
    /// The layers, where the runtime is not to mount them.
    overlay: Option<String>,
}

impl Tree<'_> {
    /// What every container has, whatever was asked for.
    fn floor(&mut self, tmp_bytes: u64) -> Result<(), SandboxError> {
        if let Some(image) = &self.image {
            let [places, image] =
                [&self.places, image].map(|folder| self.as_seen(folder).display());
            let layers = format!("lowerdir={places}:{image}");
            if self.mounts_layers {
                self.mounts.push(OciMount::overlay(layers));
            } else {
                self.overlay = Some(layers);
            }
        }
        for folder in ["/proc", "/dev", "/tmp", OURS] {
            self.place(Path::new(folder), Point::Folder)?;
        }
        let tmp = fs::Permissions::from_mode(0o1777);
        fs::set_permissions(self.places.join("tmp"), tmp).map_err(io_error())?;
        self.mounts.extend(OciMount::floor(tmp_bytes));
        if self.own_kernel {
            self.mounts.push(OciMount::nothing("/sys"));
        }
        self.laid
            .push(("/tmp".into(), Laid::Memory(self.mounts.len())));
        self.mounts
            .push(OciMount::memory(Path::new("/tmp"), tmp_bytes, "mode=1777")?);
        Ok(())
    }

    fn mount(&mut self, mount: &Mount, number: usize, bundle: &Bundle) -> Result<(), SandboxError> {
        match mount {
            Mount::ReadOnly { source, target } => {
                self.show(source, target)?;
                self.laid
                    .push((target.clone(), Laid::Shown(source.clone())));
            }
            Mount::ReadWrite { source, target } => {
                self.bind(source, target, false)?;
                self.laid
                    .push((target.clone(), Laid::Written(source.clone())));
            }
            Mount::Tmpfs { target, size_bytes } => {
                self.place(target, Point::Folder)?;
                self.laid
                    .push((target.clone(), Laid::Memory(self.mounts.len())));
                // To the runtime of an ordinary user there is no other user.
                let own = if geteuid().is_root() {
                    "mode=0755,uid=1000,gid=1000"
                } else {
                    "mode=0755"
                };
                self.mounts
                    .push(OciMount::memory(target, *size_bytes, own)?);
            }
            Mount::Symlink { points_to, target } => self.place(target, Point::Link(points_to))?,
            Mount::File { contents, target } => {
                let file = bundle.write_file(number, contents).map_err(io_error())?;
                self.place(target, Point::File)?;
                let files = bundle.files();
                let name = file.strip_prefix(&files).unwrap_or(&file);
                let seen = self.as_seen(&files).join(name);
                self.mounts
                    .push(OciMount::bind(&seen, target, Point::File, true)?);
            }
        }
        Ok(())
    }

    fn show(&mut self, source: &Path, target: &Path) -> Result<(), SandboxError> {
        self.bind(source, target, true)
    }

    fn bind(&mut self, source: &Path, target: &Path, read: bool) -> Result<(), SandboxError> {
        let found = source
            .metadata()
            .map_err(|cause| SandboxError::MountSource {
                path: source.to_path_buf(),
                target: target.to_path_buf(),
                cause,
            })?;
        let point = if found.is_dir() {
            Point::Folder
        } else {
            Point::File
        };
        self.place(target, point)?;
        let seen = self.as_seen(source);
        self.mounts.push(OciMount::bind(seen, target, point, read)?);
        Ok(())
    }

    /// Where the runtime finds a path of the host.
    fn as_seen<'b>(&'b self, source: &'b Path) -> &'b Path {
        self.cast.map_or(source, |(_, stage)| stage.place(source))
    }

    /// Makes sure that `target` is there for a mount, or is the link it should be.
    fn place(&mut self, target: &Path, point: Point<'_>) -> Result<(), SandboxError> {
        let over = self.laid.iter().rev().find_map(|(folder, laid)| {
            let below = target.strip_prefix(folder).ok()?;
            (!below.as_os_str().is_empty()).then_some((folder, laid, below))
        });
        match over {
            None => self.in_root(target, point),
            Some((folder, Laid::Memory(_), _))
                if self.own_kernel && matches!(point, Point::Link(_)) =>
            {
                Err(SandboxError::Invalid {
                    what: format!(
                        "a link at {}: the runtime runsc makes none in a folder in memory, and {} is one; make it elsewhere, or run it with runc",
                        target.display(),
                        folder.display()
                    ),
                })
            }
            Some((folder, Laid::Memory(number), _)) => {
                let (folder, number) = (folder.clone(), *number);
                self.must_be_empty(&folder)?;
                if let Some(memory) = self.mounts.get_mut(number) {
                    memory.starts_with_what_is_below();
                }
                self.in_root(target, point)
            }
            Some((_, Laid::Shown(source), below)) => in_shown(&source.join(below), target, point),
            Some((_, Laid::Written(source), below)) => (self.made_beneath(source, below, point))
                .map_err(|error| lies_badly(target, &error)),
        }
    }

    /// In an overlay of the user's nobody else makes anything.
    fn made_beneath(&self, source: &Path, below: &Path, point: Point<'_>) -> io::Result<()> {
        let owner = source.metadata()?;
        match self.cast {
            Some((user, _)) if user.uid() == owner.uid() => {
                as_owner((owner.uid(), owner.gid()), || {
                    beneath::make(source, below, point)
                })?
            }
            _ => beneath::make(source, below, point),
        }
    }

    /// What is made for a folder in memory must be all that it starts with.
    fn must_be_empty(&self, folder: &Path) -> Result<(), SandboxError> {
        let Some(image) = &self.image else {
            return Ok(());
        };
        let there = image.join(folder.strip_prefix("/").unwrap_or(folder));
        let empty = fs::read_dir(there).map_or(true, |mut entries| entries.next().is_none());
        if empty {
            return Ok(());
        }
        Err(SandboxError::Invalid {
            what: format!(
                "a mount lies in the folder in memory at {}, where the image has files; mount it elsewhere",
                folder.display()
            ),
        })
    }

    /// In the root itself: over what the image has there, if it is no link on the way.
    fn in_root(&self, target: &Path, point: Point<'_>) -> Result<(), SandboxError> {
        let mut made = self.places.clone();
        let mut there = self.image.clone();
        let below = target.strip_prefix("/").unwrap_or(target);
        let count = below.components().count();
        for (at, part) in below.components().enumerate() {
            made.push(part);
            if let Some(there) = &mut there {
                there.push(part);
            }
            let last = at + 1 == count;
            let image = there
                .as_ref()
                .and_then(|path| fs::symlink_metadata(path).ok());
            let is_link = image.as_ref().is_some_and(fs::Metadata::is_symlink);
            if is_link && !(last && matches!(point, Point::Link(_))) {
                return Err(SandboxError::Invalid {
                    what: format!(
                        "a mount at {}: the image has a link on the way; mount it where the link leads",
                        target.display()
                    ),
                });
            }
            let mode = image
                .filter(fs::Metadata::is_dir)
                .map_or(0o755, |found| found.permissions().mode() & 0o7777);
            let done = match point {
                Point::File if last => make_file(&made),
                Point::Link(points_to) if last => symlink(points_to, &made),
                _ => make_folder(&made, mode),
            };
            done.map_err(|error| lies_badly(target, &error))?;
        }
        Ok(())
    }
}

fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // A link made for an earlier mount is no way either.
            let is_folder = fs::symlink_metadata(path)?.is_dir();
            is_folder
                .then_some(())
                .ok_or(io::ErrorKind::NotADirectory.into())
        }
        Err(error) => Err(error),
    }
}

fn make_file(path: &Path) -> io::Result<()> {
    match fs::File::create_new(path) {
        Err(error)
            if error.kind() == io::ErrorKind::AlreadyExists
                && fs::symlink_metadata(path)?.is_file() =>
        {
            Ok(())
        }
        made => made.map(drop),
    }
}

/// Below a folder of the host that is shown as it is: it has the place, or it has not.
fn in_shown(path: &Path, target: &Path, point: Point<'_>) -> Result<(), SandboxError> {
    let fits = match point {
        Point::Folder => path.is_dir(),
        Point::File => path.exists() && !path.is_dir(),
        Point::Link(points_to) => fs::read_link(path).is_ok_and(|found| found == points_to),
    };
    if fits {
        return Ok(());
    }
    Err(SandboxError::Setup {
        step: "make the place of a mount",
        detail: format!("{} is not there to be mounted on", target.display()),
        mend: "it lies in a folder that an earlier mount shows read-only: mount it earlier or elsewhere",
    })
}

fn lies_badly(target: &Path, error: &io::Error) -> SandboxError {
    SandboxError::Setup {
        step: "make the place of a mount",
        detail: format!("{}: {error}", target.display()),
        mend: "look for a link or a file on the way there, and mount it elsewhere",
    }
}

fn io_error() -> impl FnOnce(io::Error) -> SandboxError {
    SandboxError::io("make the container's root")
}
