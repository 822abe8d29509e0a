use std::collections::BTreeSet;

use super::*;
use crate::batch::Submission;

fn open(dir: &Path) -> SqliteQueue {
    let mut queue = SqliteQueue::open(&dir.join(".huashen"), dir, "jobs.csv").unwrap();
    queue.patience.first_retry = Duration::ZERO;
    queue
}

fn job(out: &str, content: &str, warm: &str) -> Submission {
    Submission {
        number: 1,
        beside: None,
        out: out.to_owned(),
        content: content.to_owned(),
        warm: warm.to_owned(),
        order: format!("make {out}"),
    }
}

fn claimed(queue: &mut SqliteQueue, warm: Option<&str>) -> Claimed {
    match queue.claim(warm).unwrap() {
        Claim::Job(claimed) => *claimed,
        other => panic!("{other:?}"),
    }
}

/// Writes the clip, as a worker does, up to where it is sealed.
fn seal(queue: &mut SqliteQueue, dir: &Path, ticket: &Ticket, bytes: &[u8]) -> bool {
    let temp = ticket.temp_file(dir);
    std::fs::write(&temp, bytes).unwrap();
    queue.seal(ticket, &Made::of_file(&temp).unwrap()).unwrap()
}

fn finish(queue: &mut SqliteQueue, dir: &Path, ticket: &Ticket, bytes: &[u8]) -> bool {
    let sealed = seal(queue, dir, ticket, bytes);
    if sealed {
        put_in_place(&ticket.temp_file(dir), &dir.join(&ticket.out)).unwrap();
    }
    sealed && queue.complete(ticket).unwrap()
}

fn hidden(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap();
    let names = names.map(|e| e.unwrap().file_name().into_string().unwrap());
    names.filter(|n| n.starts_with(".huashen-")).collect()
}

#[test]
fn every_job_is_claimed_once_whoever_asks() {
    let temp = tempfile::tempdir().unwrap();
    let jobs: Vec<Submission> = (0..60)
        .map(|n| job(&format!("{n}.mp4"), &format!("c{n}"), "w"))
        .collect();
    open(temp.path()).submit(&jobs).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let dir = temp.path().to_owned();
            std::thread::spawn(move || {
                let mut queue = open(&dir);
                let mut mine = Vec::new();
                loop {
                    match queue.claim(None).unwrap() {
                        Claim::Job(claimed) => {
                            let out = claimed.ticket.out.clone();
                            assert!(finish(&mut queue, &dir, &claimed.ticket, out.as_bytes()));
                            mine.push(out);
                        }
                        Claim::Wait => std::thread::sleep(Duration::from_millis(2)),
                        Claim::Empty => return mine,
                    }
                }
            })
        })
        .collect();
    let all: Vec<String> = threads
        .into_iter()
        .flat_map(|t| t.join().unwrap())
        .collect();
    let each: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), each.len()), (60, 60));
    assert_eq!(open(temp.path()).tally().unwrap().done, 60);
}

#[test]
fn one_job_is_made_and_the_others_stay_as_they_are() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let jobs = ["a.mp4", "b.mp4", "c.mp4"].map(|out| job(out, out, "w"));
    let mut all = open(dir);
    all.submit(&jobs).unwrap();
    let first = claimed(&mut all, None).ticket;
    assert!(finish(&mut all, dir, &first, b"a"));

    let mut one = open(dir).only(Some("c.mp4"));
    let tally = one.submit(&jobs[2..]).unwrap();
    assert_eq!((tally.waiting, tally.done), (1, 0));
    let third = claimed(&mut one, None).ticket;
    assert_eq!(third.out, "c.mp4");
    assert!(finish(&mut one, dir, &third, b"c"));
    assert_eq!(one.claim(None).unwrap(), Claim::Empty);
    assert_eq!(one.rows().unwrap().len(), 1);

    let tally = all.submit(&jobs).unwrap();
    assert_eq!((tally.waiting, tally.done), (1, 2));
}

#[test]
fn subtitles_that_are_gone_are_made_again_and_foreign_ones_are_told() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let jobs = [Submission {
        beside: Some("a.srt".to_owned()),
        ..job("a.mp4", "1", "w")
    }];
    std::fs::write(dir.join("a.srt"), "somebody's").unwrap();
    let mut queue = open(dir);
    assert_eq!(
        queue.conflicts(&jobs).unwrap(),
        [("a.mp4".to_owned(), Conflict::File("a.srt".to_owned()))]
    );
    queue.submit(&jobs).unwrap();
    let ticket = claimed(&mut queue, None).ticket;
    assert!(finish(&mut queue, dir, &ticket, b"a"));
    assert!(queue.conflicts(&jobs).unwrap().is_empty());
    assert_eq!(queue.submit(&jobs).unwrap().done, 1);
    std::fs::remove_file(dir.join("a.srt")).unwrap();
    assert_eq!(queue.submit(&jobs).unwrap().waiting, 1);
}

