//! Reads the file: strict where a mistake would change what runs, lenient on keys it does not know.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{
    Check, DEFAULT_CHECK_TIMEOUT, DEFAULT_SETUP_TIMEOUT, PROJECT_FILE, ProjectFile, Setup,
    parse_timeout,
};

/// A project file is a handful of commands; more is a mistake or an attack on the parser.
const MAX_BYTES: usize = 64 * 1024;
/// More checks than anyone reads in a review.
const MAX_CHECKS: usize = 50;
/// Room for a sentence of shell; a longer one belongs into a script of the repository.
const MAX_COMMAND: usize = 8 * 1024;
/// What fits into a column.
const MAX_NAME: usize = 64;

/// The file, and what to tell its author about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// What it says.
    pub file: ProjectFile,
    /// Keys that mean nothing here, each with its line. Content of the repository: not metadata.
    pub warnings: Vec<String>,
}

/// Why the file was not taken. Each names the line and the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// Too big to be one.
    #[error(
        "{PROJECT_FILE} has {bytes} bytes; the limit is {MAX_BYTES}: move long commands into a script"
    )]
    TooBig {
        /// Its size.
        bytes: usize,
    },
    /// Not text.
    #[error("{PROJECT_FILE} is not UTF-8 text: save it as UTF-8")]
    NotText,
    /// Not TOML.
    #[error("{PROJECT_FILE}, line {line}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What the TOML reader says.
        message: String,
    },
    /// A key with a value that cannot be used.
    #[error("{PROJECT_FILE}, line {line}, {key}: {problem}")]
    Key {
        /// Counted from 1.
        line: usize,
        /// Such as `checks[2].timeout`.
        key: String,
        /// What is wrong and what would be right.
        problem: String,
    },
}

