//! A database that fails over to a standby without the last transactions: PostgreSQL as an operator
//! runs it, replicated by streaming, cut, and promoted. F47 of the list of faults.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use freehold_postgres::{APP_ROLE, DATABASE, OWNER_ROLE, PORT, Search, find_binaries};
use nix::unistd::{Uid, User};
use serde_json::Value;
use tempfile::TempDir;

use super::day::{text, work};
use super::harness::{Installation, id};
use super::moved::Elsewhere;
use super::procs::{self, until, within};
use super::remote::{Push, Remote};

/// Its superuser, whatever the user is called that it runs as.
const SUPERUSER: &str = "operator";
/// A server looks at its database every two seconds.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// Two clusters, and the address behind which one of them is.
struct Clusters {
    dir: TempDir,
    bin: PathBuf,
    user: Option<User>,
    running: [Option<Child>; 2],
}

impl Clusters {
    /// A primary, with what an operator makes by hand.
    fn primary() -> Self {
        let search = Search {
            explicit: None,
            pinned: None,
            path: ["/usr/local/bin", "/usr/bin"].map(PathBuf::from).to_vec(),
        };
        let dir = tempfile::Builder::new().prefix("fh-pg-").tempdir().unwrap();
        // Root may not run it, and another user has to get in.
        let named = |name| User::from_name(name).unwrap();
        let user = Uid::effective().is_root();
        let user = user.then(|| named("postgres").or_else(|| named("nobody")).unwrap());
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let mut it = Self {
            dir,
            bin: find_binaries(&search).unwrap().dir,
            user,
            running: [None, None],
        };
        for name in ["socket-0", "socket-1", "data-0", "data-1"] {
            let path = it.dir.path().join(name);
            fs::create_dir(&path).unwrap();
            if let Some(user) = &it.user {
                chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
            }
            let mode = if name.starts_with("data") {
                0o700
            } else {
                0o755
            };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let data = it.data(0);
        it.tool("initdb", &["-A", "trust", "-U", SUPERUSER, "-D", &data]);
        it.start(0);
        for statement in [
            format!("CREATE ROLE {OWNER_ROLE} LOGIN"),
            format!("CREATE ROLE {APP_ROLE} LOGIN"),
            format!("CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}"),
        ] {
            it.sql_in(0, "postgres", &statement);
        }
        it.point_to(0);
        it
    }

    fn data(&self, which: usize) -> String {
        self.in_dir(&format!("data-{which}"))
    }

    fn socket(&self, which: usize) -> String {
        self.in_dir(&format!("socket-{which}"))
    }

    fn in_dir(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// One of its programs, as its user, which ends with us.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = &self.user {
            command.args(["--reuid", &user.uid.to_string()]);
            command.args(["--regid", &user.gid.to_string(), "--clear-groups"]);
        }
        command
            .arg("--")
            .arg(self.bin.join(name))
            .env_clear()
            .env("LANG", "C.UTF-8")
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }

    fn tool(&self, name: &str, args: &[&str]) {
        let done = self.program(name).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{name}: {said}");
    }

    /// One statement; the first column of what it gives.
    fn sql(&self, which: usize, statement: &str) -> String {
        self.sql_in(which, DATABASE, statement)
    }

