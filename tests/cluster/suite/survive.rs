//! Stories on the real API server: simulated machines, SQL and people, the shipping controller and agents, and nothing of
//! our model of the API. Undisturbed, and with everything that may befall a cluster in mid-change: each of these ends as the
//! undisturbed one does, or in a stop that has a name; no invariant is broken, and the machines have done as much as in
//! the undisturbed one, and no more.
//!
//! - `stories`: the examples, undisturbed. `kills`: controller and agent are killed; how long it takes until the next
//!   correct action.
//! - `outages`: API server and etcd are killed, stopped, and set back to an earlier state.
//! - `programs`: the shipping program itself is killed and told to end.
//! - `leaders`: the lease is stolen or deleted; two controllers. `cuts`: who is cut off, and watches that break.
//! - `edits`: the operator is upgraded and the catalogue edited; a site or a definition is deleted.

mod cuts;
mod edits;
mod kills;
mod leaders;
mod outages;
mod programs;
mod stories;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crm_sandbox::file::ScenarioFile;
use crm_sandbox::report::{Outcome, RunReport};
use crm_sandbox::run::{Entrance, Options, Sandbox};
use futures::future::LocalBoxFuture;

use crate::real::RealApi;
use crate::server::Server;

/// The story in which most is at stake: an upgrade of database, Web and Service, with users out for an hour.
const MAIN: &str = "server-web-service-7.5-to-8.0";
/// A short one, in which a program runs and a person acts.
const SHORT: &str = "fastcgi-enable";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice")
}

fn sandbox(story: &str) -> Sandbox {
    Sandbox::new(ScenarioFile::read(&examples().join(format!("{story}.yaml"))).unwrap()).unwrap()
}

/// A number from the environment.
fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// One story on one server, to be played again and again.
struct Trial {
    story: &'static str,
    api: Arc<RealApi>,
    sandbox: Sandbox,
}

impl Trial {
    /// On the cluster of the suite.
    fn of(story: &'static str) -> Self {
        Self::on(story, Server::empty())
    }

    fn on(story: &'static str, server: Server) -> Self {
        let api = RealApi::on(server);
        let sandbox = sandbox(story).on(Arc::clone(&api) as _);
        Self { story, api, sandbox }
    }

    /// The same story undisturbed on the real server; played once in a run of the suite.
    fn undisturbed(&self) -> Arc<RunReport> {
        static PLAYED: Mutex<BTreeMap<&str, Arc<RunReport>>> = Mutex::new(BTreeMap::new());
        if let Some(report) = PLAYED.lock().unwrap_or_else(PoisonError::into_inner).get(self.story) {
            return Arc::clone(report);
        }
        let report = Arc::new(self.play("undisturbed", &Options::default(), |_| Box::pin(std::future::ready(()))));
        assert!(report.ends_as_announced, "{}", told(&report));
        PLAYED.lock().unwrap_or_else(PoisonError::into_inner).insert(self.story, Arc::clone(&report));
        report
    }

    /// Plays it while somebody does something to the cluster.
    fn play<'a>(
        &self,
        what: &str,
        options: &Options,
        guest: impl FnOnce(Entrance) -> LocalBoxFuture<'a, ()> + 'a,
    ) -> RunReport {
        let begun = Instant::now();
        let report = self.sandbox.run_with(options, &mut |_| {}, Box::new(guest)).unwrap();
        let (outcome, waits) = (report.outcome.word(), report.waits);
        println!(
            "{}, {what}: {outcome} after {:#} simulated, {:.1} s; {} requests answered and {} lost, {} watches broke and {} \
             were too old, {} lines waited for and {} late",
            self.story,
            report.duration,
            begun.elapsed().as_secs_f64(),
            waits.answered,
            waits.lost,
            waits.broken,
            waits.expired,
            waits.in_time,
            waits.late,
        );
        report
    }

    /// Plays it, and it ends as the undisturbed one does.
    fn ends_the_same<'a>(&self, what: &str, guest: impl FnOnce(Entrance) -> LocalBoxFuture<'a, ()> + 'a) -> RunReport {
        let undisturbed = self.undisturbed();
        let report = self.play(what, &Options::default(), guest);
        let differences = differences(&undisturbed, &report);
        assert!(differences.is_empty(), "{what}: {}\n{}", differences.join("\n"), told(&report));
        report
    }
}

/// In what a run has come to another end.
fn differences(undisturbed: &RunReport, report: &RunReport) -> Vec<String> {
    let mut all = Vec::new();
    let mut compare = |name: &str, one: String, other: String| {
        if one != other {
            all.push(format!("  {name}: undisturbed {one}, here {other}"));
        }
    };
    compare("outcome", undisturbed.outcome.word().to_owned(), report.outcome.word().to_owned());
    compare("ends as announced", undisturbed.ends_as_announced.to_string(), report.ends_as_announced.to_string());
    let done = |report: &RunReport| {
        let happened = report.happened;
        let (programs, effects) = (happened.programs, happened.effects);
        format!("{programs} programs, {effects} effects, {} backups, {} restarts", happened.backups, happened.restarts)
    };
    compare("done by the machines", done(undisturbed), done(report));
    compare("steps that a person allowed again", String::new(), report.human_retries.join(", "));
    let none = String::from("(not there)");
    for name in undisturbed.digest.keys().chain(report.digest.keys()) {
        let fact = |report: &RunReport| report.digest.get(name).unwrap_or(&none).clone();
        if undisturbed.digest.get(name) != report.digest.get(name) {
            compare(name, fact(undisturbed), fact(report));
        }
    }
    all.dedup();
    all
}

/// Outcome and story of a run.
fn told(report: &RunReport) -> String {
    let story: String = report.story.iter().map(|event| format!("{event}\n")).collect();
    let outcome = match &report.outcome {
        Outcome::Violated(violation) => violation.to_string(),
        other => other.to_string(),
    };
    format!("{outcome}\n{story}")
}

/// Phase of a step of the open or last change.
fn phase(entrance: &Entrance, step: &str) -> String {
    let change = entrance.change();
    let steps = change["status"]["steps"].as_array().cloned().unwrap_or_default();
    let found = steps.iter().find(|one| one["id"].as_str().is_some_and(|id| id.split('@').next() == Some(step)));
    found.and_then(|found| found["phase"].as_str()).unwrap_or_default().to_owned()
}

/// Waits until a step is under way, and so many minutes more.
async fn in_midst_of(entrance: &Entrance, step: &str, minutes: u64) {
    entrance.until(|entrance| phase(entrance, step) == "Started").await;
    minutes_pass(minutes).await;
}

async fn minutes_pass(minutes: u64) {
    tokio::time::sleep(Duration::from_secs(60 * minutes)).await;
}