#[test]
fn finished_clips_are_kept_and_changed_ones_are_made_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let mut queue = open(dir);
    let mut jobs = vec![
        job("a.mp4", "1", "w"),
        job("b.mp4", "2", "w"),
        job("c.mp4", "3", "w"),
    ];
    queue.submit(&jobs).unwrap();
    for _ in 0..3 {
        let ticket = claimed(&mut queue, None).ticket;
        assert!(finish(&mut queue, dir, &ticket, ticket.out.as_bytes()));
    }
    assert_eq!(queue.claim(None).unwrap(), Claim::Empty);
    drop(queue);

    // One is gone, one is wanted otherwise, one was cut short.
    let mut queue = open(dir);
    let kept = queue.submit(&jobs).unwrap();
    assert_eq!(
        kept,
        Tally {
            done: 3,
            ..Tally::default()
        }
    );
    std::fs::remove_file(dir.join("a.mp4")).unwrap();
    jobs[1].content = "2b".to_owned();
    assert_eq!(queue.conflicts(&jobs).unwrap(), []);
    std::fs::write(dir.join("c.mp4"), "c").unwrap();
    assert_eq!(
        queue.conflicts(&jobs).unwrap(),
        [("c.mp4".to_owned(), Conflict::File("c.mp4".to_owned()))],
        "somebody changed it: it is theirs"
    );
    let kept = queue.submit(&jobs).unwrap();
    assert_eq!(
        kept,
        Tally {
            waiting: 3,
            ..Tally::default()
        }
    );
    assert!(queue.rows().unwrap().iter().all(|r| r.made.is_none()));
}

#[test]
fn a_dead_workers_claim_is_taken_over_and_its_scraps_removed() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let mut dying = open(dir);
    dying.submit(&[job("a.mp4", "1", "w")]).unwrap();
    let ticket = claimed(&mut dying, None).ticket;
    std::fs::write(ticket.temp_file(dir), "half").unwrap();
    let mut other = open(dir);
    assert_eq!(other.claim(None).unwrap(), Claim::Wait, "it lives");
    assert!(dying.heartbeat(&ticket).unwrap());
    drop(dying);
    let again = claimed(&mut other, None);
    assert_eq!((again.ticket.out.as_str(), again.attempt), ("a.mp4", 2));
    assert_eq!(hidden(dir), [""; 0]);
    assert!(!other.heartbeat(&ticket).unwrap(), "the old claim is void");
    assert!(!seal(&mut other, dir, &ticket, b"late"));
    assert!(finish(&mut other, dir, &again.ticket, b"whole"));
}

#[test]
fn a_silent_workers_claim_is_taken_over_although_its_process_lives() {
    let temp = tempfile::tempdir().unwrap();
    let mut silent = open(temp.path());
    silent.submit(&[job("a.mp4", "1", "w")]).unwrap();
    let ticket = claimed(&mut silent, None).ticket;
    let mut other = open(temp.path());
    other.patience.silent = Duration::from_millis(200);
    assert!(silent.heartbeat(&ticket).unwrap());
    assert_eq!(other.claim(None).unwrap(), Claim::Wait);
    other
        .write(|t| t.execute("UPDATE jobs SET heartbeat_ms = heartbeat_ms - 1000", []))
        .unwrap();
    assert_ne!(claimed(&mut other, None).ticket, ticket);
    assert!(!silent.heartbeat(&ticket).unwrap());
}

#[test]
fn what_was_sealed_before_a_crash_is_completed_and_not_made_again() {
    for renamed in [false, true] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        let mut dying = open(dir);
        dying.submit(&[job("a.mp4", "1", "w")]).unwrap();
        let ticket = claimed(&mut dying, None).ticket;
        assert!(seal(&mut dying, dir, &ticket, b"whole"));
        if renamed {
            std::fs::rename(ticket.temp_file(dir), dir.join("a.mp4")).unwrap();
        }
        drop(dying);
        let mut next = open(dir);
        assert_eq!(next.claim(None).unwrap(), Claim::Empty);
        assert_eq!(next.tally().unwrap().done, 1);
        assert_eq!(std::fs::read(dir.join("a.mp4")).unwrap(), b"whole");
        assert_eq!(hidden(dir), [""; 0]);
    }
}

