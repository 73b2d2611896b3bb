//! Go: its module proxies and its checksum database, as `go env` reports them.

use std::path::Path;

use serde_json::{Map, Value};

use super::Registries;
use crate::ask::{AskError, Asker};

const CLIENT: &str = "go";
const KEYS: [&str; 6] = [
    "GOPROXY",
    "GOSUMDB",
    "GOPRIVATE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOINSECURE",
];

pub(super) async fn learn(asker: &Asker) -> Registries {
    let args: Vec<&str> = ["env", "-json"].into_iter().chain(KEYS).collect();
    match asker.ask(CLIENT, &args, &[("GOTOOLCHAIN", "local")]).await {
        Ok(text) => read(
            asker.home(),
            &serde_json::from_str(&text).unwrap_or_default(),
        ),
        Err(AskError::Absent) => Registries::default(),
        Err(problem) => Registries {
            warnings: vec![format!(
                "go's module proxy is not known: {problem}. Try `go env GOPROXY`"
            )],
            ..Registries::default()
        },
    }
}

fn read(home: &Path, settings: &Map<String, Value>) -> Registries {
    let mut found = Registries::default();
    let text = |key: &str| {
        settings
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let mut proxies = String::new();
    for part in text("GOPROXY").split_inclusive([',', '|']) {
        let (proxy, separator) = match part.strip_suffix([',', '|']) {
            Some(proxy) => (proxy.trim(), part.get(part.len() - 1..).unwrap_or(",")),
            None => (part.trim(), ""),
        };
        let kept = match proxy {
            "direct" | "off" | "" => Some(proxy.to_owned()),
            _ if proxy.starts_with("file://") => {
                let path = Path::new(proxy.trim_start_matches("file://"));
                (path.is_absolute() && found.show(home, path, CLIENT)).then(|| proxy.to_owned())
            }
            _ => found.configured(proxy, CLIENT).map(|url| url.to_string()),
        };
        if let Some(kept) = kept {
            proxies.push_str(&kept);
            proxies.push_str(separator);
        }
    }
    found.env.insert("GOPROXY".into(), proxies);
    // `name`, `name+key` or `name+key url`; a bare name is its own host.
    let database = text("GOSUMDB");
    let mut words = database.split_whitespace();
    match (words.next(), words.next()) {
        (Some("off") | None, _) => {}
        (Some(_), Some(url)) => drop(found.configured(url, CLIENT)),
        (Some(name), None) => {
            let host = name.split('+').next().unwrap_or(name);
            found.configured(&format!("https://{host}"), CLIENT);
        }
    }
    for key in KEYS
        .into_iter()
        .filter(|key| *key != "GOPROXY" && !text(key).is_empty())
    {
        found.env.insert(key.into(), text(key).to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_and_the_checksum_database() {
        let settings = serde_json::json!({
            "GOPROXY": "https://me:secret@proxy.example/go,http://127.0.0.1:3000|direct",
            "GOSUMDB": "sum.example+abc",
        });
        let found = read(Path::new("/nowhere"), settings.as_object().unwrap());
        let allowed: Vec<String> = found
            .allow
            .iter()
            .map(|entry| entry.at.to_string())
            .collect();
        assert_eq!(
            allowed,
            ["proxy.example:443", "127.0.0.1:3000", "sum.example:443"]
        );
        assert_eq!(
            found.env["GOPROXY"],
            "https://proxy.example/go,http://127.0.0.1:3000/|direct"
        );
        assert_eq!(
            format!("{:?}", found.log_ins),
            "[LogIn(proxy.example:443/)]"
        );
        assert!(!format!("{found:?}").contains("secret"));
    }

    #[test]
    fn off_is_nothing() {
        let settings = serde_json::json!({"GOPROXY": "off", "GOSUMDB": "off"});
        assert_eq!(
            read(Path::new("/nowhere"), settings.as_object().unwrap()).allow,
            []
        );
    }
}
