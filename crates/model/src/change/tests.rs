use super::*;
use proptest::prelude::*;

/// Made by git 2.47 with the switches of `freehold_git::Store::diff`, over the names and kinds of
/// content that are hard to read.
const REAL: &[u8] = include_bytes!("real.diff");

fn shown(diff: &[u8], files_max: usize) -> Vec<String> {
    let changes = changes(diff, files_max);
    let files = changes.files.iter().map(|file| {
        let from = file.old_path.as_deref();
        format!(
            "{:?} {}{} +{} -{}{} {:?}",
            file.status,
            file.path,
            from.map(|from| format!(" from {from}")).unwrap_or_default(),
            file.additions,
            file.deletions,
            if file.binary { " binary" } else { "" },
            file.flags
        )
    });
    let total = format!(
        "+{} -{}{}",
        changes.additions,
        changes.deletions,
        if changes.truncated { " truncated" } else { "" }
    );
    files.chain([total]).collect()
}

#[test]
fn a_diff_of_gits_counts_as_git_counts() {
    assert_eq!(
        shown(REAL, 100),
        [
            "Modified becomes-link +1 -1 [Symlink]",
            "Added copy.txt +4 -0 []",
            "Modified crlf.txt +1 -1 []",
            "Modified dir b/x b +1 -0 []",
            "Added empty.txt +0 -0 []",
            "Deleted gone.txt +0 -1 []",
            "Renamed harmless.txt from .github/workflows/ci.yml +0 -0 [Ci]",
            "Modified image.bin +0 -0 binary []",
            "Modified latin\u{fffd}.txt +1 -1 []",
            "Renamed new b/name.txt from old name.txt +1 -0 []",
            "Added new.sh +2 -0 [Executable]",
            "Modified noend.txt +1 -1 []",
            "Added packäge.json +1 -0 []",
            "Modified plain.txt +2 -1 []",
            "Modified sub +1 -1 [Submodule]",
            "Modified tab\there \"q\" \\ +1 -0 []",
            "Mode tool.sh +0 -0 [Executable]",
            "Modified tricky.txt +3 -1 []",
            "Added web/Package.JSON +1 -0 [BuildScript]",
            "+21 -8",
        ]
    );
}

#[test]
fn a_crowd_of_plain_files_hides_none_that_matters() {
    assert_eq!(
        shown(REAL, 7),
        [
            "Modified becomes-link +1 -1 [Symlink]",
            "Added copy.txt +4 -0 []",
            "Renamed harmless.txt from .github/workflows/ci.yml +0 -0 [Ci]",
            "Added new.sh +2 -0 [Executable]",
            "Modified sub +1 -1 [Submodule]",
            "Mode tool.sh +0 -0 [Executable]",
            "Added web/Package.JSON +1 -0 [BuildScript]",
            "+21 -8 truncated",
        ]
    );
    assert_eq!(shown(REAL, 0), ["+21 -8 truncated"]);
}

