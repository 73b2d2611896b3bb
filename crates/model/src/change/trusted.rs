//! The table of what machines execute or trust by themselves, by path.
//!
//! One rule for each flag (see [`Flag`]), and one for all: at any depth, because a folder of the
//! repository can be what is opened, built or published; and rather once too often than missed.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Flag;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trusted {
    /// What it is.
    pub flag: Flag,
    /// Who executes or trusts it, as the end of "because …".
    pub why: &'static str,
    /// In lower case: `name` is a file; `folder/` is everything in it, or a file or link of that
    /// name; `folder/name` and `folder/folder/` say where it stands; one `*` in the last word
    /// stands for any characters.
    pub paths: &'static [&'static str],
}

macro_rules! table {
    ($($flag:ident $why:literal: $($path:literal)*;)*) => {
        /// Every row.
        pub const TRUSTED: &[Trusted] =
            &[$(Trusted { flag: Flag::$flag, why: $why, paths: &[$($path),*] },)*];
    };
}

table! {
    Ci "GitHub runs it": ".github/workflows/" ".github/actions/" "action.yml" "action.yaml";
    Ci "GitHub acts on it": ".github/dependabot.yml" ".github/dependabot.yaml" ".github/settings.yml" ".github/codeql/";
    Ci "the forge asks the people it names to approve, and nobody else": "codeowners";
    Ci "GitLab runs it": ".gitlab-ci.yml" ".gitlab-ci.yaml" "*.gitlab-ci.yml" ".gitlab/*.yml" ".gitlab/ci/" ".gitlab/agents/";
    Ci "Forgejo or Gitea runs it": ".forgejo/workflows/" ".forgejo/actions/" ".gitea/workflows/" ".gitea/actions/";
    Ci "sourcehut runs it": ".build.yml" ".builds/";
    Ci "Bitbucket runs it": "bitbucket-pipelines.yml";
    Ci "Azure runs it": "azure-pipelines*.yml" "azure-pipelines*.yaml" ".azure-pipelines/" ".azuredevops/" ".azure/pipelines/" ".pipelines/";
    Ci "Jenkins runs it": "jenkinsfile*" "*.jenkinsfile";
    Ci "a build service runs it": ".circleci/" ".travis.yml" ".drone.yml" ".drone.star" ".drone.jsonnet" ".woodpecker.yml" ".woodpecker.yaml" ".woodpecker/" ".buildkite/" ".cirrus.yml" ".cirrus.star" ".semaphore/" ".teamcity/" "appveyor.yml" ".appveyor.yml" "wercker.yml" "codefresh.yml" ".codefresh/" "bamboo-specs/" ".tekton/" ".harness/" ".concourse/";
    Ci "a cloud's build service runs it": "cloudbuild*.yaml" "cloudbuild*.yml" "cloudbuild*.json" "buildspec*.yml" "buildspec*.yaml" "amplify.yml";
    Ci "a hosting service builds and publishes what it says": "netlify.toml" "vercel.json" "render.yaml" "heroku.yml" "procfile" "wrangler.toml" "wrangler.jsonc" ".readthedocs.yaml" ".readthedocs.yml";
    Ci "a bot changes or merges code as it says": "renovate.json" "renovate.json5" ".renovaterc" ".renovaterc.json" ".mergify.yml" ".mergify/" ".kodiak.toml" "bors.toml";

    Hook "git runs it once a person has switched hooks on": ".githooks/" ".git-hooks/" ".hooks/";
    Hook "a hook manager runs it": ".husky/" "lefthook*.yml" "lefthook*.yaml" "lefthook*.toml" "lefthook*.json" ".lefthook*" ".pre-commit-config.yaml" ".pre-commit-config.yml" ".pre-commit-hooks.yaml" ".overcommit.yml" ".lintstagedrc*" "simple-git-hooks.*" ".simple-git-hooks.*" "captainhook.json" ".huskyrc*" "prek.toml";
    Hook "git runs it where hooks are taken from its folder": "hooks/applypatch-msg" "hooks/commit-msg" "hooks/fsmonitor-watchman" "hooks/post-applypatch" "hooks/post-checkout" "hooks/post-commit" "hooks/post-index-change" "hooks/post-merge" "hooks/post-rewrite" "hooks/pre-applypatch" "hooks/pre-auto-gc" "hooks/pre-commit" "hooks/pre-merge-commit" "hooks/pre-push" "hooks/pre-rebase" "hooks/prepare-commit-msg" "hooks/reference-transaction" "hooks/sendemail-validate" "hooks/pre-receive" "hooks/update" "hooks/post-receive" "hooks/post-update" "hooks/push-to-checkout" "hooks/proc-receive";
    Hook "git takes a folder with it for a repository, and its settings for its own": "info/alternates" "info/http-alternates" "info/attributes" "config.worktree" "commondir" "packed-refs" "gitdir";
    Hook "git chooses filters, merges and what a diff hides by it": ".gitattributes";
    Hook "git reads it where a person included it": ".gitconfig";
    Hook "git-lfs sends to and fetches from where it says": ".lfsconfig";

    AgentConfig "Freehold's runners take setup, checks and toolchains from it": ".agentworks/";
    AgentConfig "agents of any make read it as instructions": "agents.md" "agents.override.md" "agent.md" ".agents/" ".agent/" ".rules" "skill.md";
    AgentConfig "agents start the programs that it names": ".mcp.json" "mcp.json" ".mcp/";
    AgentConfig "Claude Code reads instructions, permissions and hooks from it": "claude.md" "claude.local.md" ".claude/" ".claude.json" ".claude-plugin/";
    AgentConfig "Codex reads instructions and settings from it": ".codex/" "codex.md";
    AgentConfig "Gemini or Qwen reads instructions and settings from it": "gemini.md" ".gemini/" "qwen.md" ".qwen/";
    AgentConfig "opencode reads instructions, permissions and plugins from it": ".opencode/" "opencode.json" "opencode.jsonc" "opencode.md";
    AgentConfig "Copilot reads instructions from it": "copilot-instructions.md" ".github/instructions/" ".github/prompts/" ".github/agents/" ".github/chatmodes/" ".github/skills/" ".github/hooks/" ".copilot/" "copilot-setup-steps.yml";
    AgentConfig "Cursor or Windsurf reads instructions from it": ".cursor/" ".cursorrules" ".windsurf/" ".windsurfrules";
    AgentConfig "a coding agent reads instructions or settings from it": ".clinerules/" ".cline/" ".roo/" ".roomodes" ".roorules*" ".kilocode/" ".aider*" ".continue/" ".continuerules" ".goose/" ".goosehints" ".kiro/" ".junie/" ".amazonq/" ".augment/" ".augment-guidelines" ".crush/" "crush.json" ".crush.json" "crush.md" ".factory/" ".openhands/" ".trae/" ".devin/" "warp.md" ".zencoder/" ".amp/" ".pi/";

    EditorConfig "VS Code takes tasks, programs and settings from it": ".vscode/" "*.code-workspace";
    EditorConfig "the editor builds and starts the container that it describes": ".devcontainer/" ".devcontainer.json" ".gitpod.yml" ".gitpod.dockerfile" "devfile.yaml" ".devfile.yaml";
    EditorConfig "the editor takes settings or programs from it": ".idea/" "*.iml" "*.ipr" ".fleet/" ".vs/" ".zed/" "*.sublime-project" ".vim/" ".nvim/" ".exrc" ".vimrc" ".nvimrc" ".nvim.lua" ".lvimrc" ".dir-locals.el" ".dir-locals-2.el" ".helix/" ".theia/" ".swiftpm/" ".run/";
    EditorConfig "the shell runs it when a person enters the directory": ".envrc" ".autoenv" ".autoenv.zsh";
    EditorConfig "a version manager chooses and fetches programs by it": "mise.toml" "mise.*.toml" ".mise.toml" ".mise.*.toml" "mise/config.toml" "mise/conf.d/" ".mise/" ".tool-versions" "devbox.json" "devenv.nix" "devenv.yaml" ".prototools" ".sdkmanrc" ".flox/" ".hermit/";

    BuildScript "cargo runs it": "build.rs" ".cargo/" "cargo.toml" "rust-toolchain" "rust-toolchain.toml" ".config/nextest.toml";
    BuildScript "a package manager of JavaScript runs its scripts": "package.json" "package.json5" "package.yaml" ".npmrc" ".yarnrc" ".yarnrc.yml" ".yarn/" ".pnpmfile.cjs" ".pnpmfile.mjs" ".pnp.cjs" ".pnp.loader.mjs" "pnpm-workspace.yaml" "bunfig.toml" "deno.json" "deno.jsonc" "lerna.json" "node_modules/";
    BuildScript "the build or the test runs it as its settings": "*.config.js" "*.config.cjs" "*.config.mjs" "*.config.ts" "*.config.cts" "*.config.mts" ".*rc.js" ".*rc.cjs" ".*rc.mjs" ".babelrc" ".babelrc.json" "gruntfile.*" "gulpfile.*" "karma.conf.*" "wscript" "jakefile*" "justfile" ".justfile" "taskfile.yml" "taskfile.yaml" "nx.json" "turbo.json";
    BuildScript "a compiler of native modules runs it": "binding.gyp" "*.gyp" "*.gypi" "extconf.rb";
    BuildScript "pip or another installer of Python runs it, or the build backend that it names": "setup.py" "setup.cfg" "pyproject.toml" "uv.toml" "hatch_build.py" "pixi.toml";
    BuildScript "Python runs it by itself at its start or in a test": "conftest.py" "sitecustomize.py" "usercustomize.py" "*.pth" "pytest.ini" ".pytest.ini" "tox.ini" "noxfile.py";
    BuildScript "bundler or rake runs it": "gemfile" "gems.rb" "*.gemspec" "rakefile*" "*.rake" ".bundle/" ".irbrc" ".pryrc";
    BuildScript "Gradle runs it": "*.gradle" "*.gradle.kts" "gradlew" "gradlew.bat" "gradle.properties" "gradle/wrapper/" "gradle/init.d/" "buildsrc/";
    BuildScript "Maven, Ant or sbt runs it": "pom.xml" "mvnw" "mvnw.cmd" ".mvn/" "build.xml" "*.sbt" "build.sc" "build.mill" ".sbtopts" ".jvmopts" "deps.edn" "project.clj" "build.clj";
    BuildScript "MSBuild or NuGet runs it": "*.csproj" "*.fsproj" "*.vbproj" "*.vcxproj" "*.props" "*.targets" "*.sln" "*.slnx" "nuget.config" "global.json" "dotnet-tools.json" "*.cake";
    BuildScript "make runs it": "makefile*" "gnumakefile" "*.mk" "*.mak";
    BuildScript "a build system of C and its kin runs it": "cmakelists.txt" "*.cmake" "cmakepresets.json" "cmakeuserpresets.json" "configure" "configure.ac" "configure.in" "meson.build" "meson.options" "meson_options.txt" "sconstruct" "sconscript" "xmake.lua" "premake5.lua" "build.zig" "build.zig.zon" "conanfile.py" "conanfile.txt" "vcpkg.json" "tup.config" "tupfile";
    BuildScript "Bazel, Buck or Pants runs it": "build.bazel" "workspace" "workspace.bazel" "module.bazel" ".bazelrc" "*.bzl" "buck" ".buckconfig" "pants.toml" "pants.ini";
    BuildScript "nix or guix runs it": "*.nix" "guix.scm" "manifest.scm";
    BuildScript "a container's build or start runs it": "dockerfile*" "*.dockerfile" "containerfile*" "docker-compose*.yml" "docker-compose*.yaml" "compose.yml" "compose.yaml" "compose.*.yml" "compose.*.yaml" "docker-bake.hcl" "docker-bake.json" "earthfile" "vagrantfile" "skaffold.yaml" "tiltfile";
    BuildScript "the language's package manager runs it": "composer.json" "package.swift" "podfile" "*.podspec" "cartfile" "mix.exs" "rebar.config" "rebar.config.script" "*.cabal" "cabal.project" "cabal.project.local" "stack.yaml" "setup.hs" "setup.lhs" "makefile.pl" "build.pl" "dune" "dune-project" "*.opam" "deps/build.jl" "hook/build.dart" "pubspec.yaml" "*.rockspec" "shard.yml" "*.nimble" "gleam.toml" "foundry.toml" "fastfile" "spago.dhall";

    Lockfile "cargo fetches what it names": "cargo.lock";
    Lockfile "a package manager of JavaScript fetches what it names": "package-lock.json" "npm-shrinkwrap.json" "pnpm-lock.yaml" "yarn.lock" "bun.lock" "bun.lockb" "deno.lock";
    Lockfile "an installer of Python fetches what it names": "poetry.lock" "uv.lock" "pdm.lock" "pipfile" "pipfile.lock" "pixi.lock" "pylock*.toml" "requirements*.txt" "requirements*.in" "constraints*.txt" "requirements/*.txt" "requirements/*.in" "environment.yml" "environment.yaml" "conda-lock.yml";
    Lockfile "go fetches what it names": "go.mod" "go.sum" "go.work" "go.work.sum";
    Lockfile "the package manager fetches what it names": "gemfile.lock" "gems.locked" "composer.lock" "flake.lock" "podfile.lock" "package.resolved" "cartfile.resolved" "mix.lock" "rebar.lock" "pubspec.lock" "gradle.lockfile" "verification-metadata.xml" "libs.versions.toml" "packages.lock.json" "packages.config" "paket.lock" "paket.dependencies" "conan.lock" "cabal.project.freeze" "stack.yaml.lock" "manifest.toml" "module.bazel.lock" "npins/" "shard.lock" "nimble.lock" "mise.lock" "devbox.lock" "devenv.lock" "dub.selections.json" ".terraform.lock.hcl" "chart.lock";

    Submodule "git fetches other repositories from where it says": ".gitmodules";
}

