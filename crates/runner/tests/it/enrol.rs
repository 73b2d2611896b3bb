//! A runner belongs to whom its token names, or to nobody.

use freehold_runner::{BuildError, EnrolError, Runner, enrol};

use crate::kit::{again, live, options};
use crate::server::Server;

#[tokio::test]
async fn a_token_enrols_once_and_an_enrolled_runner_needs_none() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let token = server.enrol_token();
    let identity = enrol(&options(data.path(), &server), &token).await.unwrap();
    let same = enrol(&options(data.path(), &server), "nonsense")
        .await
        .unwrap();
    assert_eq!(same.runner(), identity.runner());
    let other = tempfile::tempdir().unwrap();
    let refused = enrol(&options(other.path(), &server), &token)
        .await
        .unwrap_err();
    assert!(matches!(refused, EnrolError::Refused { .. }), "{refused}");
    assert!(
        refused.to_string().contains("used or has expired"),
        "{refused}"
    );
    assert!(matches!(
        Runner::build(options(other.path(), &server)).await,
        Err(BuildError::Identity(_))
    ));
}

#[tokio::test]
async fn a_server_with_another_key_is_refused_and_nothing_is_kept() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let (token, _) = server
        .enrol_token()
        .split_once('#')
        .map(|(t, f)| (t.to_owned(), f.to_owned()))
        .unwrap();
    let elsewhere = format!("{token}#{}", "0".repeat(64));
    let refused = enrol(&options(data.path(), &server), &elsewhere)
        .await
        .unwrap_err();
    assert!(matches!(refused, EnrolError::Fingerprint), "{refused}");
    assert!(!data.path().join("identity").exists());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_unreachable() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let mut options = options(data.path(), &server);
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    options.server = format!("http://{closed}").parse().unwrap();
    let refused = enrol(&options, &server.enrol_token()).await.unwrap_err();
    assert!(
        refused.to_string().contains("cannot be reached"),
        "{refused}"
    );
}

#[tokio::test]
async fn one_data_directory_serves_one_runner() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let second = Runner::build(options(runner.data.path(), &server)).await;
    assert!(matches!(second, Err(BuildError::InUse(_))));
    let data = runner.drain().await;
    again(&server, data, |_| {}).await.drain().await;
}