#[test]
fn names_where_only_the_first_line_has_them() {
    let cases: [(&str, &str); 6] = [
        ("a/x b/x", "x"),
        ("a/x b/y b/x b/y", "x b/y"),
        ("a/ b/ b/ b/", " b/"),
        (r#""a/\303\244 b" "b/\303\244 b""#, "ä b"),
        (r#""a/\"b/\\" "b/\"b/\\""#, r#""b/\"#),
        ("nonsense", "nonsense"),
    ];
    for (line, path) in cases {
        let diff = format!("diff --git {line}\nnew file mode 100644\nindex 0..e\n");
        let found = changes(diff.as_bytes(), 9);
        let paths: Vec<&str> = found.files.iter().map(|file| &*file.path).collect();
        assert_eq!(paths, [path], "{line}");
    }
}

#[test]
fn copies_and_renames_of_quoted_names() {
    let diff = b"diff --git a/run b/bin/run\nsimilarity index 90%\ncopy from run\ncopy to bin/run\nindex 1..2 100755\n--- a/run\n+++ b/bin/run\n@@ -1 +1 @@\n-a\n+b\ndiff --git \"a/\\tx\" b/y\nsimilarity index 100%\nrename from \"\\tx\"\nrename to y\n";
    assert_eq!(
        shown(diff, 9),
        [
            "Copied bin/run from run +1 -1 [Executable]",
            "Renamed y from \tx +0 -0 []",
            "+1 -1"
        ]
    );
}

#[test]
fn binary_files_without_their_content_and_lines_that_end_as_on_windows() {
    let diff = b"diff --git a/p.png b/p.png\r\ndeleted file mode 100644\r\nindex 1..0\r\nBinary files a/p.png and /dev/null differ\r\ndiff --git a/t b/t\r\nindex 1..2 100644\r\n--- a/t\r\n+++ b/t\r\n@@ -1,2 +1,2 @@\r\n-a\r\n+b\r\n\r\n";
    assert_eq!(
        shown(diff, 9),
        [
            "Deleted p.png +0 -0 binary []",
            "Modified t +1 -1 []",
            "+1 -1"
        ]
    );
}

/// A hunk that says less or more than it holds, or is cut, changes no other file's place.
#[test]
fn what_a_hunk_says_of_itself_is_held_against_its_lines() {
    let file = |hunk: &str| format!("diff --git a/x b/x\n--- a/x\n+++ b/x\n{hunk}\n");
    let next = "diff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -0,0 +1 @@\n+1\n";
    for (hunk, counted) in [
        ("@@ -1,0 +1,1 @@\n+a\n+b\n--- a/z\n+++ b/z", (1, 0)),
        ("@@ -1,9 +1,9 @@\n+a\n-b", (1, 1)),
        ("@@ -1 +1 @@\n@@ -1 +1,1 @@\n+a", (1, 0)),
        ("@@ -1,99999999999999999999 +1 @@\n+a", (0, 0)),
        ("@@ -1 @@\n+a", (0, 0)),
        ("@@ -x,1 +1 @@\n-a", (0, 0)),
    ] {
        let diff = file(hunk) + next;
        let found = changes(diff.as_bytes(), 9);
        let files: Vec<_> = found
            .files
            .iter()
            .map(|f| (&*f.path, f.additions, f.deletions))
            .collect();
        assert_eq!(files, [("x", counted.0, counted.1), ("y", 1, 0)], "{hunk}");
    }
}

fn flags(path: &str) -> Vec<Flag> {
    let mut flags: Vec<Flag> = trusted(path).map(|row| row.flag).collect();
    flags.dedup();
    flags
}

#[test]
fn paths_are_told_by_their_parts() {
    use Flag::*;
    for (path, flag) in [
        (".github/workflows/ci.yml", Ci),
        (".GitHub/Workflows/x/y", Ci),
        ("sub/.gitlab-ci.yml", Ci),
        (".gitlab/build.yml", Ci),
        ("Jenkinsfile.release", Ci),
        ("docs/CODEOWNERS", Ci),
        (".husky/pre-commit", Hook),
        (".husky", Hook),
        ("lefthook-local.yml", Hook),
        (".gitattributes", Hook),
        ("deep/down/CLAUDE.md", AgentConfig),
        (".agentworks/project.toml", AgentConfig),
        ("C\u{200c}laude.md. ", AgentConfig),
        ("\u{17f}kill.md", AgentConfig),
        (".vscode/tasks.json", EditorConfig),
        ("x.code-workspace", EditorConfig),
        (".envrc", EditorConfig),
        (".config/mise/config.toml", EditorConfig),
        ("crates/x/build.rs", BuildScript),
        ("Package.json", BuildScript),
        (".cargo/config.toml", BuildScript),
        ("tests/conftest.py", BuildScript),
        ("Dockerfile.dev", BuildScript),
        ("vite.config.ts", BuildScript),
        ("web/package-lock.json", Lockfile),
        ("requirements/dev.txt", Lockfile),
        ("requirements-dev.txt", Lockfile),
        (".gitmodules", Submodule),
    ] {
        assert_eq!(flags(path), [flag], "{path}");
    }
    for plain in [
        "github/workflows/ci.yml",
        ".github/workflows-old/ci.yml",
        ".githubx/workflows/ci.yml",
        "x/workflows/ci.yml",
        ".github/ISSUE_TEMPLATE.md",
        "my.github/workflows",
        ".vscodex/tasks.json",
        "build.rs/main.txt",
        "xbuild.rs",
        "src/package.json.rs",
        "composer.yml",
        "src.js",
        "docs/requirements.md",
        "",
        "/",
        "README.md",
    ] {
        assert_eq!(flags(plain), [], "{plain}");
    }
}

#[test]
fn the_table_is_written_as_it_is_read() {
    let mut seen = std::collections::HashSet::new();
    for row in TRUSTED {
        assert!(!row.why.is_empty() && !row.paths.is_empty());
        for path in row.paths {
            assert!(seen.insert(path), "twice: {path}");
            let example = path.replace('*', "1");
            assert_eq!(path.to_lowercase(), **path);
            assert!(
                path.matches('*').count() <= 1
                    && path.trim_end_matches('/').matches('/').count() <= 1
            );
            assert!(trusted(&example).any(|found| found == row), "{path}");
            if let Some(folder) = path.strip_suffix('/') {
                let inside = format!("a/{folder}/b/c");
                assert!(trusted(&inside).any(|found| found == row), "{path}");
            }
        }
    }
}

/// A file as a person would make one, and what is to be read of it.
#[derive(Debug, Clone)]
struct Made {
    name: String,
    hunks: Vec<Vec<(char, String)>>,
    windows: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let text = prop_oneof![
        Just("--- a/x".to_owned()),
        Just("-- a/x".to_owned()),
        Just("++ b/x".to_owned()),
        Just("diff --git a/x b/x".to_owned()),
        Just("@@ -1,9 +1,9 @@".to_owned()),
        Just("GIT binary patch".to_owned()),
        Just("rename from x".to_owned()),
        "[ -~äß\r]{0,12}",
    ];
    let line = (prop::sample::select(vec![' ', '+', '-']), text);
    let hunk = prop::collection::vec(line, 1..9);
    let name = prop_oneof!["[a-z ]{1,6}( b/[a-z ]{1,4})?", "[a-zäß\"\\\\\t\n ]{1,8}"];
    (name, prop::collection::vec(hunk, 0..4), any::<bool>()).prop_map(|(name, hunks, windows)| {
        Made {
            name,
            hunks,
            windows,
        }
    })
}

fn quoted(prefix: &str, name: &str) -> String {
    let whole = format!("{prefix}{name}");
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) && !b"\"\\".contains(&byte);
    if whole.bytes().all(plain) {
        return whole;
    }
    let escaped: String = whole
        .bytes()
        .map(|byte| match byte {
            b'\t' => r"\t".to_owned(),
            b'\n' => r"\n".to_owned(),
            b'"' | b'\\' => format!("\\{}", char::from(byte)),
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("\\{byte:03o}"),
        })
        .collect();
    format!("\"{escaped}\"")
}

impl Made {
    fn diff(&self) -> String {
        let (old, new) = (quoted("a/", &self.name), quoted("b/", &self.name));
        let tab = if self.name.contains(' ') { "\t" } else { "" };
        let end = if self.windows { "\r\n" } else { "\n" };
        let mut diff = format!("diff --git {old} {new}{end}index 1..2 100644{end}");
        if !self.hunks.is_empty() {
            diff += &format!("--- {old}{tab}{end}+++ {new}{tab}{end}");
        }
        for hunk in &self.hunks {
            let without = |sign| hunk.iter().filter(|line| line.0 != sign).count();
            diff += &format!("@@ -1,{} +1,{} @@ fn x(){end}", without('+'), without('-'));
            for (sign, text) in hunk {
                diff += &format!("{sign}{text}{end}");
            }
            diff += "\\ No newline at end of file\n";
        }
        diff
    }

    fn count(&self, sign: char) -> u64 {
        let lines = self.hunks.iter().flatten();
        lines.filter(|line| line.0 == sign).count() as u64
    }
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(files in prop::collection::vec(made(), 0..6)) {
        let diff: String = files.iter().map(Made::diff).collect();
        let found = changes(diff.as_bytes(), 10);
        let read: Vec<_> = found
            .files
            .iter()
            .map(|f| (f.path.clone(), f.additions, f.deletions, f.old_path.clone()))
            .collect();
        let wrote: Vec<_> = files
            .iter()
            .map(|f| (f.name.clone(), f.count('+'), f.count('-'), None))
            .collect();
        prop_assert_eq!(read, wrote);
    }

    #[test]
    fn nothing_stops_it(parts in prop::collection::vec(prop_oneof![
        prop::collection::vec(any::<u8>(), 0..24),
        prop::sample::select(REAL.split(|b| *b == b'\n').collect::<Vec<_>>()).prop_map(<[u8]>::to_vec),
        Just(b"@@ -1,18446744073709551615 +1,18446744073709551615 @@".to_vec()),
        Just(b"diff --git \"".to_vec()),
        Just(b"rename to \"\\777\\".to_vec()),
    ], 0..60), files_max in 0usize..4) {
        let diff = parts.join(&b'\n');
        let found = changes(&diff, files_max);
        prop_assert!(found.files.len() <= files_max);
        let lines = diff.iter().filter(|b| **b == b'\n').count() as u64 + 1;
        prop_assert!(found.additions + found.deletions <= lines);
    }
}

#[test]
fn settings_of_agents_are_told_from_words_for_them() {
    for path in [
        ".claude/settings.json",
        ".claude/skills/x/SKILL.md",
        "packages/a/.Claude/settings.json",
        ".mcp.json",
        "opencode.json",
        ".opencode/plugin/a.js",
        ".codex/config.toml",
        ".gemini",
        ".cursorrules",
    ] {
        assert!(is_agent_settings(path), "{path}");
    }
    for path in [
        "AGENTS.md",
        "docs/CLAUDE.md",
        ".agentworks/project.toml",
        "package.json",
        ".github/workflows/ci.yml",
        "src/claude/settings.json",
        "README.md",
    ] {
        assert!(!is_agent_settings(path), "{path}");
    }
}

#[test]
fn what_machines_act_on_does_not_land_without_a_person() {
    let one = |path: &str, mode: &str| {
        let diff = format!(
            "diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
        );
        blocks_automatic_landing(&changes(diff.as_bytes(), 10))
    };
    for path in [
        ".github/workflows/ci.yml",
        ".husky/pre-commit",
        "deep/in/hooks/post-checkout",
        "bare.repo/objects/info/alternates",
        "bare.repo/config.worktree",
        "x/.gitattributes",
        ".lfsconfig",
        ".claude/settings.json",
        ".Claude/Settings.json",
        "AGENTS.md",
        ".vscode/tasks.json",
        ".devcontainer/devcontainer.json",
        ".envrc",
        "package.json",
        "Cargo.lock",
        ".gitmodules",
        ".agentworks/project.toml",
    ] {
        assert!(one(path, "100644"), "{path}");
    }
    assert!(one("link", "120000"), "a link may lead anywhere");
    assert!(one("sub", "160000"), "another repository");
    for path in [
        "src/lib.rs",
        "README.md",
        "hooks/useThing.ts",
        "config",
        "docs/claude.txt",
    ] {
        assert!(!one(path, "100644"), "{path}");
    }
    assert!(
        !one("tool.sh", "100755"),
        "a program waits for whoever starts it"
    );
    let many = Changes {
        truncated: true,
        ..Changes::default()
    };
    assert!(
        blocks_automatic_landing(&many),
        "what is not listed was not looked at"
    );
    assert!(!blocks_automatic_landing(&Changes::default()));
}
