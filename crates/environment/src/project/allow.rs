//! `[egress]`: what a project may reach besides its registries. Strict, unlike the rest of the file:
//! a key or an entry that is not understood could be meant to close something.

use std::collections::BTreeSet;

use super::ProjectError;
use super::parse::{Reader, Table, Value};
use crate::endpoint::HostPort;

/// More services than a build speaks with; whoever needs them needs `open`.
const MAX_ALLOW: usize = 32;

impl Reader<'_> {
    /// The list, and whether apt's repositories are among the presets.
    pub(super) fn egress(&self, value: &Value<'_>) -> Result<(Vec<HostPort>, bool), ProjectError> {
        let table = self.table(value, "egress", "[egress]")?;
        let known = |key: &str| ["allow", "presets"].contains(&key);
        if let Some(key) = table.keys().find(|key| !known(key.get_ref())) {
            let name: String = key.get_ref().chars().take(64).collect();
            let problem = "it means nothing here; the keys of [egress] are allow and presets";
            return Err(self.wrong(&key.span(), &format!("egress.{name:?}"), problem));
        }
        Ok((self.allow(table)?, self.presets(table)?))
    }

    fn presets(&self, table: &Table<'_>) -> Result<bool, ProjectError> {
        let Some(presets) = table.get("presets") else {
            return Ok(false);
        };
        let items = presets.get_ref().as_array();
        let is_apt = |item: &Value<'_>| item.get_ref().as_str() == Some("apt");
        if items.is_some_and(|items| items.iter().all(is_apt)) {
            return Ok(items.is_some_and(|items| !items.is_empty()));
        }
        let problem = "write [\"apt\"]: the registries of npm, pip, cargo and go need no preset";
        Err(self.wrong(&presets.span(), "egress.presets", problem))
    }

    fn allow(&self, table: &Table<'_>) -> Result<Vec<HostPort>, ProjectError> {
        let Some(allow) = table.get("allow") else {
            return Ok(Vec::new());
        };
        let shape = "write a list of \"host:port\", such as [\"api.example.com:443\"]";
        let wrong = |value: &Value<'_>, problem: &str| {
            Err(self.wrong(&value.span(), "egress.allow", problem))
        };
        let Some(items) = allow.get_ref().as_array() else {
            return wrong(allow, shape);
        };
        if items.len() > MAX_ALLOW {
            let problem = format!("{} entries; the limit is {MAX_ALLOW}", items.len());
            return wrong(allow, &problem);
        }
        let mut all = BTreeSet::new();
        for item in items {
            let Some(text) = item.get_ref().as_str() else {
                return wrong(item, shape);
            };
            if text.contains('*') {
                return wrong(item, "wildcards are not supported: name each host and port");
            }
            match HostPort::parse(text) {
                Ok(at) => drop(all.insert(at)),
                Err(why) => return wrong(item, &format!("{why}; {shape}")),
            }
        }
        Ok(all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn allow(text: &str) -> Result<Vec<String>, String> {
        match parse(text.as_bytes()) {
            Ok(parsed) => Ok(parsed.file.allow.iter().map(ToString::to_string).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn hosts_with_their_ports_and_nothing_is_nothing() {
        let text =
            "[egress]\nallow = [\"B.Example.:443\", \"a.example:8080\", \"b.example:443\"]\n";
        assert_eq!(allow(text).unwrap(), ["a.example:8080", "b.example:443"]);
        for text in ["", "[egress]\n", "[egress]\nallow = []\n"] {
            assert_eq!(allow(text), Ok(Vec::new()), "{text:?}");
        }
        for (text, apt) in [("['apt']", true), ("[]", false)] {
            let text = format!("[egress]\npresets = {text}\n");
            assert_eq!(parse(text.as_bytes()).unwrap().file.apt, apt, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (entry, words) in [
            ("\"*\"", "wildcards are not supported"),
            ("\"*.example.com:443\"", "wildcards are not supported"),
            ("\"a.example\"", "its port is not"),
            ("\"a.example:443/x\"", "its port is not"),
            ("\"https://a.example\"", "its port is not"),
            ("\"u@a.example:443\"", "a user name"),
            ("\"a.example\\u0000.b.example:443\"", "no host name has"),
            ("\"\"", "port"),
            ("443", "write a list"),
        ] {
            let said = allow(&format!("\n[egress]\nallow = [{entry}]\n")).unwrap_err();
            assert!(
                said.contains("line 3, egress.allow: ") && said.contains(words),
                "{entry}: {said}"
            );
        }
        for (text, words) in [
            (
                "[egress]\ndeny = [\"a.example:443\"]\n",
                "line 2, egress.\"deny\": it means nothing",
            ),
            ("egress = \"none\"\n", "it must be a table"),
            (
                "[egress]\npresets = [\"npm\"]\n",
                "egress.presets: write [\"apt\"]",
            ),
            ("[egress]\npresets = true\n", "write [\"apt\"]"),
            ("[egress]\nallow = \"a.example:443\"\n", "write a list"),
        ] {
            let said = allow(text).unwrap_err();
            assert!(said.contains(words), "{text:?}: {said}");
        }
        let many: String = (0..33).map(|n| format!("\"a{n}.example:443\",")).collect();
        assert!(
            allow(&format!("[egress]\nallow = [{many}]\n"))
                .unwrap_err()
                .contains("limit is 32")
        );
    }
}