#[test]
fn what_may_pass_is_tried_again_and_what_cannot_is_not() {
    let temp = tempfile::tempdir().unwrap();
    let mut queue = open(temp.path());
    queue.submit(&[job("a.mp4", "1", "w")]).unwrap();
    for attempt in 1..=3 {
        let claimed = claimed(&mut queue, None);
        assert_eq!(claimed.attempt, attempt);
        let outcome = queue.fail(&claimed.ticket, "no device", true).unwrap();
        assert_eq!(outcome == Outcome::Failed, attempt == 3);
    }
    assert_eq!(queue.claim(None).unwrap(), Claim::Empty);
    assert_eq!(queue.rows().unwrap()[0].error.as_deref(), Some("no device"));

    // Running again is trying again; bad input fails at once.
    queue.submit(&[job("a.mp4", "1", "w")]).unwrap();
    let ticket = claimed(&mut queue, None).ticket;
    assert_eq!(queue.fail(&ticket, "bad", false).unwrap(), Outcome::Failed);

    // Stopped is not failed.
    queue.submit(&[job("a.mp4", "1", "w")]).unwrap();
    let ticket = claimed(&mut queue, None).ticket;
    queue.release(&ticket).unwrap();
    assert_eq!(claimed(&mut queue, None).attempt, 1);
}

#[test]
fn a_retry_waits_its_time() {
    let temp = tempfile::tempdir().unwrap();
    let mut queue = open(temp.path());
    queue.patience.first_retry = Duration::from_secs(3600);
    queue.submit(&[job("a.mp4", "1", "w")]).unwrap();
    let ticket = claimed(&mut queue, None).ticket;
    let outcome = queue.fail(&ticket, "x", true).unwrap();
    assert_eq!(
        outcome,
        Outcome::Again {
            after: Duration::from_secs(3600)
        }
    );
    assert_eq!(queue.claim(None).unwrap(), Claim::Wait);
}

#[test]
fn jobs_that_kill_their_worker_fail_in_the_end() {
    let temp = tempfile::tempdir().unwrap();
    let mut parent = open(temp.path());
    parent.submit(&[job("a.mp4", "1", "w")]).unwrap();
    for attempt in 1..=3 {
        let mut worker = open(temp.path());
        let id = worker.enlist().unwrap();
        claimed(&mut worker, None);
        let outcomes = parent.bury(&id, "signal 11").unwrap();
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].1 == Outcome::Failed, attempt == 3);
    }
}

#[test]
fn what_is_warm_comes_first_and_nobody_warms_the_same_twice() {
    let temp = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (open(temp.path()), open(temp.path()));
    one.submit(&[
        job("a.mp4", "1", "lin"),
        job("b.mp4", "2", "bob"),
        job("c.mp4", "3", "lin"),
        job("d.mp4", "4", "bob"),
    ])
    .unwrap();
    let names = [
        claimed(&mut one, None).ticket.out,
        claimed(&mut two, None).ticket.out,
        claimed(&mut one, Some("lin")).ticket.out,
        claimed(&mut two, Some("bob")).ticket.out,
    ];
    assert_eq!(names, ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]);
}

#[test]
fn twins_are_made_once() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let mut queue = open(dir);
    queue
        .submit(&[job("a.mp4", "same", "w"), job("b.mp4", "same", "w")])
        .unwrap();
    let first = claimed(&mut queue, None);
    assert_eq!(first.twin, None);
    assert_eq!(
        queue.claim(None).unwrap(),
        Claim::Wait,
        "its twin is being made"
    );
    assert!(finish(&mut queue, dir, &first.ticket, b"clip"));
    let second = claimed(&mut queue, None);
    assert_eq!(second.twin.unwrap().0, "a.mp4");
}

#[test]
fn two_manifests_in_one_folder_do_not_take_each_others_names() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(dir.join("other.csv"), "").unwrap();
    let other = dir.join("other.csv").display().to_string();
    let mut theirs = SqliteQueue::open(&dir.join(".huashen"), dir, &other).unwrap();
    theirs.submit(&[job("a.mp4", "1", "w")]).unwrap();
    let mut ours = open(dir);
    let conflicts = ours
        .conflicts(&[job("a.mp4", "2", "w"), job("b.mp4", "3", "w")])
        .unwrap();
    assert_eq!(conflicts, [("a.mp4".to_owned(), Conflict::Manifest(other))]);
    assert_eq!(ours.claim(None).unwrap(), Claim::Empty);
}
