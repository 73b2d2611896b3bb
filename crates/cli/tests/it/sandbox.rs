//! A command in the sandbox, without a server.

use std::fs;
use std::io::Read as _;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::program::Home;

/// Far below what the sandbox gives what is left of a program, were it waited for.
const PROMPT: Duration = Duration::from_secs(15);
const ROUND: Duration = Duration::from_millis(20);

fn home() -> Home {
    Home::empty().set("PATH", "/usr/bin:/bin")
}

/// What `sandbox --json` says at the end of standard error.
fn document(stderr: &[u8]) -> serde_json::Value {
    let text = String::from_utf8(stderr.to_vec()).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn a_command_works_in_its_folder_and_leaves_nothing_else() {
    let home = home();
    fs::create_dir(home.data().join("work")).unwrap();
    let line =
        "cat > typed; echo out; echo err >&2; git init -q . && touch ~/x .git/y; id -u; exit 7";
    let args = [
        "sandbox", "--dir", "work", "--egress", "none", "--json", "--", "sh", "-c", line,
    ];
    let mut child = home
        .command(&args)
        .env("XDG_RUNTIME_DIR", home.data())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"hello").unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(7), "{done:?}");
    assert_eq!(done.stdout, b"out\n1000\n");
    assert!(done.stderr.starts_with(b"err\n"), "{done:?}");
    let said = document(&done.stderr);
    assert_eq!(
        (&said["tier"], &said["exit"]["code"]),
        (&"sandbox".into(), &7.into())
    );
    let work = home.data().join("work");
    assert_eq!(fs::read_to_string(work.join("typed")).unwrap(), "hello");
    let names = |dir: &std::path::Path| -> Vec<_> {
        fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect()
    };
    assert_eq!(names(&work), ["typed"], "no .git was planted");
    assert_eq!(names(home.data()), ["work"], "its private folder is gone");
}

#[test]
fn the_git_directory_of_a_repository_cannot_be_changed() {
    let home = home();
    let line =
        "test -r .git/config && ! touch .git/hooks/pre-commit && ! mv .git gone && ! rm -rf .git";
    let git = |args: &[&str]| {
        let mut command = std::process::Command::new("git");
        let command = command.args(args).current_dir(home.data()).env_clear();
        assert!(
            command
                .env("PATH", "/usr/bin:/bin")
                .status()
                .unwrap()
                .success()
        );
    };
    git(&["init", "-q", "."]);
    // What is to fail inside works outside.
    git(&["config", "core.editor", "true"]);
    let before = fs::read(home.data().join(".git/config")).unwrap();
    let args = ["sandbox", "--egress", "none", "--", "sh", "-c", line];
    let done = home.command(&args).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert_eq!(fs::read(home.data().join(".git/config")).unwrap(), before);
}

#[test]
fn what_could_not_be_started_has_the_exit_codes_of_a_shell() {
    let home = home();
    let code = |args: &[&str]| {
        let words = ["sandbox", "--egress", "none"];
        let done = home.command(&[&words[..], args].concat()).output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let (missing, said) = code(&["--", "no-such-program"]);
    assert_eq!(missing, Some(127), "{said}");
    assert!(
        said.contains("was not found inside") && said.contains("next: "),
        "{said}"
    );
    fs::write(home.data().join("plain"), "not a program").unwrap();
    assert_eq!(code(&["--", "./plain"]).0, Some(126));
    assert_eq!(code(&["--dir", "nowhere", "--", "true"]).0, Some(125));
    assert_eq!(code(&["--image", "nowhere", "--", "true"]).0, Some(125));
    let (unused, said) = code(&["--firecracker", "/usr/bin/env", "--", "true"]);
    assert_eq!(unused, Some(125), "{said}");
    assert!(said.contains("add --tier vm"), "{said}");
    let words = [
        "--tier",
        "vm",
        "--firecracker",
        "/usr/bin/env",
        "--",
        "true",
    ];
    let (other, said) = code(&words);
    assert_eq!(other, Some(125), "{said}");
    assert!(said.contains("/usr/bin/env cannot be used"), "{said}");
    assert_eq!(code(&["--", "sh", "-c", "kill -9 $$"]).0, Some(137));
    assert_eq!(
        code(&["--env", "A=b c", "--", "sh", "-c", "test \"$A\" = 'b c'"]).0,
        Some(0)
    );
}

#[test]
fn a_refused_address_is_named_when_the_command_fails() {
    let home = home();
    let line = "python3 -c 'import urllib.request as u; u.urlopen(\"http://169.254.169.254/\")' 2>/dev/null";
    let args = ["sandbox", "--egress", "open", "--", "sh", "-c", line];
    let done = home.command(&args).output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("169.254.169.254:80 was refused"), "{said}");
}

