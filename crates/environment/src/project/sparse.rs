//! `sparse`: the folders of a large repository that a workspace holds.

use super::ProjectError;
use super::parse::{Reader, Value};

/// More folders than anyone lists by hand.
const MAX_FOLDERS: usize = 200;
/// Longest path of one.
const MAX_PATH: usize = 1024;

impl Reader<'_> {
    pub(super) fn sparse(&self, value: &Value<'_>) -> Result<Vec<String>, ProjectError> {
        let wrong =
            |value: &Value<'_>, problem: &str| Err(self.wrong(&value.span(), "sparse", problem));
        let shape = "write a list of folders, such as [\"services/api\", \"libs\"]";
        let Some(items) = value.get_ref().as_array() else {
            return wrong(value, shape);
        };
        if items.is_empty() {
            return wrong(
                value,
                "it names no folder: leave the key out to have all files",
            );
        }
        if items.len() > MAX_FOLDERS {
            let problem = format!("{} folders; the limit is {MAX_FOLDERS}", items.len());
            return wrong(value, &problem);
        }
        let mut folders = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref().as_str() {
                Some(folder) if is_plain(folder) => folders.push(folder.to_owned()),
                _ => {
                    let problem = format!(
                        "each is a path from the root without `..`, patterns or control characters; {shape}"
                    );
                    return wrong(item, &problem);
                }
            }
        }
        Ok(folders)
    }
}

fn is_plain(folder: &str) -> bool {
    let folder = folder.strip_suffix('/').unwrap_or(folder);
    let special = |c: char| c.is_control() || r"\*?[]!#:".contains(c);
    let odd = |part: &str| matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git");
    folder.len() <= MAX_PATH && !folder.contains(special) && !folder.split('/').any(odd)
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn folders_are_plain_paths() {
        let parsed = parse(br#"sparse = ["services/api/", "libs"]"#).unwrap();
        assert_eq!(parsed.file.sparse, ["services/api/", "libs"]);
        assert!(parsed.warnings.is_empty());
        for bad in [
            r#"sparse = []"#,
            r#"sparse = "libs""#,
            r#"sparse = [1]"#,
            r#"sparse = ["/etc"]"#,
            r#"sparse = ["a/../b"]"#,
            r#"sparse = ["a*"]"#,
            r#"sparse = ["a//b"]"#,
            r#"sparse = [""]"#,
            r#"sparse = ["x/.GIT"]"#,
            r#"sparse = ["a\nb"]"#,
        ] {
            let error = parse(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("line 1, sparse"), "{bad}: {error}");
        }
    }
}
