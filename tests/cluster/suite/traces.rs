//! Random operations on our kinds, asked of the model and of the real server: created, replaced, patched and applied by
//! several managers, status and finalizers, deletes, lists in pages, watches that are resumed; objects that no schema and no
//! rule lets through among them. Codes, objects and the order of watch lines are the same.
//!
//! `TRACES=10000` plays more of them, `TRACE_SEED=N` begins at that one; `TRACES=1` with a seed repeats a single trace
//! and prints its requests.

mod damage;
mod dice;
mod operation;
mod samples;

use std::sync::Arc;

use bytes::Bytes;
use crm_sandbox::clock::SimClock;
use crm_sandbox::cluster::{Cluster, Kinds};
use futures::FutureExt as _;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::Value;

use self::dice::Dice;
use self::operation::Author;
use self::samples::Sample;
use crate::referee::{Comparison, SecondServer};
use crate::server::Server;

/// So many are played where nothing else is asked for.
const USUAL: u64 = 1_000;
/// Operations of a trace.
const LENGTH: usize = 24;
/// After so many traces that differ, the rest would repeat them.
const DIFFERENT_MAX: usize = 10;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn random_operations_are_answered_as_a_real_api_server_answers_them() {
    let _alone = crate::server::alone();
    let (first, count) = (number("TRACE_SEED", 0), number("TRACES", USUAL));
    let samples = samples::of_each_kind();
    let server = Arc::new(Server::empty());
    server.without_policies();
    let (mut requests, mut lines, mut different) = (0, 0, Vec::new());
    for seed in first..first + count {
        let comparison = play(seed, &samples, &server, count == 1);
        requests += comparison.exchanges;
        lines += comparison.lines;
        if !comparison.differences.is_empty() {
            let text = comparison.differences.join("\n  ");
            different.push(format!("trace {seed} (TRACE_SEED={seed} TRACES=1):\n  {text}"));
        }
        if different.len() == DIFFERENT_MAX {
            break;
        }
    }
    if count < USUAL {
        println!("NOT PLAYED: {} of the usual {USUAL} traces (TRACES={USUAL})", USUAL - count);
    }
    println!("traces {first} to {}: {requests} requests, {lines} lines of watches", first + count - 1);
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(requests > 0 && (lines > 0 || count < 10));
}

/// What the model has given out in a trace.
#[derive(Default)]
struct Seen {
    versions: Vec<String>,
    uids: Vec<String>,
    token: Option<String>,
}

fn play(seed: u64, samples: &[Sample], server: &Arc<Server>, is_told: bool) -> Comparison {
    let referee = SecondServer::open(server);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let clock = SimClock::starting_at(jiff::Timestamp::from_second(1_790_000_000).unwrap());
        let cluster = Cluster::new(clock.for_cluster(), Kinds::ours().unwrap());
        cluster.add_namespace("crm");
        cluster.referee(Arc::clone(&referee) as _);
        let client = cluster.client("tracer");
        let mut dice = Dice::new(seed);
        // One kind in most traces, so that requests meet; its neighbour now and then.
        let place = dice.below(samples.len());
        let (mut seen, mut watches) = (Seen::default(), Vec::new());
        // Half of the traces are watched from their beginning.
        let watched = dice.one_in(2);
        for step in 0..LENGTH {
            let sample = if dice.one_in(8) { &samples[(place + 1) % samples.len()] } else { &samples[place] };
            let token = seen.token.clone();
            let mut author = Author { dice: &mut dice, sample, versions: &seen.versions, uids: &seen.uids, token };
            let operation = if watched && step == 0 { author.opens_a_watch() } else { author.operation() };
            if is_told {
                let (request, body) = (&operation.request, String::from_utf8_lossy(operation.request.body()));
                println!("{:2} {} {} {body}", step + 1, request.method(), request.uri());
            }
            let response = client.send(operation.request.map(Body::from)).await.unwrap();
            if is_told {
                println!("   {}", response.status());
            }
            if operation.is_watch && response.status().is_success() {
                watches.push(response.into_body().into_data_stream().boxed());
            } else {
                let bytes = response.into_body().collect().await.unwrap().to_bytes();
                seen.learn(&serde_json::from_slice(&bytes).unwrap_or_default());
            }
            watches.iter_mut().for_each(read);
        }
    });
    drop(runtime);
    referee.end()
}

/// Reads what is there of a watch.
fn read(watch: &mut BoxStream<'static, Result<Bytes, kube::Error>>) {
    while let Some(Some(Ok(_))) = watch.next().now_or_never() {}
}

impl Seen {
    fn learn(&mut self, answer: &Value) {
        let metadata = &answer["metadata"];
        if let Some(uid) = metadata["uid"].as_str() {
            self.uids.push(uid.to_owned());
        }
        if let Some(version) = metadata["resourceVersion"].as_str() {
            self.versions.push(version.to_owned());
        }
        if let Some(token) = metadata["continue"].as_str() {
            self.token = Some(crate::names::percent_encoded(token));
        }
    }
}