/// Reads the bytes of a project file. An empty file is a project without setup and checks.
///
/// # Errors
/// See [`ProjectError`]. Unknown keys are warnings, so that an older Freehold reads a newer file; but
/// not in `[egress]`, where one could be meant to close something.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ProjectError> {
    if bytes.len() > MAX_BYTES {
        return Err(ProjectError::TooBig { bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ProjectError::NotText)?;
    let document = DeTable::parse(text).map_err(|error| ProjectError::Syntax {
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let mut reader = Reader {
        text,
        warnings: Vec::new(),
    };
    let file = reader.file(document.get_ref())?;
    Ok(Parsed {
        file,
        warnings: reader.warnings,
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

pub(super) type Table<'i> = DeTable<'i>;
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

pub(super) struct Reader<'a> {
    text: &'a str,
    warnings: Vec<String>,
}

impl Reader<'_> {
    fn file(&mut self, table: &Table<'_>) -> Result<ProjectFile, ProjectError> {
        self.warn_unknown(table, "", &["setup", "checks", "egress", "sparse"]);
        let setup = table
            .get("setup")
            .map(|value| self.setup(value))
            .transpose()?;
        let checks = match table.get("checks") {
            Some(value) => self.checks(value)?,
            None => Vec::new(),
        };
        let (allow, apt) = match table.get("egress") {
            Some(value) => self.egress(value)?,
            None => (Vec::new(), false),
        };
        let sparse = match table.get("sparse") {
            Some(value) => self.sparse(value)?,
            None => Vec::new(),
        };
        Ok(ProjectFile {
            setup,
            checks,
            allow,
            apt,
            sparse,
        })
    }

    fn setup(&mut self, value: &Value<'_>) -> Result<Setup, ProjectError> {
        let table = self.table(value, "setup", "[setup]")?;
        self.warn_unknown(table, "setup.", &["command", "timeout"]);
        Ok(Setup {
            command: self.command(table, &value.span(), "setup")?,
            timeout: self.timeout(table, "setup", DEFAULT_SETUP_TIMEOUT)?,
        })
    }

    fn checks(&mut self, value: &Value<'_>) -> Result<Vec<Check>, ProjectError> {
        let Some(items) = value.get_ref().as_array() else {
            return Err(self.wrong(
                &value.span(),
                "checks",
                "write each check as a table of its own: [[checks]]",
            ));
        };
        if items.len() > MAX_CHECKS {
            let problem = format!("{} checks; the limit is {MAX_CHECKS}", items.len());
            return Err(self.wrong(&value.span(), "checks", &problem));
        }
        let mut names = BTreeSet::new();
        let mut checks = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let check = self.check(item, &format!("checks[{}]", index + 1))?;
            if !names.insert(check.name.clone()) {
                let key = format!("checks[{}].name", index + 1);
                return Err(self.wrong(&item.span(), &key, "another check has this name already"));
            }
            checks.push(check);
        }
        Ok(checks)
    }

    fn check(&mut self, item: &Value<'_>, key: &str) -> Result<Check, ProjectError> {
        let table = self.table(item, key, "[[checks]]")?;
        self.warn_unknown(table, &format!("{key}."), &["name", "command", "timeout"]);
        Ok(Check {
            name: self.name(table, &item.span(), key)?,
            command: self.command(table, &item.span(), key)?,
            timeout: self.timeout(table, key, DEFAULT_CHECK_TIMEOUT)?,
        })
    }

    fn name(
        &self,
        table: &Table<'_>,
        whole: &Range<usize>,
        key: &str,
    ) -> Result<String, ProjectError> {
        let (name, span) = self.string(table, whole, key, "name")?;
        let first = name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        let rest = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b" ._-/".contains(&byte));
        if first && rest && name.len() <= MAX_NAME && !name.ends_with(' ') {
            return Ok(name);
        }
        let problem = format!(
            "a name is 1 to {MAX_NAME} of a-z A-Z 0-9 space . _ - / and starts with a letter or digit"
        );
        Err(self.wrong(&span, &format!("{key}.name"), &problem))
    }

    fn command(
        &self,
        table: &Table<'_>,
        whole: &Range<usize>,
        key: &str,
    ) -> Result<String, ProjectError> {
        let (command, span) = self.string(table, whole, key, "command")?;
        let problem = if command.trim().is_empty() {
            "the command is empty".to_owned()
        } else if command.len() > MAX_COMMAND {
            format!(
                "the command has {} bytes; the limit is {MAX_COMMAND}: move it into a script",
                command.len()
            )
        } else if command.contains('\0') {
            "the command holds a NUL character, which no shell takes".to_owned()
        } else {
            return Ok(command);
        };
        Err(self.wrong(&span, &format!("{key}.command"), &problem))
    }

    fn timeout(
        &self,
        table: &Table<'_>,
        key: &str,
        default: Duration,
    ) -> Result<Duration, ProjectError> {
        let Some(value) = table.get("timeout") else {
            return Ok(default);
        };
        let key = format!("{key}.timeout");
        let Some(text) = value.get_ref().as_str() else {
            return Err(self.wrong(
                &value.span(),
                &key,
                "write it in quotes with a unit, such as \"10m\"",
            ));
        };
        parse_timeout(text).map_err(|error| self.wrong(&value.span(), &key, &error.to_string()))
    }

    fn string(
        &self,
        table: &Table<'_>,
        whole: &Range<usize>,
        key: &str,
        name: &str,
    ) -> Result<(String, Range<usize>), ProjectError> {
        let full = format!("{key}.{name}");
        let value = table
            .get(name)
            .ok_or_else(|| self.wrong(whole, &full, "it is missing"))?;
        match value.get_ref().as_str() {
            Some(text) => Ok((text.to_owned(), value.span())),
            None => Err(self.wrong(&value.span(), &full, "it must be a text in quotes")),
        }
    }

    pub(super) fn table<'v, 'i>(
        &self,
        value: &'v Value<'i>,
        key: &str,
        shape: &str,
    ) -> Result<&'v Table<'i>, ProjectError> {
        let problem = format!("it must be a table: {shape}");
        value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.wrong(&value.span(), key, &problem))
    }

    fn warn_unknown(&mut self, table: &Table<'_>, prefix: &str, known: &[&str]) {
        for key in table
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
        {
            let line = line_of(self.text, key.span().start);
            let name: String = key.get_ref().chars().take(MAX_NAME).collect();
            let known = known.join(", ");
            self.warnings.push(format!(
                "{PROJECT_FILE}, line {line}: {prefix}{name:?} means nothing here and is ignored (known: {known})"
            ));
        }
    }

    pub(super) fn wrong(&self, span: &Range<usize>, key: &str, problem: &str) -> ProjectError {
        ProjectError::Key {
            line: line_of(self.text, span.start),
            key: key.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn reads_the_whole_file() {
        let text = "[setup]\ncommand = \"npm ci\"\n\n[[checks]]\nname = \"unit tests\"\ncommand = \"npm test\"\ntimeout = \"90s\"\n[[checks]]\nname = \"lint\"\ncommand = '''\nset -e\nnpm run lint'''\n";
        let parsed = parse(text.as_bytes()).unwrap();
        assert!(parsed.warnings.is_empty());
        let setup = parsed.file.setup.unwrap();
        assert_eq!(
            (setup.command.as_str(), setup.timeout.as_secs()),
            ("npm ci", 1800)
        );
        assert_eq!(parsed.file.checks[0].timeout.as_secs(), 90);
        assert_eq!(parsed.file.checks[1].timeout.as_secs(), 600);
        assert_eq!(parsed.file.checks[1].command, "set -e\nnpm run lint");
        assert_eq!(parse(b"").unwrap().file, ProjectFile::default());
    }

    #[test]
    fn an_error_names_line_and_key() {
        let check = |rest: &str| format!("\n[[checks]]\nname = \"a\"\ncommand = \"b\"\n{rest}");
        for (text, line, key) in [
            ("[setup]\n".to_owned(), 1, "setup.command: it is missing"),
            (
                "[setup]\ncommand = 3\n".to_owned(),
                2,
                "setup.command: it must be a text",
            ),
            (
                "[setup]\ncommand = \"  \"\n".to_owned(),
                2,
                "setup.command: the command is empty",
            ),
            (
                "[setup]\ncommand = \"a\\u0000b\"\n".to_owned(),
                2,
                "setup.command: the command holds a NUL",
            ),
            (
                "setup = \"npm ci\"\n".to_owned(),
                1,
                "setup: it must be a table: [setup]",
            ),
            (
                "[checks]\nname = \"a\"\n".to_owned(),
                1,
                "checks: write each check",
            ),
            (
                check("timeout = \"10\"\n"),
                5,
                "checks[1].timeout: write a whole number",
            ),
            (
                check("timeout = 10\n"),
                5,
                "checks[1].timeout: write it in quotes",
            ),
            (
                check("timeout = \"25h\"\n"),
                5,
                "checks[1].timeout: a timeout is at least",
            ),
            (check(&check("")), 6, "checks[2].name: another check"),
            (
                "[[checks]]\ncommand = \"b\"\nname = \"../\u{202e}\"\n".to_owned(),
                3,
                "checks[1].name: a name is",
            ),
            (
                "[[checks]]\ncommand = \"b\"\n".to_owned(),
                1,
                "checks[1].name: it is missing",
            ),
        ] {
            let said = error(&text);
            assert!(
                said.contains(&format!("line {line}, {key}")),
                "{text:?} said: {said}"
            );
        }
        assert!(error("[setup]\ncommand = \n").contains("line 2"));
    }

    #[test]
    fn an_unknown_key_is_a_warning() {
        let text = "color = 1\n[setup]\ncommand = \"x\"\nshell = \"bash\"\n[[checks]]\nname = \"a\"\ncommand = \"b\"\nretry = 2\n";
        let parsed = parse(text.as_bytes()).unwrap();
        let lines: Vec<&str> = parsed
            .warnings
            .iter()
            .filter_map(|text| text.split(": ").next())
            .collect();
        assert_eq!(lines.len(), 3);
        for (warning, part) in parsed.warnings.iter().zip([
            "line 1: \"color\"",
            "line 4: setup.\"shell\"",
            "line 8: checks[1].\"retry\"",
        ]) {
            assert!(warning.contains(part), "{warning}");
        }
    }

    #[test]
    fn limits_hold() {
        assert_eq!(
            parse(&vec![b'#'; MAX_BYTES + 1]),
            Err(ProjectError::TooBig {
                bytes: MAX_BYTES + 1
            })
        );
        assert_eq!(parse(&[b'a', 0xff]), Err(ProjectError::NotText));
        let many: String = (0..=MAX_CHECKS)
            .map(|n| format!("[[checks]]\nname = \"c{n}\"\ncommand = \"x\"\n"))
            .collect();
        assert!(error(&many).contains("the limit is 50"));
        assert!(
            error(&format!(
                "[setup]\ncommand = \"{}\"\n",
                "x".repeat(MAX_COMMAND + 1)
            ))
            .contains("limit")
        );
    }
}
