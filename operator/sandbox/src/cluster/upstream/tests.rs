//! The seam, with a second model as the other server: stories end on it as they end without it, and the mirror shows what
//! it has stored.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, WatchParams};
use serde_json::json;

use super::{Lines, Opened, Upstream};
use crate::clock::SimClock;
use crate::cluster::intercept::{Asked, Change};
use crate::cluster::serve::{self, AnswerBody};
use crate::cluster::{Cluster, Kinds, lock};
use crate::run::{Entrance, Options, tests::example};

/// A model of the API in another place, with a clock that stands.
struct Other {
    cluster: Mutex<Cluster>,
    watches: Mutex<Vec<(AnswerBody, Lines)>>,
    is_away: AtomicBool,
    /// It does what it is asked, and the answer is lost.
    loses_answers: AtomicBool,
}

impl Other {
    fn new() -> Arc<Self> {
        let (is_away, loses_answers) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { cluster: Mutex::new(empty()), watches: Mutex::default(), is_away, loses_answers })
    }

    fn answer(&self, asked: &Asked) -> io::Result<(u16, AnswerBody)> {
        if self.is_away.load(Ordering::Relaxed) {
            lock(&self.watches).clear();
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let cluster = lock(&self.cluster).clone();
        let answer = serve::answer(&cluster, &asked.identity, &asked.parts, &asked.body).now_or_never();
        let (head, body) = answer.unwrap().unwrap().into_parts();
        Ok((head.status.as_u16(), body))
    }

    /// Hands over what is there of every watch.
    fn hand_over(&self) {
        for (body, lines) in lock(&self.watches).iter_mut() {
            while let Some(Some(Ok(frame))) = body.frame().now_or_never() {
                lines.push(&frame.into_data().unwrap());
            }
        }
    }
}

fn empty() -> Cluster {
    let cluster = Cluster::new(Arc::new(|| jiff::Timestamp::UNIX_EPOCH), Kinds::ours().unwrap());
    cluster.add_namespace("crm");
    cluster.add_namespace("crm-operator");
    cluster
}

impl Upstream for Other {
    fn begins(&self) {
        lock(&self.watches).clear();
        *lock(&self.cluster) = empty();
    }

    fn ask(&self, asked: &Asked) -> io::Result<(u16, Bytes)> {
        let (code, body) = self.answer(asked)?;
        let whole = body.collect().now_or_never().unwrap()?.to_bytes();
        self.hand_over();
        if self.loses_answers.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok((code, whole))
    }

    fn watch(&self, asked: &Asked, lines: Lines) -> io::Result<Opened> {
        match self.answer(asked)? {
            (200, body) => {
                lock(&self.watches).push((body, lines));
                self.hand_over();
                Ok(Opened::Watching)
            }
            (code, body) => Ok(Opened::Refused(code, body.collect().now_or_never().unwrap()?.to_bytes())),
        }
    }
}

#[test]
fn a_story_ends_on_another_server_as_it_ends_on_the_model() {
    let sandbox = example("fastcgi-enable");
    let here = sandbox.run(&Options::default(), &mut |_| {}).unwrap();
    let there = sandbox.on(Other::new()).run(&Options::default(), &mut |_| {}).unwrap();
    assert_eq!((&there.outcome, &there.digest), (&here.outcome, &here.digest));
    assert_eq!(there.duration, here.duration, "times are those of the simulated clock");
    assert!(there.waits.answered > 0 && there.waits.in_time > 0, "{:?}", there.waits);
    assert_eq!((there.waits.late, there.waits.lost), (0, 0));
}

#[test]
fn a_story_outlives_a_server_that_is_away_for_a_while_and_all_watches_with_it() {
    let sandbox = example("fastcgi-enable");
    let here = sandbox.run(&Options::default(), &mut |_| {}).unwrap();
    let other = Other::new();
    let away = async |entrance: Entrance| {
        let is_under_way = |entrance: &Entrance| entrance.change()["status"]["phase"] == "Changing";
        entrance.until(is_under_way).await;
        other.is_away.store(true, Ordering::Relaxed);
        entrance.cluster().break_watches();
        tokio::time::sleep(Duration::from_secs(20 * 60)).await;
        other.is_away.store(false, Ordering::Relaxed);
    };
    let sandbox = sandbox.on(Arc::clone(&other) as _);
    let guest = Box::new(|entrance: Entrance| Box::pin(away(entrance)) as _);
    let there = sandbox.run_with(&Options::default(), &mut |_| {}, guest).unwrap();
    assert_eq!((&there.outcome, &there.digest), (&here.outcome, &here.digest));
    assert!(there.waits.lost > 0 && there.waits.broken > 0, "{:?}", there.waits);
}

