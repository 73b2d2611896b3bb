//! Streams over connections that break.

use std::io::{BufRead as _, BufReader};
use std::sync::atomic::{AtomicUsize, Ordering};

use freehold_model::run::State;
use freehold_wire::api::{Event, Page};
use freehold_wire::problem::{Code, Problem};

use super::documents::{event, events, run, sse};
use super::program::{Home, wait};
use super::server::{Answer, Request, Server, json, problem};

fn after(request: &Request) -> u64 {
    let (_, after) = request.path.split_once("after=").unwrap();
    after.split('&').next().unwrap().parse().unwrap()
}

fn seqs(lines: &str) -> Vec<u64> {
    let events = lines
        .lines()
        .map(|line| serde_json::from_str::<Event>(line).unwrap());
    events.map(|event| event.seq).collect()
}

#[test]
fn no_event_is_lost_or_doubled_when_the_stream_is_cut() {
    let looks = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        if !request.path.contains("/events") {
            // Ended only when the stream was told to the end.
            let state = match looks.fetch_add(1, Ordering::Relaxed) {
                0..4 => State::Running,
                _ => State::Succeeded,
            };
            return json(&run(state));
        }
        let after = usize::try_from(after(request)).unwrap();
        let all: Vec<Vec<u8>> = events().iter().map(sse).collect();
        match after {
            _ if !request.path.contains("/stream") => json(&Page {
                items: events().split_off(after),
                next: None,
            }),
            // In the middle of an event's data.
            0 => Answer::Cut(vec![all[0].clone(), all[1].clone(), all[2][..20].to_vec()]),
            // A server that begins a little earlier than it was asked to, and hangs up politely.
            2 => Answer::Stream(vec![
                all[1].clone(),
                all[2].clone(),
                b": alive\n\n".to_vec(),
            ]),
            // Between data and the empty line.
            3 => Answer::Cut(vec![all[3].clone(), all[4][..all[4].len() - 1].to_vec()]),
            4 => Answer::Cut(vec![[all[4].clone(), all[5].clone()].concat()]),
            _ => Answer::Stream(vec![]),
        }
    });
    let seen = Home::of(&server).run(&["--json", "run", "events", "r", "--follow"]);
    assert_eq!((seen.code, seen.err.as_str()), (0, ""));
    assert_eq!(seqs(&seen.out()), [1, 2, 3, 4, 5, 6, 7]);
    let asked: Vec<u64> = server
        .requests()
        .iter()
        .filter(|request| request.path.contains("/stream"))
        .map(after)
        .collect();
    assert_eq!(asked, [0, 2, 3, 4, 6]);
}

#[test]
fn a_hole_in_the_stream_is_filled() {
    let server = Server::start(|request| {
        if !request.path.contains("/events") {
            return json(&run(State::Failed));
        }
        let fresh = events()
            .into_iter()
            .filter(|event| event.seq > after(request));
        match request.path.contains("/stream") {
            true => Answer::Stream(fresh.filter(|e| e.seq != 3).map(|e| sse(&e)).collect()),
            false => json(&Page {
                items: fresh.collect(),
                next: None,
            }),
        }
    });
    let seen = Home::of(&server).run(&["--json", "run", "events", "r", "--follow", "--after", "1"]);
    assert_eq!((seen.code, seqs(&seen.out())), (0, vec![2, 3, 4, 5, 6, 7]));
}

#[test]
fn a_stream_that_is_refused_or_senseless_is_an_error() {
    let server = Server::start(|_| problem(&Problem::new(Code::NotFound, "no run is `r`")));
    let seen = Home::of(&server).run(&["--json", "run", "events", "r", "--follow"]);
    assert_eq!((seen.code, seen.error().as_str()), (1, "not_found"));
    let server = Server::start(|_| Answer::Stream(vec![b"data: nonsense\n\n".to_vec()]));
    let seen = Home::of(&server).run(&["--json", "run", "events", "r", "--follow"]);
    assert_eq!((seen.code, seen.error().as_str()), (4, "unreachable"));
}

#[test]
fn events_of_several_pages_come_as_lines() {
    let server = Server::start(|request| {
        let first = after(request) + 1;
        let items =
            (first..first + 2).map(|seq| event(seq, "note", serde_json::json!({"text": "x"})));
        let next = (first < 5).then(|| (first + 1).to_string());
        json(&Page {
            items: items.collect::<Vec<_>>(),
            next,
        })
    });
    let seen = Home::of(&server).run(&["run", "events", "r", "--json"]);
    assert_eq!(seqs(&seen.out()), [1, 2, 3, 4, 5, 6]);
    let seen = Home::of(&server).run(&["run", "events", "r", "--json", "--after", "4"]);
    assert_eq!(seqs(&seen.out()), [5, 6]);
}

#[test]
fn logs_that_are_cut_go_on_where_they_were() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let asked = asked.fetch_add(1, Ordering::Relaxed);
        if !request.path.contains("/logs") {
            // The first stream that ended politely was not the end.
            return json(&run(match asked {
                0..6 => State::Running,
                _ => State::Failed,
            }));
        }
        match asked {
            0 => Answer::Cut(vec![b"one\ntw".to_vec()]),
            1 => Answer::Hangup,
            2 => Answer::Cut(vec![b"one\n".to_vec()]),
            3 => Answer::Stream(vec![b"on".to_vec(), b"e\ntwo\nth".to_vec()]),
            _ => Answer::Stream(vec![b"one\ntwo\nthree\n".to_vec()]),
        }
    });
    let seen = Home::of(&server).run(&["run", "logs", "r", "--follow"]);
    assert_eq!((seen.code, seen.out().as_str()), (0, "one\ntwo\nthree\n"));
    assert_eq!(server.lines()[0], "GET /api/v1/runs/r/logs?follow=true");
}

#[test]
fn a_reader_that_goes_away_is_not_an_error() {
    let server = Server::start(|_| Answer::Stream(vec![vec![b'x'; 64 * 1024]; 1024]));
    let mut child = Home::of(&server)
        .command(&["run", "logs", "r"])
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    assert!(!out.fill_buf().unwrap().is_empty());
    drop(out);
    assert_eq!(wait(&mut child), 0);
    let mut err = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut err).unwrap();
    assert_eq!(err, "");
}
