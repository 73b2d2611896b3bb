//! Where tools put their programs. A line here is all it takes to know one more.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{Host, View};

/// A tool's root: the variable that moves it, where it is by default, and what of it is shown.
struct Tool {
    /// The variable that names the root, and that is set inside when the tool is there.
    var: Option<&'static str>,
    /// From the home, or absolute.
    root: &'static str,
    /// What of the root holds programs; `.` is all of it, where nothing else lies there.
    shows: &'static [&'static str],
}

const fn tool(var: &'static str, root: &'static str, shows: &'static [&'static str]) -> Tool {
    Tool {
        var: Some(var),
        root,
        shows,
    }
}

const fn place(root: &'static str, shows: &'static [&'static str]) -> Tool {
    Tool {
        var: None,
        root,
        shows,
    }
}

const TOOLS: [Tool; 34] = [
    // CARGO_HOME itself moves into the sandbox's home: see `redirect`.
    place(".cargo/bin", &["."]),
    tool("RUSTUP_HOME", ".rustup", &["settings.toml", "toolchains"]),
    tool(
        "PYENV_ROOT",
        ".pyenv",
        &[
            "bin",
            "completions",
            "libexec",
            "plugins",
            "pyenv.d",
            "shims",
            "version",
            "versions",
        ],
    ),
    tool(
        "NVM_DIR",
        ".nvm",
        &["alias", "nvm-exec", "nvm.sh", "versions"],
    ),
    tool("VOLTA_HOME", ".volta", &["bin", "tools"]),
    tool("FNM_DIR", ".local/share/fnm", &["aliases", "node-versions"]),
    tool(
        "ASDF_DATA_DIR",
        ".asdf",
        &[
            "asdf.sh", "bin", "installs", "lib", "libexec", "plugins", "shims",
        ],
    ),
    tool(
        "MISE_DATA_DIR",
        ".local/share/mise",
        &["bin", "installs", "shims"],
    ),
    tool(
        "RBENV_ROOT",
        ".rbenv",
        &["bin", "libexec", "plugins", "shims", "version", "versions"],
    ),
    tool(
        "NODENV_ROOT",
        ".nodenv",
        &["bin", "libexec", "plugins", "shims", "version", "versions"],
    ),
    tool(
        "GOENV_ROOT",
        ".goenv",
        &["bin", "libexec", "plugins", "shims", "version", "versions"],
    ),
    tool(
        "JENV_ROOT",
        ".jenv",
        &["bin", "libexec", "shims", "version", "versions"],
    ),
    tool("SDKMAN_DIR", ".sdkman", &["bin", "candidates"]),
    tool("BUN_INSTALL", ".bun", &["bin"]),
    tool("DENO_INSTALL", ".deno", &["bin"]),
    tool(
        "GHCUP_INSTALL_BASE_PREFIX",
        ".ghcup",
        &["bin", "cache", "ghc"],
    ),
    tool(
        "DOTNET_ROOT",
        ".dotnet",
        &["dotnet", "host", "packs", "sdk", "shared", "templates"],
    ),
    tool("PNPM_HOME", ".local/share/pnpm", &["."]),
    place("go/bin", &["."]),
    place("sdk", &["."]),
    place(".go/bin", &["."]),
    place(".local/bin", &["."]),
    place(".local/pipx/venvs", &["."]),
    place(".local/share/pipx/venvs", &["."]),
    place(".local/share/uv/python", &["."]),
    place(".local/share/uv/tools", &["."]),
    place(".local/lib/node_modules", &["."]),
    place(".npm-global", &["bin", "lib"]),
    place(".yarn/bin", &["."]),
    place(".poetry/bin", &["."]),
    place(".juliaup", &["bin"]),
    place("/nix/store", &["."]),
    place(
        "/home/linuxbrew/.linuxbrew",
        &["Cellar", "bin", "lib", "opt", "sbin", "share"],
    ),
    place("/snap/bin", &["."]),
];

/// Whole Pythons that people unpack into their home.
const CONDA: [&str; 5] = [
    "anaconda3",
    "mambaforge",
    "miniconda3",
    "miniforge3",
    "micromamba",
];

/// Programs in `~/.local/bin` are often links into places that are on no list.
const MAX_LINKS: usize = 300;

pub(super) fn show(host: &Host, sandbox_home: &Path, view: &mut View) {
    for tool in &TOOLS {
        let root = root_of(tool, host);
        let shown: Vec<bool> = tool
            .shows
            .iter()
            .map(|part| show_part(&root, part, view))
            .collect();
        if let Some(var) = tool.var.filter(|_| shown.contains(&true)) {
            view.env
                .insert(var.to_owned(), root.to_string_lossy().into_owned());
        }
    }
    for name in CONDA {
        let root = host.home.join(name);
        if root.join("bin").is_dir() {
            view.show(&root);
        }
    }
    show_linked_programs(&host.home.join(".local/bin"), view);
    redirect(sandbox_home, view);
}

fn root_of(tool: &Tool, host: &Host) -> PathBuf {
    let moved = tool
        .var
        .and_then(|var| host.env.get(var))
        .map(PathBuf::from)
        .filter(|root| root.is_absolute());
    match (moved, tool.root) {
        (Some(root), _) => root,
        // The one tool whose variable names the parent of what is shown.
        (None, ".cargo/bin") => match host
            .env
            .get("CARGO_HOME")
            .map(PathBuf::from)
            .filter(|home| home.is_absolute())
        {
            Some(home) => home.join("bin"),
            None => host.home.join(".cargo/bin"),
        },
        (None, root) => host.home.join(root),
    }
}

fn show_part(root: &Path, part: &str, view: &mut View) -> bool {
    let path = if part == "." {
        root.to_path_buf()
    } else {
        root.join(part)
    };
    path.exists() && view.show(&path)
}

/// What tools write goes into the sandbox's own home.
fn redirect(sandbox_home: &Path, view: &mut View) {
    let inside = |path: &str| sandbox_home.join(path).to_string_lossy().into_owned();
    for (var, path) in [
        ("CARGO_HOME", ".cargo"),
        ("GOPATH", "go"),
        ("GOCACHE", ".cache/go-build"),
    ] {
        view.env.insert(var.to_owned(), inside(path));
    }
    // A read-only RUSTUP_HOME cannot take a toolchain: fail with the name of the missing one at once.
    view.env
        .insert("RUSTUP_AUTO_INSTALL".to_owned(), "0".to_owned());
}

/// Shows the program behind each link of a folder of programs: that one file, and only if it is one.
fn show_linked_programs(bin: &Path, view: &mut View) {
    if !view.sees(bin) {
        return;
    }
    for entry in fs::read_dir(bin)
        .into_iter()
        .flatten()
        .flatten()
        .take(MAX_LINKS)
    {
        if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
            continue;
        }
        let Ok(real) = entry.path().canonicalize() else {
            continue;
        };
        let program = real
            .metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
        if program && !view.sees(&real) && !view.secrets.hides(&real) {
            view.add(&real, &real);
        }
    }
}

/// A `PATH` entry below `/opt` shows the package it belongs to: `/opt/NAME`, whole.
pub(super) fn show_opt(entry: &Path, view: &mut View) -> bool {
    let Ok(rest) = entry.strip_prefix("/opt") else {
        return false;
    };
    rest.components()
        .next()
        .is_some_and(|name| view.show(&Path::new("/opt").join(name)))
}
