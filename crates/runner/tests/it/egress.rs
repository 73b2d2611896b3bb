//! What setup and checks reach is the target branch's word, and the run tells where they went.

use freehold_model::run::Outcome;
use freehold_wire::order::Egress;
use serde_json::Value;

use crate::kit::{Remote, Run, live};
use crate::server::Server;

/// Prints what the proxy answers for two destinations; always green.
const PROJECT: &str = r#"
[setup]
command = '''
python3 - <<'END'
import os, urllib.request, urllib.error
for at in ("127.0.0.1:9", "other.example:9"):
    try:
        proxy = urllib.request.ProxyHandler({"http": os.environ["HTTP_PROXY"]})
        urllib.request.build_opener(proxy).open("http://" + at)
    except urllib.error.HTTPError as error:
        print(at, error.code, error.reason)
END
'''
[egress]
allow = ["127.0.0.1:9"]
"#;

fn entry<'a>(event: &'a Value, host: &str) -> &'a Value {
    let entries = event["entries"].as_array().unwrap();
    let found = entries.iter().find(|entry| entry["host"] == host);
    found.unwrap_or_else(|| panic!("{host} is not in {event}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_tells_where_setup_went_and_the_target_branch_says_where_it_may() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n"), (".agentworks/project.toml", PROJECT)]);
    // What an agent writes opens nothing: its checks are judged by the target branch's list.
    let mut run = Run::script(
        &server,
        &remote,
        "echo '[egress]' > .agentworks/project.toml",
    );
    run.order.egress = Egress::Registries;
    let finished = run.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?} {}",
        finished.outcome,
        run.detail(&finished)
    );
    let output = String::from_utf8(run.output("setup")).unwrap();
    // Listed, but a project's word opens nothing that is private; the other one is not listed at all.
    assert!(
        output.contains("127.0.0.1:9 403") && output.contains("private or local"),
        "{output}"
    );
    assert!(
        output.contains("other.example:9 403") && output.contains("not a registry"),
        "{output}"
    );
    let events = run.events();
    let told: Vec<&Value> = events
        .iter()
        .filter(|(kind, _)| kind == "egress")
        .map(|(_, value)| value)
        .collect();
    let [event] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (&event["step"], &event["refused"]),
        (&"setup".into(), &2.into())
    );
    for (host, why) in [
        ("127.0.0.1", "private or local"),
        ("other.example", "not a registry"),
    ] {
        let entry = entry(event, host);
        assert_eq!(
            (&entry["port"], &entry["verdict"], &entry["connections"]),
            (&9.into(), &"refused".into(), &1.into())
        );
        assert!(entry["why"].as_str().unwrap().contains(why), "{entry}");
    }
    // Hosts are content: the server reads counts alone.
    let raw = run.raw_events();
    let meta = raw
        .iter()
        .find(|event| event.kind == "egress")
        .unwrap()
        .meta
        .to_string();
    assert!(
        !meta.contains("example") && meta.contains("refused"),
        "{meta}"
    );
    runner.drain().await;
}

/// A check that prints what the proxy answers for the host of a lock file.
const ASKS: &str = r#"
[[checks]]
name = "asks"
command = """
python3 - <<'END'
import os, http.client, urllib.parse
proxy = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
connection = http.client.HTTPConnection(proxy.hostname, proxy.port)
connection.set_tunnel("packages.invalid", 443)
try:
    connection.connect()
except OSError as error:
    print(error)
END
"""
"#;

fn lock() -> String {
    r#"{"packages":{"x":{"resolved":"https://packages.invalid/x.tgz"}}}"#.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_file_opens_its_hosts_on_the_target_branch_and_not_in_an_agents_commit() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let lock = lock();
    let theirs = Remote::new(&[(".agentworks/project.toml", ASKS)]);
    let write = format!("printf %s '{lock}' > package-lock.json");
    let mut run = Run::script(&server, &theirs, &write);
    run.order.egress = Egress::Registries;
    let finished = run.play().await;
    assert!(matches!(finished.outcome, Outcome::Work(_)));
    let answer = String::from_utf8(run.output("check:asks")).unwrap();
    assert!(
        answer.contains("403") && answer.contains("not a registry"),
        "{answer}"
    );
    let noted = run.events().iter().any(|(kind, value)| {
        kind == "note" && value["text"].to_string().contains("packages.invalid:443")
    });
    assert!(noted, "the run says why: {:?}", run.events());

    // The control: on the target branch the same file opens the host, which does not exist.
    let ours = Remote::new(&[
        (".agentworks/project.toml", ASKS),
        ("package-lock.json", &lock),
    ]);
    let mut run = Run::script(&server, &ours, "echo 1 > a");
    run.order.egress = Egress::Registries;
    run.play().await;
    let answer = String::from_utf8(run.output("check:asks")).unwrap();
    assert!(!answer.contains("403") && answer.contains("50"), "{answer}");
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_not_understood_stops_the_run() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let file = "[egress]\nallow = ['*.example.com:443']\n";
    let remote = Remote::new(&[("a", "1\n"), (".agentworks/project.toml", file)]);
    let mut run = Run::script(&server, &remote, "echo 2 > a");
    let finished = run.play().await;
    let detail = run.detail(&finished);
    assert!(
        detail.contains("line 2, egress.allow: wildcards are not supported"),
        "{detail}"
    );
    runner.drain().await;
}