    fn sql_in(&self, which: usize, database: &str, statement: &str) -> String {
        let mut psql = self.program("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        psql.args(["-h", &self.socket(which), "-U", SUPERUSER, "-d", database]);
        let done = psql.args(["-c", statement]).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{statement}: {said}");
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    fn start(&mut self, which: usize) {
        let (data, socket) = (self.data(which), self.socket(which));
        let log = fs::File::create(self.dir.path().join(format!("log-{which}"))).unwrap();
        let started = self
            .program("postgres")
            .args(["-D", &data, "-k", &socket, "-c", "listen_addresses="])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running[which] = Some(started);
        until("PostgreSQL accepts connections", || {
            let mut ready = self.program("pg_isready");
            let ready = ready.args(["-q", "-h", &socket]).status().unwrap();
            ready.success().then_some(())
        });
    }

    /// As when the machine is gone.
    fn kill(&mut self, which: usize) {
        let mut child = self.running[which].take().unwrap();
        let all = procs::tree(child.id());
        all.into_iter().for_each(procs::kill_9);
        child.wait().unwrap();
    }

    /// The other one follows the first.
    fn replicate(&mut self) {
        let (from, to) = (self.socket(0), self.data(1));
        let words = ["-h", &from, "-U", SUPERUSER, "-D", &to];
        self.tool(
            "pg_basebackup",
            &[&words[..], &["-R", "-X", "stream", "-c", "fast"]].concat(),
        );
        self.start(1);
    }

    /// Waits until the standby has all that the primary has committed.
    fn in_step(&self) {
        let at = self.sql(0, "SELECT pg_current_wal_lsn()");
        until("the standby has it all", || {
            let has = format!("SELECT pg_last_wal_replay_lsn() >= '{at}'");
            (self.sql(1, &has) == "t").then_some(())
        });
    }

    /// The standby hears nothing any more.
    fn cut(&self) {
        self.sql(1, "ALTER SYSTEM SET primary_conninfo = ''");
        self.sql(1, "SELECT pg_reload_conf()");
        until("nothing is streamed", || {
            let count = self.sql(0, "SELECT count(*) FROM pg_stat_replication");
            (count == "0").then_some(())
        });
    }

    fn address(&self) -> PathBuf {
        self.dir.path().join("address")
    }

    /// What servers call the database is this one from now on.
    fn point_to(&self, which: usize) {
        let new = self.dir.path().join("address.new");
        symlink(self.socket(which), &new).unwrap();
        fs::rename(new, self.address()).unwrap();
    }

    /// For `database.json`.
    fn addresses(&self) -> Value {
        let host = self.address().to_str().unwrap().replace('/', "%2F");
        let url =
            |role: &str| format!("postgres:///{DATABASE}?host={host}&port={PORT}&user={role}");
        serde_json::json!({ "owner": url(OWNER_ROLE), "app": url(APP_ROLE) })
    }
}

impl Drop for Clusters {
    fn drop(&mut self) {
        for which in [0, 1] {
            if self.running[which].is_some() {
                self.kill(which);
            }
        }
    }
}

/// `freehold server` over a database of an operator's own.
struct Site {
    here: Installation,
    clusters: Clusters,
    server: Option<Child>,
    /// How often one ended because of its database.
    refused: usize,
}

impl Site {
    fn new() -> Self {
        let here = Installation::down(&[]);
        let clusters = Clusters::primary();
        let addresses = clusters.addresses().to_string();
        fs::write(here.data().join("database.json"), addresses).unwrap();
        let mut it = Self {
            here,
            clusters,
            server: None,
            refused: 0,
        };
        let ready = it.serve("127.0.0.1:0", &[]);
        let client = fs::read(it.here.data().join("client.json")).unwrap();
        let client: Value = serde_json::from_slice(&client).unwrap();
        let line = serde_json::json!({
            "url": ready["url"], "token": client["token"], "sign_in": "", "pid": 0,
            "pids": { "server": 0, "runner": 0, "postgres": 0 },
        });
        it.here.line = Some(serde_json::from_value(line).unwrap());
        it
    }

    fn command(&self, listen: &str, more: &[&str]) -> Command {
        let words = ["server", "--json", "--listen", listen];
        let mut command = self.here.program(&words);
        command.arg("--data").arg(self.here.data()).args(more);
        command
            .stdout(Stdio::null())
            .stderr(self.here.log("server"));
        command
    }

    fn serve(&mut self, listen: &str, more: &[&str]) -> Value {
        let mut command = self.command(listen, more);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        self.server = Some(child);
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("it does not serve: {line:?}"))
    }

    /// Where runners and people know it.
    fn listen(&self) -> String {
        let url = &self.here.line().url;
        url.strip_prefix("http://").unwrap().to_owned()
    }

    /// It ends by itself, because its database is not the one that it was.
    fn refuses_to_go_on(&mut self) {
        let child = self.server.as_mut().unwrap();
        let status = within(ENDS_WITHIN, "the server ends", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(1));
        self.refused += 1;
        let log = fs::read_to_string(self.here.beside("logs/server")).unwrap();
        let said = log.matches(r#""code":"database_went_back""#).count();
        assert_eq!(said, self.refused, "it says why");
    }

    /// How far it has seen the database.
    fn remembers(&self) -> u64 {
        seq_in(&self.here.data().join("lineage.json"))
    }
}

fn seq_in(path: &Path) -> u64 {
    let text = fs::read(path).unwrap_or_default();
    let read: Option<Value> = serde_json::from_slice(&text).ok();
    read.and_then(|read| read["seq"].as_u64()).unwrap_or(0)
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

#[test]
fn a_standby_that_lacks_the_last_transactions_is_not_served_unasked() {
    let mut site = Site::new();
    site.clusters.replicate();
    let mut runner = Elsewhere::enrol(&site.here, "elsewhere");
    let names = ["a", "b", "c", "d"];
    let remote = Remote::bare(&names.map(|name| (name, "none\n")));
    site.here.project("p", &remote, &["--egress", "none"]);
    for name in ["a", "b", "c"] {
        let script = format!(
            "echo x$(cat \"$HOME/turns\" 2>/dev/null || true) > {name}; echo x >> \"$HOME/turns\""
        );
        site.here.agent(name, &script);
    }
    site.here.agent("d", "barrier gate; echo d > d");
    let [lands, replied, waits] = ["a", "b", "c"].map(|agent| work(&site.here, agent));
    let card = site.here.card("p", "At work");
    let busy = site.here.fh(&["run", "start", &card, "--agent", "d"]).ok();
    site.here.wait_at("gate");
    site.clusters.in_step();
    site.clusters.cut();

    // Acknowledged, and on the primary alone: a landing, a turn, the end of the run at work, a card.
    let landed = site.here.fh(&["run", "approve", id(&lands)]).ok();
    let words = ["run", "reply", id(&replied), "--text", "more"];
    site.here.fh(&words).ok();
    site.here.run_in(id(&replied), &["waiting"]);
    site.here.open("gate");
    site.here.run_in(id(&busy), &["waiting"]);
    let forgotten = site.here.card("p", "Forgotten");
    let head = remote.head();
    let refs = remote.run_refs(id(&replied));
    let has = site.clusters.sql(1, "SELECT seq FROM lineage");
    until("the server has seen more than the standby has", || {
        (site.remembers() > has.parse().unwrap()).then_some(())
    });

    site.clusters.kill(0);
    assert_eq!(site.clusters.sql(1, "SELECT pg_promote()"), "t");
    site.clusters.point_to(1);
    site.refuses_to_go_on();
    // Nor does it, started anew; and it has written nothing.
    let listen = site.listen();
    let again = site.command(&listen, &[]).spawn().unwrap();
    site.server = Some(again);
    site.refuses_to_go_on();
    let untouched = format!("SELECT seq = {has} AND NOT put_back FROM lineage");
    assert_eq!(site.clusters.sql(1, &untouched), "t");

    // A person has no other, and says so.
    site.serve(&listen, &["--accept-older-database"]);
    let here = &site.here;
    assert_eq!(here.fh(&["card", "show", &forgotten]).error(), "not_found");
    for run in [&lands, &replied, &waits] {
        let run = here.run(id(run));
        let state = (text(&run, "state"), text(&run, "reason"));
        assert_eq!(state, ("waiting", "database_went_back"), "{run}");
    }
    let again = here.run_in(id(&busy), &["waiting", "failed"]);
    assert_eq!(text(&again, "state"), "waiting", "{again}");
    assert!(again["epoch"].as_u64() > Some(1000), "{again}");
    // The remote is read before anything is done again: what landed is found there.
    let found = here.fh(&["run", "approve", id(&lands)]).ok();
    assert_eq!(
        (text(&found, "state"), &found["landed"]),
        ("succeeded", &landed["landed"])
    );
    assert_eq!(remote.head(), head);
    // And work that nobody remembers is named before it is replaced.
    let told = here.fh(&["run", "approve", id(&replied)]);
    assert_eq!(told.error(), "database_went_back", "{told}");
    assert_eq!(remote.run_refs(id(&replied)), refs);
    here.fh(&["run", "approve", id(&replied)]).ok();
    here.fh(&["run", "approve", id(&waits)]).ok();
    assert_eq!(remote.taken(Push::Target), 3);
    for run in [&lands, &replied, &waits, &busy] {
        here.events(id(run));
    }

    // The old primary comes back where the new one was: that is not served either.
    site.clusters.start(0);
    site.clusters.point_to(0);
    site.clusters.kill(1);
    site.refuses_to_go_on();
    runner.end();
}