/// The rows that a path falls under.
pub fn trusted(path: &str) -> impl Iterator<Item = &'static Trusted> {
    let words: Vec<String> = path.split('/').map(fold).collect();
    let mut rows = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let is_last = at + 1 == words.len();
        let parent = at.checked_sub(1).and_then(|at| words.get(at));
        INDEX.find(word, parent.map(String::as_str), is_last, &mut rows);
    }
    rows.sort_unstable();
    rows.dedup();
    rows.into_iter().filter_map(|row| TRUSTED.get(row))
}

/// Whether a coding agent takes settings from the path by itself: programs that it starts, what it
/// may do, where its model is. Instructions in words (`AGENTS.md`) are none, and neither is our own
/// project file, which is read from the target branch alone.
#[must_use]
pub fn is_agent_settings(path: &str) -> bool {
    let settings = |path: &str| {
        trusted(path)
            .any(|row| row.flag == Flag::AgentConfig && !row.paths.contains(&".agentworks/"))
    };
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let below = !folder.is_empty() && settings(&format!("{folder}/x"));
    below || (!fold(name).ends_with(".md") && settings(path))
}

/// A word of a path as the most forgiving file system understands it: no case (APFS, NTFS), no
/// dots and spaces at the end (Windows), no characters that HFS+ passes over.
fn fold(word: &str) -> String {
    let folded: String = word
        .chars()
        .filter(|c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'))
        // Upwards first: `ſ` and `s`, `K` (Kelvin) and `k` are one.
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    folded.trim_end_matches(['.', ' ']).to_owned()
}

static INDEX: LazyLock<Index> = LazyLock::new(Index::build);

/// The table by the last word of its paths, so that a path costs its own length and not the
/// table's.
#[derive(Default)]
struct Index {
    exact: HashMap<&'static str, Vec<Place>>,
    /// With what stands before and after the `*`.
    open: Vec<(&'static str, &'static str, Place)>,
}

struct Place {
    row: usize,
    is_folder: bool,
    parent: Option<&'static str>,
}

impl Index {
    fn build() -> Self {
        let mut index = Self::default();
        let rows = TRUSTED.iter().enumerate();
        for (row, path) in rows.flat_map(|(at, row)| row.paths.iter().map(move |path| (at, path))) {
            let bare = path.strip_suffix('/');
            let words = bare.unwrap_or(path);
            let (parent, word) = match words.rsplit_once('/') {
                Some((parent, word)) => (Some(parent), word),
                None => (None, words),
            };
            let is_folder = bare.is_some();
            let place = Place {
                row,
                is_folder,
                parent,
            };
            match word.split_once('*') {
                Some((before, after)) => index.open.push((before, after, place)),
                None => index.exact.entry(word).or_default().push(place),
            }
        }
        index
    }

    fn find(&self, word: &str, parent: Option<&str>, is_last: bool, rows: &mut Vec<usize>) {
        let exact = self.exact.get(word).into_iter().flatten();
        let fits = |(before, after, _): &&(&str, &str, Place)| {
            let middle = word.strip_prefix(before);
            middle.is_some_and(|middle| middle.ends_with(after))
        };
        // A folder is never named by a `*`.
        let open = self.open.iter().filter(|_| is_last).filter(fits);
        for place in exact.chain(open.map(|(_, _, place)| place)) {
            let stands = place.parent.is_none() || place.parent == parent;
            if stands && (is_last || place.is_folder) {
                rows.push(place.row);
            }
        }
    }
}
