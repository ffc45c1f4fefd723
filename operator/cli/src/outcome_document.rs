//! What a run or a sweep came to, for programs. They may rely on the names of the fields.

use crm_sandbox::faults::Fault;
use crm_sandbox::report::{BackupReport, Outcome, RunReport, SiteReport, VersionChange};
use crm_sandbox::sweep::SweepReport;
use jiff::Timestamp;
use serde::Serialize;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDocument {
    api_version: &'static str,
    kind: &'static str,
    /// Name of the scenario.
    pub scenario: String,
    /// What the run was made of.
    pub seed: u64,
    /// Faults that were set.
    pub faults: Vec<String>,
    /// The exit code of the command.
    pub exit_code: u8,
    /// Whether every site has come to the end that the scenario announces.
    pub ends_as_announced: bool,
    /// The sites of the world, the one that the scenario is about first.
    pub sites: Vec<SiteDocument>,
    /// When the edit was applied; left out where the site never settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// From the edit to the end, in simulated seconds.
    pub seconds: i64,
    /// What was counted.
    pub happened: HappenedDocument,
    /// How often each invariant of safety was put to the test.
    pub checked: Vec<CheckedDocument>,
}

/// How it ended at one site.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SiteDocument {
    /// `namespace/name`.
    pub site: String,
    /// Reached, BackedOut, Halted, Refused, Waiting, TimedOut or Violated; `Unknown` where the operator does not know the
    /// site.
    pub outcome: &'static str,
    /// Why, in a sentence.
    pub message: String,
    /// What a person can do, or who can end it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// What each source showed of each part, before and after.
    pub versions: Vec<VersionDocument>,
    /// From closing to opening, by the record, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_seconds: Option<i64>,
    /// How long at least one user could not work, in seconds.
    pub downtime_seconds: i64,
    /// The backup set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupDocument>,
    /// What a person should know afterwards.
    pub findings: Vec<String>,
}

/// One part in one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionDocument {
    /// Component or `Database`.
    pub part: String,
    /// Machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Where it is read.
    pub source: String,
    /// Before the edit.
    pub before: Option<String>,
    /// At the end.
    pub after: Option<String>,
}

/// A backup set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupDocument {
    /// Name of the `CrmBackup`.
    pub name: String,
    /// Release of the site at that moment.
    pub release: String,
    /// Whether it is proven to be fit for a restore.
    pub verified: bool,
}

/// What really happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HappenedDocument {
    /// Vendor programs that were started.
    pub programs: u32,
    /// Changes for good that they made.
    pub effects: u32,
    /// Backups that were written to their end.
    pub backups: u32,
    /// Restarts of Windows.
    pub restarts: u32,
    /// Agents that were lost.
    pub agents_lost: u32,
    /// Faults that struck.
    pub faults: u32,
    /// Stored writes of the API by the controller.
    pub controller_writes: u32,
}

/// One invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckedDocument {
    /// Which.
    pub invariant: String,
    /// How often it was put to the test.
    pub times: u32,
}

/// A sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepDocument {
    api_version: &'static str,
    kind: &'static str,
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of every run.
    pub seed: u64,
    /// The exit code of the command.
    pub exit_code: u8,
    /// Runs with one kill each.
    pub points: usize,
    /// Runs that came to the same end.
    pub equal: usize,
    /// Runs that stopped where the scenario says that they may.
    pub named_stops: usize,
    /// Runs that came to another end.
    pub different: usize,
    /// The first of these.
    pub differences: Vec<DifferenceDocument>,
}

/// A run that came to another end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferenceDocument {
    /// Where it was killed.
    pub point: String,
    /// How it ended.
    pub outcome: String,
    /// Facts that differ.
    pub facts: Vec<FactDocument>,
}

/// A fact that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FactDocument {
    /// Its name.
    pub name: String,
    /// Undisturbed.
    pub undisturbed: String,
    /// In this run.
    pub here: String,
}

