//! What setup and checks reach is the target branch's word, and the run tells where they went.

use freehold_model::run::Outcome;
use freehold_wire::order::Egress;
use serde_json::Value;

use crate::kit::{Remote, Run, again, live};
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

/// Opens a connection through the proxy, says what becomes of it, and tries again.
const HOLDS_OPEN: &str = r#"
[setup]
command = '''
python3 - <<'END'
import os, socket, urllib.parse
proxy = urllib.parse.urlsplit(os.environ["HTTP_PROXY"])
def connect():
    way = socket.create_connection((proxy.hostname, proxy.port))
    way.settimeout(50)
    way.sendall(b"CONNECT AT HTTP/1.1\r\nHost: AT\r\n\r\n")
    return way, way.recv(4096).split(b"\r\n")[0].decode()
way, answer = connect()
print("first:", answer, flush=True)
print("then:", "cut" if way.recv(4096) == b"" else "said something", flush=True)
print("again:", connect()[1], flush=True)
END
'''
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_owner_withdraws_is_cut_while_a_run_has_it_open() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let data = runner.drain().await;
    // A registry of this machine's pip; it takes connections and says nothing.
    let registry = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = registry.local_addr().unwrap().to_string();
    let taking = tokio::spawn(async move {
        let mut held = vec![];
        while let Ok((stream, _)) = registry.accept().await {
            held.push(stream);
        }
    });
    let index = format!("http://{at}/simple");
    let runner = again(&server, data, |options| {
        let environment = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("PIP_INDEX_URL", index.as_str()),
        ];
        options.environment = environment.into_iter().collect();
    })
    .await;
    let file = HOLDS_OPEN.replace("AT", &at);
    let remote = Remote::new(&[("a", "1\n"), (".agentworks/project.toml", &file)]);
    let mut run = Run::script(&server, &remote, "true");
    run.order.egress = Egress::Registries;
    run.start();
    run.event("an open connection", |kind, _| kind == "output")
        .await;
    let opened = String::from_utf8(run.output("setup")).unwrap();
    assert!(opened.contains("first: HTTP/1.1 200"), "{opened}");
    assert!(!opened.contains("then:"), "{opened}");
    let policy = runner.data.path().join("policy.toml");
    std::fs::write(&policy, format!("[egress]\ndeny = ['{at}']\n")).unwrap();
    let finished = run.finished().await;
    let output = String::from_utf8(run.output("setup")).unwrap();
    assert!(
        matches!(finished.outcome, Outcome::Unchanged { .. }),
        "{:?} {output}",
        finished.outcome
    );
    assert!(output.contains("then: cut"), "{output}");
    assert!(output.contains("again: HTTP/1.1 403"), "{output}");
    let told = run.events();
    let (_, event) = told.iter().find(|(kind, _)| kind == "egress").unwrap();
    let why: Vec<&str> = event["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["why"].as_str())
        .collect();
    assert!(
        why.iter().any(|why| why.contains("was changed while"))
            && why
                .iter()
                .any(|why| why.contains("[egress] of policy.toml")),
        "{event}"
    );
    // An order that asks for more than the owner allows is not begun.
    std::fs::write(&policy, "[egress]\nmost = 'none'\n").unwrap();
    let mut run = Run::script(&server, &remote, "true");
    run.order.egress = Egress::Registries;
    let finished = run.play().await;
    let detail = run.detail(&finished);
    assert!(
        detail.contains("allows `none` at most") && detail.contains("most = \"registries\""),
        "{detail}"
    );
    taking.abort();
    runner.drain().await;
}

/// Prints what the proxy answers for one address; always green.
const ASKS_APT: &str = r#"
[setup]
command = '''
python3 - <<'END'
import os, urllib.request, urllib.error
proxy = urllib.request.ProxyHandler({"http": os.environ["HTTP_PROXY"]})
for name in ("NO_PROXY", "no_proxy"):
    os.environ.pop(name, None)
try:
    print("answer:", urllib.request.build_opener(proxy).open("http://AT/ANSWER").status)
except urllib.error.HTTPError as error:
    print("answer:", error.code)
END
'''
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_project_names_apt_to_reach_what_the_machine_s_apt_does() {
    use std::os::unix::fs::PermissionsExt as _;
    use tokio::io::AsyncWriteExt as _;
    let server = Server::start().await;
    let data = live(&server).await.drain().await;
    let mirror = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = mirror.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = mirror.accept().await {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            // What was asked is read, so that the end of the connection is an end and no reset.
            let mut asked = [0; 4096];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut asked).await;
        }
    });
    // This machine's apt, as far as it is asked.
    let bin = tempfile::tempdir().unwrap();
    let uris = format!("#!/bin/sh\necho \"'http://{at}/dists/x/Release' x 0\"\n");
    for (name, text) in [("apt-get", uris.as_str()), ("apt-config", "#!/bin/sh\n")] {
        let path = bin.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.path().display());
    let runner = again(&server, data, |options| {
        options.environment = [("PATH", path.as_str())].into_iter().collect();
    })
    .await;
    for (egress, answer) in [("", "403"), ("[egress]\npresets = ['apt']\n", "200")] {
        // Another command each time, else the result of the first is used.
        let file = ASKS_APT.replace("AT", &at).replace("ANSWER", answer) + egress;
        let remote = Remote::new(&[("a", "1\n"), (".agentworks/project.toml", &file)]);
        let mut run = Run::script(&server, &remote, "true");
        run.order.egress = Egress::Registries;
        let finished = run.play().await;
        let output = String::from_utf8(run.output("setup")).unwrap();
        let wanted = format!("answer: {answer}");
        assert!(
            output.contains(&wanted),
            "{egress}: {output} {:?} {}",
            finished.outcome,
            run.detail(&finished)
        );
    }
    serving.abort();
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
