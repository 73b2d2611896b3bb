//! Slow and lossy lines, of a runner and of people: what is urgent is not held up by what is long, and all
//! becomes slower and nothing worse. F33 and F35 of the list of faults.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::bad_link::Far;
use super::day::output;
use super::harness::{Installation, id};
use super::procs::within;
use super::proxy::{Hurt, Proxy};
use super::remote::{Push, Remote};

/// 64 kbit/s.
const RATE: u32 = 8_000;
/// Printed at once: what becomes of it takes such a line longer than a lease lasts.
const PRINTED: usize = 300_000;
const LONG: Duration = Duration::from_secs(110);

fn is_online(here: &Installation) -> bool {
    let all = here.fh(&["runner", "list"]).ok();
    let mut all = all["items"].as_array().unwrap().iter();
    let far = all.find(|one| one["labels"]["where"] == "far").unwrap();
    far["state"] == "online"
}

#[test]
fn on_64_kbit_a_flood_of_output_costs_neither_the_lease_nor_the_link() {
    let here = Installation::up();
    let proxy = Proxy::to(&here.line().url, 7);
    let _far = Far::behind(&here, &proxy);
    let remote = Remote::bare(&[("greeting", "good evening\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    let script = format!("yes 'and so on' | head -c {PRINTED}; cp \"$FREEHOLD_CARD\" greeting");
    here.agent_with("talker", &script, &["--label", "where=far"]);
    let card = here.card("demo", "Talk over a thin line");
    proxy.hurt(Hurt::Rate(RATE));
    let run = id(&here.fh(&["run", "start", &card]).ok()).to_owned();
    let begun = Instant::now();
    let mut looks = 0;
    let waiting = within(LONG, "the run waits", || {
        let run = here.run(&run);
        assert!(is_online(&here), "after {:?}", begun.elapsed());
        looks += 1;
        sleep(Duration::from_millis(300));
        ["waiting", "failed"]
            .contains(&run["state"].as_str().unwrap())
            .then_some(run)
    });
    let took = begun.elapsed();
    println!("{PRINTED} bytes over {RATE} bytes a second: {took:?}, {looks} looks");
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    assert_eq!(
        waiting["attempt"], 1,
        "no lease was lost over it: {waiting}"
    );
    assert!(
        took > Duration::from_secs(42),
        "the line was too good: {took:?}"
    );
    assert_eq!(output(&here.events(&run), "agent").len(), PRINTED);
    proxy.heal();
    here.fh(&["run", "approve", &run]).ok();
    assert_eq!(remote.taken(Push::Target), 1);
}

/// The table of `docs/faults.md`; `--no-capture` shows the figures.
#[test]
fn a_bad_line_makes_everything_slower_and_nothing_worse() {
    let mut here = Installation::up();
    let far_line = Proxy::to(&here.line().url, 7);
    let _far = Far::behind(&here, &far_line);
    let people = Proxy::to(&here.line().url, 8);
    let remote = Remote::bare(&[("a", "none\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; sleep 0.1; done; date +%N > a";
    here.agent_with("talker", script, &["--label", "where=far"]);
    here.line.as_mut().unwrap().url = people.url();
    let lines = [
        ("as it is", None),
        (
            "200 ms each way",
            Some(Hurt::Delay(Duration::from_millis(200))),
        ),
        ("64 kbit/s", Some(Hurt::Rate(RATE))),
        ("3 of 10 lost", Some(Hurt::Lose)),
    ];
    for (number, (name, hurt)) in lines.into_iter().enumerate() {
        for line in [&people, &far_line] {
            hurt.map_or_else(|| line.heal(), |hurt| line.hurt(hurt));
        }
        let mut asked: Vec<Duration> = (0..10)
            .map(|_| {
                let begun = Instant::now();
                here.fh(&["whoami"]).ok();
                begun.elapsed()
            })
            .collect();
        asked.sort_unstable();
        let card = here.card("demo", name);
        let begun = Instant::now();
        let run = here.fh(&["run", "start", &card, "--wait"]).ok();
        let ran = begun.elapsed();
        assert_eq!(
            (&run["state"], &run["attempt"]),
            (&"waiting".into(), &1.into()),
            "{run}"
        );
        let begun = Instant::now();
        let landed = here.fh(&["run", "approve", id(&run)]).ok();
        assert_eq!(landed["state"], "succeeded", "{landed}");
        println!(
            "| {name} | {} ms | {} ms | {:.1} s | {:.1} s |",
            asked[5].as_millis(),
            asked[9].as_millis(),
            ran.as_secs_f64(),
            begun.elapsed().as_secs_f64()
        );
        here.events(id(&run));
        assert_eq!(remote.taken(Push::Target), number + 1);
    }
}