#[test]
fn without_walls_it_works_in_the_folder_itself_and_says_so() {
    let home = home();
    let line = "pwd; echo $HOME; test -w $HOME";
    let args = [
        "sandbox", "--tier", "none", "--egress", "none", "-v", "--", "sh", "-c", line,
    ];
    let done = home.command(&args).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let said = String::from_utf8(done.stdout).unwrap();
    let folder = home.data().canonicalize().unwrap();
    assert_eq!(said.lines().next(), folder.to_str());
    assert!(!said.contains("/home/freehold"), "{said}");
    assert!(
        String::from_utf8(done.stderr)
            .unwrap()
            .contains("tier: none (unsandboxed)")
    );
}

/// As in any pipe: who prints for nobody is told so, and ends.
#[test]
fn a_reader_that_goes_ends_the_command() {
    let home = home();
    fs::create_dir(home.data().join("work")).unwrap();
    let args = ["sandbox", "--dir", "work", "--egress", "none", "--", "yes"];
    let mut child = home.command(&args).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 16]).unwrap();
    drop(output);
    let status = ended(&mut child, Duration::from_secs(60));
    assert_eq!(status.code(), Some(128 + 13), "ended by SIGPIPE");
}

fn ended(child: &mut Child, within: Duration) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begin.elapsed() > within {
            child.kill().unwrap();
            panic!("it goes on");
        }
        std::thread::sleep(ROUND);
    }
}

/// A word for the arguments of `sleep` that is of no weight to it, and nobody else's.
fn own_mark(home: &Home) -> String {
    let name = home.data().file_name().unwrap().to_str().unwrap();
    let letters = name.bytes().map(u32::from).sum::<u32>();
    format!("0.{letters}{}", std::process::id())
}

/// A command that has said that it is there, with a child of its own beside it, and waits for another: a shell
/// that hears of a signal just before it begins that one waits for it all the same.
fn busy(home: &Home, mark: &str) -> Child {
    let line = format!("sleep 600 {mark} & echo ready; sleep 600 {mark}; true");
    let args = ["sandbox", "--egress", "none", "--", "sh", "-c", &line];
    let mut child = home.command(&args).spawn().unwrap();
    let mut said = [0; 6];
    let output = child.stdout.as_mut().unwrap();
    output.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"ready\n");
    let begin = Instant::now();
    while processes(&format!("sleep\0600\0{mark}\0")) < 2 {
        assert!(begin.elapsed() < PROMPT, "it begins nothing");
        std::thread::sleep(ROUND);
    }
    child
}

/// How many processes of this machine have these words among their arguments.
fn processes(words: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let those = lines.filter(|line| String::from_utf8_lossy(line).contains(words));
    those.count()
}

#[test]
fn a_signal_ends_the_command_at_once_and_is_its_code() {
    let home = home();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut child = busy(&home, &own_mark(&home));
        let begin = Instant::now();
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let status = ended(&mut child, PROMPT);
        assert_eq!(status.code(), Some(128 + signal as i32));
        assert!(begin.elapsed() < PROMPT, "{signal}");
    }
}

#[test]
fn nothing_of_a_command_outlives_what_left_it_or_killed_it() {
    let home = home();
    let mark = own_mark(&home);
    let line = format!("sleep 600 {mark} & exit 3");
    let args = ["sandbox", "--egress", "none", "--", "sh", "-c", &line];
    let mut child = home.command(&args).spawn().unwrap();
    assert_eq!(ended(&mut child, PROMPT).code(), Some(3));
    assert_eq!(processes(&mark), 0);

    let mut child = busy(&home, &mark);
    assert!(processes(&mark) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let begin = Instant::now();
    while processes(&mark) > 0 {
        assert!(begin.elapsed() < PROMPT, "it outlived a killed parent");
        std::thread::sleep(ROUND);
    }
}