/// A mirror of another server, and what its observers are told.
async fn mirror() -> (Cluster, Arc<Other>, Arc<Mutex<Vec<Change>>>) {
    let clock = SimClock::starting_at("2026-11-28T19:00:00Z".parse().unwrap());
    let cluster = Cluster::new(clock.for_cluster(), Kinds::ours().unwrap());
    let (other, changes) = (Other::new(), Arc::new(Mutex::new(Vec::new())));
    cluster.answered_by(Arc::clone(&other) as _);
    let told = Arc::clone(&changes);
    cluster.observe(Arc::new(move |change| lock(&told).push(change.clone())));
    (cluster, other, changes)
}

fn secret(name: &str) -> Secret {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

#[tokio::test(start_paused = true)]
async fn observers_hear_of_each_write_with_what_was_there_before() {
    let (cluster, _other, changes) = mirror().await;
    let secrets: Api<Secret> = Api::namespaced(cluster.client("kari"), "crm");
    let created = secrets.create(&Default::default(), &secret("one")).await.unwrap();
    let at = created.metadata.creation_timestamp.unwrap().0;
    assert_eq!(at.to_string(), "2026-11-28T19:00:00Z", "when it was created is told by the simulated clock");
    let labelled = Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));
    secrets.patch("one", &PatchParams::default(), &labelled).await.unwrap();
    secrets.patch("one", &PatchParams::default(), &labelled).await.unwrap();
    assert!(cluster.get("Secret", "crm", "one").is_some_and(|secret| secret["metadata"]["labels"]["a"] == "b"));
    secrets.delete("one", &DeleteParams::default()).await.unwrap();
    let told = lock(&changes).clone();
    let seen: Vec<_> = told.iter().map(|change| (change.old.is_some(), change.new.is_some())).collect();
    assert_eq!(seen, [(false, true), (true, true), (true, false)], "what changes nothing is not told");
    assert!(told.iter().all(|change| &*change.identity == "kari"));
    assert_eq!(cluster.get("Secret", "crm", "one"), None);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_found_at_the_next_request_and_is_its_writers() {
    let (cluster, other, changes) = mirror().await;
    let secrets: Api<Secret> = Api::namespaced(cluster.client("kari"), "crm");
    other.loses_answers.store(true, Ordering::Relaxed);
    secrets.create(&Default::default(), &secret("one")).await.unwrap_err();
    assert_eq!(cluster.get("Secret", "crm", "one"), None, "nobody knows yet");
    other.loses_answers.store(false, Ordering::Relaxed);
    let ola: Api<Secret> = Api::namespaced(cluster.client("ola"), "crm");
    ola.get("one").await.unwrap();
    let told = lock(&changes).clone();
    assert_eq!(told.len(), 1);
    assert_eq!((&*told[0].identity, told[0].new.is_some()), ("kari", true));
    // What it does by itself is found by looking.
    let own: Api<Secret> = Api::namespaced(lock(&other.cluster).client("a controller of the server"), "crm");
    own.delete("one", &DeleteParams::default()).await.unwrap();
    assert!(cluster.get("Secret", "crm", "one").is_some());
    cluster.look_again().unwrap();
    assert_eq!(cluster.get("Secret", "crm", "one"), None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_broken_off_is_a_broken_connection_and_one_whose_time_is_up_ends() {
    let (cluster, other, _) = mirror().await;
    let secrets: Api<Secret> = Api::namespaced(cluster.client("kari"), "crm");
    secrets.create(&Default::default(), &secret("one")).await.unwrap();
    let watch = async || {
        let params = WatchParams::default().timeout(60);
        futures::StreamExt::boxed(secrets.watch(&params, "0").await.unwrap())
    };
    let mut broken = watch().await;
    assert!(futures::StreamExt::next(&mut broken).await.unwrap().is_ok());
    cluster.break_watches_of("ka");
    assert!(futures::StreamExt::next(&mut broken).await.unwrap().is_err());
    let mut ended = watch().await;
    assert!(futures::StreamExt::next(&mut ended).await.unwrap().is_ok());
    assert!(futures::StreamExt::next(&mut ended).await.is_none(), "its 60 s are over");
    drop(other);
}
