//! How the database carries out what is asked of it: statements are overheard where the server sends them,
//! and the database itself writes down what it did with each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::eventually;
use crate::populace::Known;
use crate::site::Site;

/// The span of a request, within which all that is sent for it is sent.
const REQUEST: &str = "request";

/// Statements that were sent for requests, each once.
#[derive(Clone, Default)]
pub struct Overheard(Arc<Mutex<BTreeSet<String>>>);

impl Overheard {
    /// Listens to what this process sends from now on.
    ///
    /// # Panics
    /// When something else listens already.
    #[must_use]
    pub fn begin() -> Self {
        let overheard = Self::default();
        let subscriber = tracing_subscriber::registry().with(overheard.clone());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        overheard
    }

    /// What was sent since the last time.
    #[must_use]
    pub fn taken(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The statement of an event of sqlx: it has it whole where it is longer than its own summary.
#[derive(Default)]
struct Statement {
    summary: String,
    whole: String,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => self.summary = value.to_owned(),
            "db.statement" => self.whole = value.to_owned(),
            _ => (),
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Overheard {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut scope = context.event_scope(event).into_iter().flatten();
        if event.metadata().target() != "sqlx::query" || !scope.any(|span| span.name() == REQUEST) {
            return;
        }
        let mut said = Statement::default();
        event.record(&mut said);
        let text = match said.whole.trim() {
            "" => said.summary,
            whole => whole.to_owned(),
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(words.join(" "));
    }
}

/// A line for the configuration of a PostgreSQL of which [`book`] is made.
pub const SETTINGS: &str = "session_preload_libraries = 'auto_explain'";
/// From then on it writes down how it carries out each statement. Whole tables are made dear, so that one
/// which is read stands out: no index served.
const EXPLAINS: &str = "auto_explain.log_min_duration = 0\nenable_seqscan = off\n";

/// How long the database may take to write down what it did.
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);

/// Reads of the database's log how statements were carried out.
struct Explained {
    log: PathBuf,
    read: u64,
    plans: BTreeMap<String, String>,
}

impl Explained {
    /// From now on, whatever was planned before.
    async fn begin(site: &Site) -> Self {
        let cluster = &site.cluster;
        let settings = cluster.join("postgresql.conf");
        let mut settings = File::options().append(true).open(settings).unwrap();
        settings.write_all(EXPLAINS.as_bytes()).unwrap();
        let pid = Pid::from_raw(site.postgres.pid().try_into().unwrap());
        nix::sys::signal::kill(pid, Signal::SIGHUP).unwrap();
        let url = site.postgres.owner_url();
        let mut owner = eventually("the database explains", async || {
            let mut owner = PgConnection::connect(&url).await.unwrap();
            let scans: Result<String, _> = sqlx::query_scalar("SHOW enable_seqscan")
                .fetch_one(&mut owner)
                .await;
            (scans.unwrap() == "off").then_some(owner)
        })
        .await;
        // What was planned is planned anew where something of its tables was changed.
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT oid::regclass::text FROM pg_class
             WHERE relforcerowsecurity AND NOT relispartition",
        )
        .fetch_all(&mut owner)
        .await
        .unwrap();
        for table in tables {
            let sql = format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY");
            owner.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
        }
        let logs = std::fs::read_dir(cluster.join("log")).unwrap();
        let log = logs.map(|entry| entry.unwrap().path()).max().unwrap();
        let read = std::fs::metadata(&log).unwrap().len();
        Self {
            log,
            read,
            plans: BTreeMap::new(),
        }
    }

    /// How this statement was carried out the last time; waits until it is written.
    async fn plan(&mut self, statement: &str) -> String {
        let deadline = tokio::time::Instant::now() + WRITTEN_WITHIN;
        loop {
            self.read_on();
            if let Some(plan) = self.plans.get(statement) {
                return plan.clone();
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "the database did not say how it carried out: {statement}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whole entries: a line that begins one, and those behind a tab.
    fn read_on(&mut self) {
        let mut file = File::open(&self.log).unwrap();
        file.seek(SeekFrom::Start(self.read)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        // What stands last may go on.
        let end = text.rfind("plan:\n").map_or(0, |at| {
            text.get(..at)
                .and_then(|before| before.rfind('\n'))
                .map_or(0, |line| line + 1)
        });
        let whole = text.get(..end).unwrap_or_default();
        for entry in whole.split("plan:\n").skip(1) {
            let lines = entry.lines().take_while(|line| line.starts_with('\t'));
            let lines: Vec<&str> = lines.map(|line| line.trim_start_matches('\t')).collect();
            let asked = lines.iter().take_while(|line| !line.contains("(cost="));
            let asked: Vec<&str> = asked.flat_map(|line| line.split_whitespace()).collect();
            let mut plan = String::new();
            for line in lines.iter().skip_while(|line| !line.contains("(cost=")) {
                let bare = line.split("  (cost=").next().unwrap_or_default();
                writeln!(plan, "{}", masked(bare)).unwrap();
            }
            let asked = asked.join(" ");
            let asked = asked.trim_start_matches("Query Text: ");
            self.plans.insert(asked.to_owned(), plan);
        }
        self.read += u64::try_from(end).unwrap();
    }
}

/// A line of a plan without what is another each time: `?` for parameters, whether they were planned for or
/// not, and no names of months.
fn masked(line: &str) -> String {
    let mut bare = String::new();
    let mut pieces = line.split('\'').enumerate().peekable();
    while let Some((n, piece)) = pieces.next() {
        let kind = pieces.peek().map_or("", |(_, next)| *next);
        // Every second one is a literal, and what follows it says of what kind.
        let is_value = ["::uuid", "::timestamp"]
            .iter()
            .find(|is| kind.starts_with(**is));
        match (n % 2, is_value) {
            (0, _) => bare.push_str(piece),
            (_, Some(_)) => {
                bare.push('?');
                let rest = kind.trim_start_matches(|c: char| c == ':' || c.is_ascii_lowercase());
                bare.push_str(
                    rest.trim_start_matches(" with time zone")
                        .trim_start_matches("[]"),
                );
                pieces.next();
            }
            (_, None) => {
                bare.push('\'');
                bare.push_str(piece);
                bare.push('\'');
            }
        }
    }
    let words = bare.split(' ').map(|word| {
        let digits = word.trim_start_matches(|c: char| !c.is_ascii_digit());
        if word.starts_with("run_events_") && digits.len() >= 6 {
            return "run_events_(month)".to_owned();
        }
        let Some((before, number)) = word.split_once('$') else {
            return word.to_owned();
        };
        let after = number.trim_start_matches(|c: char| c.is_ascii_digit());
        format!("{before}?{after}")
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What [`book`]'s page begins with.
pub const HEAD: &str = "# How lists and searches are carried out

Made by `make bench` of 10,000 organizations with 1,000,000 members (`UPDATE_PLANS=1` writes it). The statements
are those that the server sends, overheard; the plans are those that PostgreSQL 15 wrote down when it had been
asked a dozen times, as the role that owns nothing, with row-level security in force. Reading a whole table was
made dear for it: where one is read here, no index could serve. A statement of a list that does not stand here
fails a test (`testkit/tests/it/plans.rs`), as does one that reads a whole table.
";

/// How often a list is asked for before its plan counts: a prepared statement is planned anew the first five
/// times.
const SETTLED: usize = 12;

/// What is asked of an organization where it lists and searches: `{project}` and `{card}` stand for its own.
pub const LISTS: [&str; 18] = [
    "/members?limit=50",
    "/members?limit=50&search=son%2012",
    "/cards?project={project}&limit=50",
    "/cards/{card}",
    "/cards/{card}/history",
    "/runs?limit=50",
    "/runs?limit=50&card={card}",
    "/runs?limit=50&project={project}&state=succeeded",
    "/projects",
    "/agents",
    "/inbox",
    "/audit?limit=50",
    "/audit?limit=50&actor=user:3",
    "/audit?limit=50&action=run",
    "/audit?limit=50&resource=card:5",
    "/invitations",
    "/environments",
    "/webhooks",
];

/// Whether a statement looks something up; what binds a transaction to its organization, and what it writes, is
/// none of a list's.
#[must_use]
pub fn is_read(statement: &str) -> bool {
    let begins = ["SELECT", "WITH"]
        .iter()
        .any(|word| statement.starts_with(word));
    begins && !statement.contains("set_config") && !statement.contains("INSERT INTO")
}

/// A list's path for an organization.
#[must_use]
pub fn path(list: &str, known: &Known) -> String {
    let path = list.replace("{project}", &known.project);
    path.replace("{card}", &known.cards[0])
}

/// What the server sends for each of [`LISTS`], and how the database carried it out when it was asked often
/// enough to have settled; a statement that an earlier one sends too is there once.
///
/// # Panics
/// When a list is not answered.
pub async fn book(site: &Site, overheard: &Overheard, known: &Known) -> String {
    let http = reqwest::Client::new();
    let mut explained = Explained::begin(site).await;
    let ask = async |list: &str| {
        let url = format!("{}/api/v1{}", site.url, path(list, known));
        let request = http.get(url).bearer_auth(&known.token);
        request.send().await.unwrap().error_for_status().unwrap()
    };
    let mut lists = Vec::new();
    for list in LISTS {
        drop(overheard.taken());
        for _ in 0..SETTLED {
            ask(list).await.bytes().await.unwrap();
        }
        let sent = overheard.taken().into_iter();
        let sent = sent.filter(|one| is_read(one));
        let sent: Vec<String> = sent.collect();
        // What is written last is known to be whole once something follows.
        ask("/me").await.bytes().await.unwrap();
        let mut plans = Vec::new();
        for statement in sent {
            let plan = explained.plan(&statement).await;
            plans.push((statement, plan));
        }
        lists.push((list, plans));
    }
    let (mut book, mut seen) = (String::new(), BTreeSet::new());
    for (list, plans) in lists {
        writeln!(book, "\n## `GET {list}`").unwrap();
        for (statement, plan) in plans {
            if seen.insert((statement.clone(), plan.clone())) {
                writeln!(book, "\n```sql\n{statement}\n```\n\n```text\n{plan}```").unwrap();
            }
        }
    }
    book
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_plan_for_values_and_one_for_parameters_read_the_same() {
        for (line, bare) in [
            (
                "Index Cond: ((tenant_id = '01a2-0c'::uuid) AND (id = ANY ('{a,b}'::uuid[])))",
                "Index Cond: ((tenant_id = ?) AND (id = ANY (?)))",
            ),
            (
                "Index Cond: ((tenant_id = $1) AND (id = ANY ($2)))",
                "Index Cond: ((tenant_id = ?) AND (id = ANY (?)))",
            ),
            (
                "Filter: ((kind ~~ 'run.%'::text) AND (at > '2026-01-02 03:04:05+00'::timestamp with time zone))",
                "Filter: ((kind ~~ 'run.%'::text) AND (at > ?))",
            ),
            (
                "  ->  Index Scan using run_events_202701_pkey on run_events_202701 r",
                "  ->  Index Scan using run_events_(month) on run_events_(month) r",
            ),
        ] {
            assert_eq!(masked(line), bare);
        }
    }
}