/// Something that can go wrong in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultDocument {
    /// What `--fault` takes.
    pub name: &'static str,
    /// Step at which it strikes where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual_step: Option<&'static str>,
    /// What comes of it.
    pub outcome: &'static str,
}

/// What a run came to.
#[must_use]
pub fn of_run(report: &RunReport, exit_code: u8) -> RunDocument {
    let happened = report.happened;
    RunDocument {
        api_version: crm_api::API_VERSION,
        kind: "SandboxRun",
        scenario: report.scenario.clone(),
        seed: report.seed,
        faults: report.faults.clone(),
        exit_code,
        ends_as_announced: report.ends_as_announced,
        sites: std::iter::once(&report.first).chain(&report.others).map(site).collect(),
        edited_at: report.edited_at,
        seconds: report.duration.as_secs(),
        happened: HappenedDocument {
            programs: happened.programs,
            effects: happened.effects,
            backups: happened.backups,
            restarts: happened.restarts,
            agents_lost: happened.agents_lost,
            faults: happened.faults,
            controller_writes: report.writes.controller,
        },
        checked: report
            .exercised
            .iter()
            .map(|one| CheckedDocument { invariant: one.invariant.to_string(), times: one.times })
            .collect(),
    }
}

fn site(report: &SiteReport) -> SiteDocument {
    let (outcome, message, remedy) = words(report.outcome.as_ref());
    SiteDocument {
        site: report.site.clone(),
        outcome,
        message,
        remedy,
        change: report.record.clone(),
        versions: report.versions.iter().map(version).collect(),
        closed_seconds: report.closed_for.map(|closed| closed.as_secs()),
        downtime_seconds: report.downtime.as_secs(),
        backup: report.backup.as_ref().map(backup),
        findings: report.findings.clone(),
    }
}

/// An outcome as a word, why, and what can be done.
fn words(outcome: Option<&Outcome>) -> (&'static str, String, Option<String>) {
    let Some(outcome) = outcome else {
        return ("Unknown", "the operator does not know this site".to_owned(), None);
    };
    let (message, remedy) = match outcome {
        Outcome::Halted { reason, remedy } => (reason.clone(), Some(remedy.clone())),
        Outcome::Waiting { message, ended_by, .. } => (message.clone(), Some(format!("ended by {ended_by}"))),
        Outcome::BackedOut(why) | Outcome::Refused(why) => (why.clone(), None),
        Outcome::Reached | Outcome::Gone | Outcome::TimedOut | Outcome::Violated(_) => (outcome.to_string(), None),
    };
    (outcome.word(), message, remedy.filter(|remedy| !remedy.is_empty()))
}

fn version(change: &VersionChange) -> VersionDocument {
    let VersionChange { part, node, source, before, after } = change.clone();
    VersionDocument { part, node, source, before, after }
}

fn backup(report: &BackupReport) -> BackupDocument {
    let BackupReport { name, release, verified, files: _ } = report.clone();
    BackupDocument { name, release, verified }
}

/// What a sweep came to.
#[must_use]
pub fn of_sweep(report: &SweepReport, exit_code: u8) -> SweepDocument {
    let fact = |(name, undisturbed, here): &(String, String, String)| FactDocument {
        name: name.clone(),
        undisturbed: undisturbed.clone(),
        here: here.clone(),
    };
    SweepDocument {
        api_version: crm_api::API_VERSION,
        kind: "SandboxSweep",
        scenario: report.scenario.clone(),
        seed: report.seed,
        exit_code,
        points: report.points,
        equal: report.equal,
        named_stops: report.named_stops,
        different: report.different,
        differences: report
            .details
            .iter()
            .map(|difference| DifferenceDocument {
                point: difference.point.clone(),
                outcome: difference.outcome.clone(),
                facts: difference.facts.iter().map(fact).collect(),
            })
            .collect(),
    }
}

/// Everything that can go wrong.
#[must_use]
pub fn of_faults() -> Vec<FaultDocument> {
    Fault::all()
        .into_iter()
        .map(|fault| FaultDocument { name: fault.name(), usual_step: fault.usual_step(), outcome: fault.outcome() })
        .collect()
}
