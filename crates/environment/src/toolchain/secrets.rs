//! Where programs keep log-ins below a home. Nothing here is ever shown, whoever asks for it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files and folders, from the home. A folder stands for all that is in it.
const PLACES: [&str; 48] = [
    ".aws",
    ".azure",
    ".bash_history",
    ".boto",
    ".bundle/config",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".composer/auth.json",
    ".config/composer/auth.json",
    ".config/containers/auth.json",
    ".config/doctl",
    ".config/fly",
    ".config/gcloud",
    ".config/gh",
    ".config/git/credentials",
    ".config/glab-cli",
    ".config/hub",
    ".config/op",
    ".config/pip",
    ".config/pypoetry/auth.toml",
    ".config/rclone",
    ".config/sops",
    ".config/uv/credentials",
    ".docker",
    ".fly",
    ".gem/credentials",
    ".git-credentials",
    ".gnupg",
    ".gradle/gradle.properties",
    ".kaggle",
    ".kube",
    ".local/share/keyrings",
    ".local/share/uv/credentials",
    ".m2/settings-security.xml",
    ".m2/settings.xml",
    ".mozilla",
    ".netrc",
    ".npmrc",
    ".nuget/NuGet",
    ".password-store",
    ".pgpass",
    ".pip",
    ".pypirc",
    ".ssh",
    ".terraform.d",
    ".vault-token",
    ".yarnrc.yml",
    ".zsh_history",
];

/// Names that are secrets wherever they lie; looked for in the first levels of a named path.
const NAMES: [&str; 9] = [
    ".env",
    ".git-credentials",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".yarnrc.yml",
    "credentials",
    "credentials.toml",
    "id_rsa",
];

/// The places of secrets of one home, resolved.
#[derive(Debug)]
pub(super) struct Secrets {
    places: BTreeSet<PathBuf>,
}

impl Secrets {
    pub(super) fn of(home: &Path) -> Self {
        let real_home = home.canonicalize().unwrap_or_else(|_| home.to_path_buf());
        let mut places = BTreeSet::new();
        for place in PLACES {
            // Absent places too: a file that appears during a run must not be seen either.
            places.insert(real_home.join(place));
            places.extend(home.join(place).canonicalize().ok());
        }
        Self { places }
    }

    /// Whether a resolved path is, lies in, or holds a place of secrets.
    pub(super) fn touches(&self, real: &Path) -> bool {
        self.hides(real)
            || self
                .places
                .iter()
                .any(|place| place.starts_with(real) && place.exists())
    }

    /// Whether a resolved path is a secret or lies in a folder of secrets.
    pub(super) fn hides(&self, real: &Path) -> bool {
        let named = real
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| NAMES.contains(&name));
        named || self.places.iter().any(|place| real.starts_with(place))
    }

    /// Whether a known place of secrets lies somewhere below, present or not.
    pub(super) fn below(&self, real: &Path) -> bool {
        self.places
            .iter()
            .any(|place| place != real && place.starts_with(real))
    }
}
