//! What the API's description says, held against the server by schemathesis (PyPI), which makes requests
//! of it: examples, edges of every type, and chance. `scripts/install test` puts it into
//! `target/schemathesis`.

use std::path::Path;
use std::time::Duration;

use freehold_testkit::App;
use tokio::process::Command;

const PLACE: &str = "../../target/schemathesis/bin";
/// Far longer than it takes.
const LONGEST: Duration = Duration::from_secs(300);
/// Streams do not end by themselves, and whoever signs out is out.
const LEFT_OUT: &str = "stream|/changes|sign-out";
/// What it looks for: answers that the description does not know, that are not as it says, or that a
/// server should never give; and what should be refused and is not. What is valid by the description may
/// be refused all the same: names, addresses and times have rules that no description can say.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    missing_required_header,unsupported_method,use_after_free,ensure_resource_availability,ignored_auth";

#[tokio::test]
async fn the_server_does_what_its_description_says() {
    let app = App::start().await;
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(PLACE);
    let (python, program) = (place.join("python"), place.join("schemathesis"));
    assert!(python.exists(), "run scripts/install test");
    let directory = tempfile::tempdir().unwrap();
    // No runner is connected: what needs one says so, with a status that is no fault of the server's.
    let settings = format!(
        "headers = {{ Authorization = 'Bearer {}' }}\n[checks]\n\
         not_a_server_error.expected-statuses = ['2xx', '3xx', '4xx', 503]\n",
        app.token
    );
    std::fs::write(directory.path().join("schemathesis.toml"), settings).unwrap();
    // As for moto: the program's first line names its interpreter by an absolute path.
    let mut command = Command::new(python);
    command
        .arg(program)
        .args(["run", &format!("{}/openapi.json", app.url())])
        .args(["--url", &format!("{}/api/v1", app.url())])
        .args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS])
        .args(["--max-examples", "15", "--seed", "7", "--workers", "1"])
        .args(["--exclude-path-regex", LEFT_OUT, "--request-timeout", "20"])
        .current_dir(directory.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", directory.path())
        .env("LANG", "C.UTF-8")
        .kill_on_drop(true);
    let output = tokio::time::timeout(LONGEST, command.output())
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    // It has looked: none of its phases was left out.
    let tested = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("Tested: "));
    assert!(
        tested.is_some_and(|tested| tested.parse::<u32>().unwrap() >= 55),
        "{said}"
    );
    assert!(said.contains("Fuzzing"), "{said}");
}
