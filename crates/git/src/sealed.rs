//! The sealed environment that every git process starts from.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::{Credentials, Git};

impl Git {
    /// The environment of a git process. Only commands that talk to a remote see credentials.
    pub(crate) fn environment(&self, network: bool) -> Vec<(OsString, OsString)> {
        let options = self.options();
        let granted = &options.credentials;
        let home = granted
            .home
            .as_ref()
            .filter(|_| network)
            .map_or(self.home(), PathBuf::as_path);
        let mut env: Vec<(OsString, OsString)> = FIXED_ENV
            .iter()
            .map(|(k, v)| (k.into(), v.into()))
            .collect();
        env.push(("PATH".into(), options.path_env.clone()));
        env.push(("HOME".into(), home.into()));
        if let Some(parent) = self.home().parent() {
            env.push(("GIT_CEILING_DIRECTORIES".into(), parent.into()));
        }
        if network {
            env.push(("GIT_SSH_COMMAND".into(), ssh_command(granted).into()));
            env.extend(
                options
                    .network_env
                    .iter()
                    .filter(|(name, _)| NETWORK_ENV.iter().any(|n| name == n))
                    .cloned(),
            );
            if let Some(agent) = &granted.ssh_agent {
                env.push(("SSH_AUTH_SOCK".into(), agent.into()));
            }
        }
        let idle = options.deadlines.idle.as_secs().max(1).to_string();
        let helper = granted.helper.as_deref().filter(|_| network);
        let fixed = FIXED_CONFIG
            .iter()
            .map(|(key, value)| ((*key).to_owned(), *value));
        let tolerated = ["fetch.fsck", "fsck"].iter().flat_map(|scope| {
            TOLERATED
                .iter()
                .map(move |what| (format!("{scope}.{what}"), "ignore"))
        });
        let given = [
            ("http.lowSpeedTime", Some(idle.as_str())),
            ("credential.helper", helper),
        ];
        let given = given
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        // As numbered variables rather than `-c`: nothing of them shows in process lists.
        let mut count = 0;
        for (key, value) in fixed.chain(tolerated).chain(given) {
            env.push((format!("GIT_CONFIG_KEY_{count}").into(), key.into()));
            env.push((format!("GIT_CONFIG_VALUE_{count}").into(), value.into()));
            count += 1;
        }
        env.push(("GIT_CONFIG_COUNT".into(), count.to_string().into()));
        env
    }
}

/// ssh finds `~` in the password file, not in HOME: without leave its keys and settings stay out.
fn ssh_command(granted: &Credentials) -> String {
    const QUIET: &str = "ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15";
    match granted {
        Credentials {
            ssh_command: Some(own),
            ..
        } => own.clone(),
        Credentials { home: Some(_), .. } => QUIET.into(),
        Credentials {
            ssh_agent: Some(_), ..
        } => format!("{QUIET} -F none -o IdentityFile=/dev/null"),
        _ => format!("{QUIET} -F none -o IdentityFile=/dev/null -o IdentityAgent=none"),
    }
}

/// What of [`crate::Options::network_env`] is passed on; nothing here names a program.
const NETWORK_ENV: &[&str] = &[
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "CURL_CA_BUNDLE",
];

const FIXED_ENV: &[(&str, &str)] = &[
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", ""),
    ("SSH_ASKPASS", ""),
    ("SSH_ASKPASS_REQUIRE", "never"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("LC_ALL", "C"),
];

/// Everything in git that turns configuration or a remote's answer into code or reach, switched off.
const FIXED_CONFIG: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.askPass", ""),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.filesRefLockTimeout", "5000"),
    ("core.packedRefsTimeout", "5000"),
    ("credential.helper", ""),
    ("credential.interactive", "false"),
    ("protocol.allow", "never"),
    ("protocol.https.allow", "always"),
    ("protocol.http.allow", "always"),
    ("protocol.ssh.allow", "always"),
    ("protocol.file.allow", "always"),
    ("safe.bareRepository", "explicit"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1"),
    ("transfer.bundleURI", "false"),
    ("transfer.fsckObjects", "true"),
    ("fetch.fsckObjects", "true"),
    ("fetch.writeCommitGraph", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.gpgSign", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("checkout.workers", "0"),
];

/// Sloppy but harmless metadata that real, old histories hold; what could do harm stays an error.
const TOLERATED: &[&str] = &[
    "badTimezone",
    "badEmail",
    "badName",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "multipleAuthors",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_sees_keys_only_by_leave() {
        let none = ssh_command(&Credentials::default());
        assert!(
            none.contains("-F none") && none.contains("IdentityAgent=none"),
            "{none}"
        );
        let agent = ssh_command(&Credentials {
            ssh_agent: Some("/a".into()),
            ..Credentials::default()
        });
        assert!(
            agent.contains("-F none") && !agent.contains("IdentityAgent"),
            "{agent}"
        );
    }
}
