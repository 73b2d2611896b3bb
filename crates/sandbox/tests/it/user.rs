//! The same as an ordinary user.

use std::os::unix::process::CommandExt;

#[test]
fn an_ordinary_user_gets_the_same() {
    // As root this runs some of the other tests again as nobody; else they have run as a user.
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let nobody = 65534;
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), Some(nobody), Some(nobody)).unwrap();
    // Where the tests were built may be closed to others.
    let here = |name: &str, from: &std::path::Path| {
        // By another process: a descriptor of ours that writes, inherited by whatever another test
        // starts just then, would make the program "busy".
        let to = folder.path().join(name);
        assert!(
            std::process::Command::new("cp")
                .args([from, &to])
                .status()
                .unwrap()
                .success()
        );
        to
    };
    let helper = here("init", &crate::kit::init().program);
    let tests = here("tests", &std::env::current_exe().unwrap());
    let names = [
        "container_image::an_image_is_the_root_and_is_never_written",
        "container::mounts_lie_over_each_other_as_in_the_sandbox",
        "container::privileges_are_gone_and_stay_gone",
        "container::the_network_is_empty_but_for_the_ports",
        "container::the_probe_proves_the_tier",
        "end::kill_takes_the_whole_tree_and_returns_when_it_is_gone",
        "start::codes_and_signals_come_out_as_they_are",
        "start::the_probe_proves_both_tiers",
        "walls::privileges_are_gone_and_stay_gone",
        "walls::the_helper_cannot_be_looked_into_from_inside",
        "work::git_commits_in_a_mounted_repository",
    ];
    let output = std::process::Command::new(tests)
        .arg("--exact")
        .args(names)
        .env_clear()
        .env("TMPDIR", folder.path())
        .env("FREEHOLD_TEST_INIT", helper)
        .current_dir(folder.path())
        .uid(nobody)
        .gid(nobody)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("test result: ok. 11 passed"), "{told}");
}
