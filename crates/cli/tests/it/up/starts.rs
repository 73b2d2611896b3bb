//! Starting, and why it may not.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use super::supervised::House;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_comes_up_says_one_line_and_ends_with_nothing_left() {
    let house = House::new();
    let up = house.up();
    let ready = &up.ready;
    assert_eq!(ready["pid"], up.child.id());
    for which in ["server", "runner", "postgres"] {
        assert_eq!(ready["pids"][which], up.pid(which));
    }
    let url = up.url().to_owned();
    assert!(url.starts_with("http://localhost:"), "{url}");
    let sign_in = ready["sign_in"].as_str().unwrap();
    assert!(sign_in.starts_with(&format!("{url}/sign-in#")), "{sign_in}");
    up.is_well();

    let data = house.data();
    assert_eq!(mode(&data), 0o700);
    for secret in ["client.json", "database.json", "keys/seal.key", "up.lock"] {
        assert_eq!(mode(&data.join(secret)), 0o600, "{secret}");
    }
    // The commands find it by the file alone.
    let runners = house.json(&["runner", "list"]);
    assert_eq!(runners["items"][0]["state"], "online");
    assert_eq!(runners["items"].as_array().unwrap().len(), 1);
    up.stop();
}

#[test]
fn a_second_one_hears_who_is_first() {
    let house = House::new();
    let up = house.up();
    let (code, error) = house.error(&["up", "--listen", "127.0.0.1:0"]);
    assert_eq!((code, error["code"].as_str()), (1, Some("data_in_use")));
    let message = error["message"].as_str().unwrap();
    let who = format!("(process {}) at {}", up.child.id(), up.url());
    assert!(message.contains(&who), "{message}");
    up.is_well();
}

#[test]
fn the_owners_token_and_the_runner_outlive_a_restart() {
    let house = House::new();
    let up = house.up();
    let token = up.ready["token"].clone();
    let runner = house.json(&["runner", "list"])["items"][0]["id"].clone();
    up.stop();
    let up = house.up();
    assert_eq!(up.ready["token"], token);
    let client: serde_json::Value =
        serde_json::from_slice(&fs::read(house.data().join("client.json")).unwrap()).unwrap();
    assert_eq!(client["url"], up.ready["url"]);
    let runners = house.json(&["runner", "list"]);
    assert_eq!(runners["items"].as_array().unwrap().len(), 1);
    assert_eq!(runners["items"][0]["id"], runner);
    up.stop();
}

#[test]
fn a_port_in_use_is_named_with_a_way_out_and_nothing_is_left() {
    let house = House::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let (code, error) = house.error(&["up", "--listen", &address]);
    assert_eq!((code, error["code"].as_str()), (1, Some("port_in_use")));
    assert!(error["message"].as_str().unwrap().contains(&address));
    let next = error["next"].as_str().unwrap();
    assert!(next.contains("--listen 127.0.0.1:0"), "{next}");
    // The database was stopped again: another `up` takes it over.
    house.up().stop();
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_started() {
    let house = House::new();
    let (code, error) = house.error(&["up", "--listen", "0.0.0.0:0"]);
    assert_eq!((code, error["code"].as_str()), (3, Some("insecure_listen")));
    let (code, _) = house.error(&["up", "--listen", "nonsense"]);
    assert_eq!(code, 2);
    assert!(!house.data().exists());
    fs::create_dir(house.data()).unwrap();
    fs::write(house.data().join("thesis.tex"), "mine").unwrap();
    let (code, error) = house.error(&["up", "--listen", "127.0.0.1:0"]);
    assert_eq!((code, error["code"].as_str()), (1, Some("data_directory")));
    assert_eq!(fs::read_dir(house.data()).unwrap().count(), 1);
}

#[test]
fn without_postgresql_the_package_is_named() {
    let house = House::new();
    let mut command = house.command(&["up", "--listen", "127.0.0.1:0", "--json"]);
    let output = command
        .env("FREEHOLD_PG_BIN", house.path("home"))
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("FREEHOLD_PG_BIN"), "{error}");
}

#[test]
fn a_runner_of_another_database_is_not_thrown_away() {
    let house = House::new();
    house.up().stop();
    fs::remove_dir_all(house.data().join("postgres")).unwrap();
    let (code, error) = house.error(&["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(
        (code, error["code"].as_str()),
        (1, Some("database_went_back"))
    );
    let accepted = ["up", "--listen", "127.0.0.1:0", "--accept-older-database"];
    let (code, error) = house.error(&accepted);
    assert_eq!((code, error["code"].as_str()), (1, Some("runner_refused")));
    let runner = house.data().join("runner");
    let next = error["next"].as_str().unwrap();
    assert!(next.contains(&format!("mv {}", runner.display())), "{next}");
    fs::rename(&runner, house.data().join("runner.old")).unwrap();
    house.up().stop();
}
