//! How people come in, with the real program: a server that puts its mail into a directory, an owner
//! whom its operator makes, and somebody who is invited.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use freehold_postgres::{Options, Postgres};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::harness::Installation;
use super::procs::until;

const PASSWORD: &str = "a tall blue horse";

/// A server without a runner, and its database.
struct House {
    here: Installation,
    url: String,
    server: Child,
    _postgres: Postgres,
    runtime: tokio::runtime::Runtime,
}

impl House {
    fn start(more: &[&str]) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let here = Installation::down(&[]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let options = Options::new(here.beside("postgres"));
        let started = freehold_postgres::start(options, CancellationToken::new());
        let postgres = runtime.block_on(started).unwrap();
        let addresses = json!({ "owner": postgres.owner_url(), "app": postgres.app_url() });
        fs::write(here.data().join("database.json"), addresses.to_string()).unwrap();
        let mut server = here
            .program(&["server", "--listen", "127.0.0.1:0"])
            .args(more)
            .arg("--data")
            .arg(here.data())
            .arg("--mail-dir")
            .arg(here.beside("mail"))
            .stdout(Stdio::piped())
            .stderr(here.log("server"))
            .spawn()
            .unwrap();
        let mut line = String::new();
        let said = BufReader::new(server.stdout.take().unwrap()).read_line(&mut line);
        said.unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self {
            url: ready["url"].as_str().unwrap().to_owned(),
            here,
            server,
            _postgres: postgres,
            runtime,
        }
    }

    /// A command on the server's own machine.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.here.program(&["--json"]);
        command.args(args).arg("--data").arg(self.here.data());
        command
    }

    /// What a command printed, which ended well.
    fn ok(&self, args: &[&str]) -> Value {
        let output = self.command(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// `POST`, as a page does.
    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = reqwest::Client::new()
            .post(format!("{}/api/v1{path}", self.url))
            .json(body);
        self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let text = response.text().await.unwrap();
            (status, serde_json::from_str(&text).unwrap_or_default())
        })
    }

    /// The token of the mail to that address.
    fn mailed(&self, to: &str) -> String {
        until("a mail", || {
            for entry in fs::read_dir(self.here.beside("mail")).ok()?.flatten() {
                let mode = entry.metadata().unwrap().permissions().mode();
                let text = fs::read_to_string(entry.path()).unwrap();
                if !text.contains(&format!("To: {to}\r\n")) {
                    continue;
                }
                assert_eq!(mode & 0o777, 0o600, "others read mails");
                let link = text.split_once("https://freehold.example.org/join#")?.1;
                return Some(link.lines().next()?.trim().to_owned());
            }
            None
        })
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ended = self.server.kill();
        let _reaped = self.server.wait();
    }
}

#[test]
fn the_operator_makes_an_owner_who_invites_somebody() {
    let house = House::start(&["--public-url", "https://freehold.example.org"]);
    let restored = house.ok(&["admin", "owner", "--email", "Grace@example.org"]);
    let token = restored["token"].as_str().unwrap();
    assert!(restored["link"].as_str().unwrap().ends_with(token));
    let (status, _) = house.post(
        "/password/reset",
        &json!({ "token": token, "password": PASSWORD }),
    );
    assert_eq!(status, 204);
    let who = json!({ "email": "grace@example.org", "password": PASSWORD });
    let (status, session) = house.post("/sign-in/password", &who);
    assert_eq!(status, 200, "{session}");

    let as_grace = |args: &[&str]| {
        let mut command = house.here.program(&["--json"]);
        command
            .args(args)
            .env("FREEHOLD_URL", &house.url)
            .env("FREEHOLD_TOKEN", session["token"].as_str().unwrap());
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {text}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(as_grace(&["whoami"])["role"], "owner");
    as_grace(&["invite", "create", "ada@example.org", "--role", "viewer"]);
    as_grace(&["invite", "create", "eve@example.org"]);
    let accept = |to: &str| {
        let body = json!({ "token": house.mailed(to), "password": PASSWORD, "name": "Somebody" });
        house.post("/invitations/accept", &body)
    };
    assert_eq!(accept("ada@example.org").0, 200);
    house.ok(&["admin", "seats", "3"]);
    let (status, refused) = accept("eve@example.org");
    assert_eq!((status, &refused["code"]), (409, &json!("seats_taken")));
    house.ok(&["admin", "seats", "none"]);
    assert_eq!(accept("eve@example.org").0, 200);
    as_grace(&["member", "edit", "ada@example.org", "--review", "true"]);
    as_grace(&["member", "remove", "eve@example.org", "--yes"]);
    let members = as_grace(&["member", "list"]);
    let mut roles: Vec<String> = members["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| {
            format!(
                "{} {} {}",
                member["email"], member["role"], member["review"]
            )
        })
        .collect();
    roles.sort();
    let wanted = [
        r#""ada@example.org" "viewer" true"#,
        r#""grace@example.org" "owner" false"#,
    ];
    assert_eq!(roles[..2], wanted);
    assert!(
        roles.len() == 3 && roles[2].starts_with("null \"owner\""),
        "{roles:?}"
    );
    let states = as_grace(&["invite", "list"]);
    assert!(
        states["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["state"] == "accepted")
    );

    // Whoever does not hold the address of the database's owner restores nobody.
    let file = house.here.data().join("database.json");
    let mut addresses: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    addresses["owner"] = "postgres://nobody@127.0.0.1:1/none".into();
    fs::write(&file, addresses.to_string()).unwrap();
    let refused = house
        .command(&["admin", "owner", "--email", "eve@example.org"])
        .output()
        .unwrap();
    assert!(!refused.status.success() && refused.stdout.is_empty());
}

#[test]
fn what_a_server_is_told_about_mail_is_looked_at_before_it_serves() {
    let here = Installation::down(&[]);
    let secret = here.beside("smtp");
    fs::write(&secret, "smtps://user:hunter2@mail.example.org").unwrap();
    let secret = secret.to_str().unwrap();
    let refused = |args: &[&str], mode: u32, because: &str| {
        fs::set_permissions(secret, fs::Permissions::from_mode(mode)).unwrap();
        let mut command = here.program(&["--json", "server", "--listen", "127.0.0.1:0"]);
        command.args(args).arg("--data").arg(here.data());
        command.env("MAIL", "smtp://user:hunter2@mail.example.org");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{args:?}");
        assert!(
            said.contains(because) && !said.contains("hunter2"),
            "{args:?}: {said}"
        );
    };
    refused(
        &["--smtp-file", secret],
        0o644,
        "others than its owner can read it",
    );
    refused(&["--smtp-env", "MAIL"], 0o600, "unencrypted");
    refused(&["--smtp-env", "NOT_SET"], 0o600, "NOT_SET is not set");
    refused(&["--registration", "open"], 0o600, "this server sends none");
    refused(
        &["--registration", "sometimes"],
        0o600,
        "open, invited or closed",
    );
    refused(&["--public-url", "ftp://x"], 0o600, "no web address");
    refused(
        &["--smtp-file", secret, "--mail-from", "a b"],
        0o600,
        "no e-mail address",
    );
    // What is right goes on to the next thing that is missing.
    refused(
        &["--smtp-file", secret, "--mail-from", "a@b.example"],
        0o600,
        "database.json",
    );
}
