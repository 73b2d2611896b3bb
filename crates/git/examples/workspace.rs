//! What a workspace costs, beside `git worktree add`, on a repository of 50,000 files.
//!
//! `cargo run --release -p freehold-git --example workspace -- [FILES] [ROUNDS] [DIRECTORY]`
//!
//! Rounds are interleaved. `cold` is the first workspace of a commit, which makes its base; `near`
//! the first of a commit that differs in one file from one whose base is there; `warm` any later one;
//! `status` is the first `git status` in each: `at_once`, and after the walk that a runner starts beside
//! its other work (`look_through`). One line of JSON for each round, then medians.
//!
//! Where no overlay can be mounted, a workspace is a `checkout` of its own, and that is all there is to
//! compare: `setpriv --bounding-set=-sys_admin …/examples/workspace` shows it as root.
#![expect(
    clippy::print_stdout,
    reason = "a program that measures: it prints its figures"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use freehold_git::{
    BranchName, Git, Laid, Oid, Options, Remote, Shape, Store, Workspace, look_through, release,
};

type Done<T = ()> = Result<T, Box<dyn Error>>;

const WORK: &str = "w-ours";
const SCRATCH: &str = "w-ours-scratch";
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn main() -> Done {
    let mut args = std::env::args().skip(1);
    let files: u32 = args.next().map_or(Ok(50_000), |text| text.parse())?;
    let rounds: u32 = args.next().map_or(Ok(5), |text| text.parse())?;
    let parent = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = parent.join(format!("freehold-workspace-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(measure(&dir, files, rounds));
    drop(runtime);
    release(&dir)?;
    std::fs::remove_dir_all(&dir)?;
    done
}

async fn measure(dir: &Path, files: u32, rounds: u32) -> Done {
    let bare = dir.join("remote.git");
    make_repository(&bare, files, rounds)?;
    let git = Git::find(Options::new(dir.join("home"), PATH)).await?;
    let remote = Remote::parse(&format!("file://{}", bare.display()))?;
    let main = BranchName::parse("main")?;
    let mut rows = Vec::new();
    for round in 0..rounds {
        // A store of its own for each round, or `cold` would be so but once.
        let place = dir.join(format!("store-{round}"));
        let store = git.store(&place, &remote).await?;
        let tip = store.fetch(&main).await?.ok_or("no branch")?;
        let next = BranchName::parse(&format!("next-{round}"))?;
        let next = store.fetch(&next).await?.ok_or("no branch")?;
        let row = one_round(dir, &bare, &store, &tip, &next).await?;
        println!("{}", row.json(round));
        rows.push(row);
        release(dir)?;
        std::fs::remove_dir_all(&place)?;
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.to_string_lossy().contains("/w-") {
                std::fs::remove_dir_all(path)?;
            }
        }
        run(&bare, &["worktree", "prune"])?;
    }
    summary(&rows, files);
    Ok(())
}

struct Row(Vec<(&'static str, Duration)>);

impl Row {
    fn json(&self, round: u32) -> String {
        let fields: Vec<String> = self
            .0
            .iter()
            .map(|(name, took)| format!("\"{name}_ms\":{:.2}", took.as_secs_f64() * 1e3))
            .collect();
        format!("{{\"round\":{round},{}}}", fields.join(","))
    }
}

async fn one_round(dir: &Path, bare: &Path, store: &Store, tip: &Oid, next: &Oid) -> Done<Row> {
    let mut row = Vec::new();
    let tree = dir.join("w-git");
    let begun = Instant::now();
    let path = tree.to_string_lossy().into_owned();
    run(
        bare,
        &["worktree", "add", "-q", "--detach", &path, tip.as_str()],
    )?;
    row.push(("git_worktree", begun.elapsed()));
    // All at one place, one after the other: the place is part of what is prepared.
    let (how, took) = workspace(dir, store, tip).await?;
    if how == Laid::Checkout {
        row.push(("checkout", took));
        // Once more behind it: whoever comes second finds the objects in memory.
        let path = dir.join("w-git-again");
        let path = path.to_string_lossy();
        let begun = Instant::now();
        run(
            bare,
            &["worktree", "add", "-q", "--detach", &path, tip.as_str()],
        )?;
        row.push(("git_worktree_again", begun.elapsed()));
        return Ok(Row(row));
    }
    row.push(("cold", expected(how, took, Laid::Cold)?));
    clear(dir)?;
    row.push(("near", lay(dir, store, next, Laid::Cold).await?));
    clear(dir)?;
    // The stated precondition of a fair first status: neither index is as young as its files.
    std::thread::sleep(Duration::from_millis(1_100));
    row.push(("warm", lay(dir, store, tip, Laid::Warm).await?));
    joined(dir)?;
    row.push(("git_worktree_status", status(&tree)?));
    row.push(("warm_status_at_once", status(&dir.join(WORK))?));
    clear(dir)?;
    lay(dir, store, tip, Laid::Warm).await?;
    joined(dir)?;
    let begun = Instant::now();
    look_through(&dir.join(WORK));
    row.push(("look_through", begun.elapsed()));
    row.push(("warm_status", status(&dir.join(WORK))?));
    row.push(("git_worktree_status_2", status(&tree)?));
    row.push(("warm_status_2", status(&dir.join(WORK))?));
    let begun = Instant::now();
    clear(dir)?;
    row.push(("remove", begun.elapsed()));
    Ok(Row(row))
}

/// How long until a workspace can be edited, which must come about like this.
async fn lay(dir: &Path, store: &Store, at: &Oid, laid: Laid) -> Done<Duration> {
    let (how, took) = workspace(dir, store, at).await?;
    expected(how, took, laid)
}

fn expected(how: Laid, took: Duration, laid: Laid) -> Done<Duration> {
    if how != laid {
        return Err(format!("it is {how:?}, not {laid:?}: nothing was measured").into());
    }
    Ok(took)
}

/// How a workspace comes about, and how long until it can be edited.
async fn workspace(dir: &Path, store: &Store, at: &Oid) -> Done<(Laid, Duration)> {
    let begun = Instant::now();
    let how = store
        .workspace(&Workspace {
            base: Some(at),
            work: &dir.join(WORK),
            scratch: &dir.join(SCRATCH),
            objects_inside: &store.objects(),
            place: &dir.join(WORK),
            shape: &Shape::whole(),
            remote: None,
            lfs: None,
            owner: None,
        })
        .await?;
    Ok((how, begun.elapsed()))
}

/// Puts the git directory where a sandbox would show it.
fn joined(dir: &Path) -> Done {
    let (work, scratch) = (dir.join(WORK), dir.join(SCRATCH));
    std::fs::remove_dir(work.join(".git"))?;
    std::fs::write(
        work.join(".git"),
        format!("gitdir: {}\n", scratch.display()),
    )?;
    run(&work, &["config", "core.worktree", &work.to_string_lossy()])?;
    Ok(())
}

/// Removes the workspace.
fn clear(dir: &Path) -> Done {
    release(&dir.join(WORK))?;
    for name in [WORK, SCRATCH, "w-ours.layers"] {
        std::fs::remove_dir_all(dir.join(name))?;
    }
    Ok(())
}

fn status(work: &Path) -> Done<Duration> {
    let begun = Instant::now();
    let said = run(work, &["status", "--porcelain"])?;
    let took = begun.elapsed();
    if said.is_empty() {
        Ok(took)
    } else {
        Err(format!("{} is not clean: {said}", work.display()).into())
    }
}

fn git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "Ann")
            .env(format!("GIT_{who}_EMAIL"), "ann@example.org");
    }
    command
}

