//! What all runs of a runner may use up together, beside a runner of another tenant.

use freehold_model::run::Outcome;
use freehold_model::{Limit, Reason};
use freehold_wire::link::Finished;

use crate::kit::{Live, Remote, Run, live};
use crate::server::Server;

/// A runner's machine whose owner says this of all runs together.
async fn bounded(server: &Server, limit: Limit, value: u64) -> Live {
    let runner = live(server).await;
    let text = format!("[limits_together]\n{limit} = {value}\n");
    std::fs::write(runner.data.path().join("policy.toml"), text).unwrap();
    runner
}

/// Whether this machine holds a limit at all: what is not held is not tried.
async fn is_held(server: &Server, remote: &Remote, limit: Limit, value: u64) -> bool {
    let mut run = Run::script(server, remote, "true");
    run.order.limits = [(limit, value)].into();
    let finished = run.play().await;
    let agent = finished.in_force.iter().find(|step| step.step == "agent");
    let Some(agent) = agent else {
        panic!("{}", run.detail(&finished));
    };
    let limits = &agent.limits;
    let found = limits.iter().find(|bound| bound.limit == limit.id());
    found.unwrap().held
}

/// Two runs that each stay below the bound, and one of another tenant that does the same as they do.
/// The first says something once it holds what it holds.
async fn two(limit: Limit, value: u64, first: &str, second: &str) {
    let (server, elsewhere) = (Server::start().await, Server::start().await);
    assert_ne!(server.tenant, elsewhere.tenant);
    let runner = bounded(&server, limit, value).await;
    let others = bounded(&elsewhere, limit, value).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let theirs = Remote::new(&[("a", "1\n")]);
    if matches!(limit, Limit::Memory | Limit::Tasks)
        && !is_held(&server, &remote, limit, value).await
    {
        return;
    }
    let mut neighbour = Run::script(&elsewhere, &theirs, first);
    neighbour.start();
    let one = Run::script(&server, &remote, first);
    one.start();
    one.event("its output", |kind, _| kind == "output").await;
    let two = Run::script(&server, &remote, second);
    two.start();
    let ends = [(&two, two.finished().await), (&one, one.finished().await)];
    let is_ended = |end: &&(&Run, Finished)| {
        let reason = Reason::Limit;
        end.1.outcome == Outcome::Failed { reason }
    };
    let ended: Vec<_> = ends.iter().filter(is_ended).collect();
    assert_eq!(
        ended.len(),
        1,
        "{ends:?}",
        ends = ends.each_ref().map(|end| &end.1)
    );
    let (run, finished) = ended[0];
    let detail = run.detail(finished);
    for part in [
        "all runs on this runner together used ".to_owned(),
        limit.used_of().to_owned(),
        format!("the limit is {} (", limit.show(value)),
        format!(
            "`{limit} = \"{}\"` under `[limits_together]`",
            limit.write(2 * value)
        ),
    ] {
        assert!(detail.contains(&part), "`{part}` is not in: {detail}");
    }
    let agent = finished.in_force.iter().find(|step| step.step == "agent");
    assert_eq!(agent.unwrap().hit.as_deref(), Some(limit.id()));
    let worked = ends
        .iter()
        .filter(|end| matches!(end.1.outcome, Outcome::Work(_)));
    assert_eq!(worked.count(), 1, "the other went on");
    // Beside them on the same machine nobody noticed.
    let finished = neighbour.finished().await;
    let Outcome::Work(work) = finished.outcome else {
        panic!("{finished:?}");
    };
    neighbour.work = Some(work);
    neighbour.approve();
    let landed = neighbour.play().await;
    assert!(
        matches!(landed.outcome, Outcome::Landed { .. }),
        "{landed:?}"
    );
    // Alone, the same that was ended is within the bound.
    let mut again = Run::script(&server, &remote, first);
    let finished = again.play().await;
    assert!(matches!(finished.outcome, Outcome::Work(_)), "{finished:?}");
    runner.drain().await;
    others.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_for_all_runs_together() {
    // tail(1) keeps a line until its end.
    let hold = |seconds: u32| {
        format!(
            "n=$( (head -c 90000000 /dev/zero; echo holds >&2; sleep {seconds}) | tail -n 1 | wc -c); \
             [ $n -ge 90000000 ] && echo 2 > a"
        )
    };
    two(Limit::Memory, 160 << 20, &hold(8), &hold(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_bounded_for_all_runs_together() {
    // Sixty that end by themselves.
    let hold =
        "i=0; while [ $i -lt 60 ]; do sleep 8 & i=$((i+1)); done; echo holds; wait; echo 2 > a";
    two(Limit::Tasks, 100, hold, hold).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_runs_keep_together_is_bounded() {
    let hold = "head -c 8000000 /dev/zero > b; echo holds; sleep 6; rm b; echo 2 > a";
    // The larger, so it is the one that ends.
    let more = "head -c 10000000 /dev/zero > b; sleep 40";
    two(Limit::Disk, 16 << 20, hold, more).await;
    let files = |count: u32, then: &str| {
        format!("mkdir d; i=0; while [ $i -lt {count} ]; do : > d/$i; i=$((i+1)); done; {then}")
    };
    let hold = files(600, "echo holds; sleep 6; rm -r d; echo 2 > a");
    two(Limit::Files, 1300, &hold, &files(1000, "sleep 40")).await;
}