fn run(dir: &Path, args: &[&str]) -> Done<String> {
    let output = git(dir).args(args).output()?;
    if !output.status.success() {
        return Err(format!("git {args:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// `main` with that many small files in folders of fifty, and a branch for each round with one more change.
fn make_repository(bare: &Path, files: u32, rounds: u32) -> Done {
    use std::io::Write as _;
    std::fs::create_dir_all(bare)?;
    run(bare, &["init", "-q", "--bare", "-b", "main"])?;
    let mut import = git(bare)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()?;
    let mut stream = std::io::BufWriter::new(import.stdin.take().ok_or("no pipe")?);
    let commit = |branch: &str| {
        format!(
            "commit refs/heads/{branch}\ncommitter Ann <ann@example.org> 1700000000 +0000\ndata 1\nx\n"
        )
    };
    write!(stream, "{}", commit("main"))?;
    for n in 0..files {
        let text = format!("file {n}\n").repeat(1 + (n % 90) as usize);
        write!(
            stream,
            "M 100644 inline d{}/e{}/f{n}.txt\ndata {}\n{text}\n",
            n / 2_500,
            n / 50,
            text.len()
        )?;
    }
    for round in 0..rounds {
        write!(
            stream,
            "{}from refs/heads/main\nM 100644 inline changed\ndata 1\n{}\n",
            commit(&format!("next-{round}")),
            round % 10
        )?;
    }
    stream.flush()?;
    drop(stream);
    if import.wait()?.success() {
        Ok(())
    } else {
        Err("git fast-import failed".into())
    }
}

fn summary(rows: &[Row], files: u32) {
    let Some(first) = rows.first() else { return };
    println!(
        "{files} files, {} rounds, median (least..most) ms:",
        rows.len()
    );
    for (at, (name, _)) in first.0.iter().enumerate() {
        let mut took: Vec<f64> = rows
            .iter()
            .filter_map(|row| Some(row.0.get(at)?.1.as_secs_f64() * 1e3))
            .collect();
        took.sort_by(f64::total_cmp);
        let (Some(least), Some(median), Some(most)) =
            (took.first(), took.get(took.len() / 2), took.last())
        else {
            continue;
        };
        println!("  {name:24} {median:9.2} ({least:.2}..{most:.2})");
    }
}
