//! Gathers a report from the stage at the end of a run.

use std::collections::BTreeMap;

use crm_api::clock::Clock as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{BackupReport, Happened, Outcome, RunReport, SiteReport, VersionChange};
use crate::file::ScenarioFile;
use crate::run::{Options, Stage};
use crate::story::{StoryEvent, What};
use crate::witness::Notes;
use crate::world::{GhostEvent, Happening, VersionRow};

/// Conditions of a site that are debts while they are False.
const DEBTS: [&str; 5] = [
    "AttachmentsRemapped",
    "CustomerCentreMerged",
    "WindowsClientsRolledOut",
    "WindowsClientsRemoved",
    "PocketServerRemoved",
];

impl RunReport {
    pub(crate) fn of(
        stage: &Stage,
        options: &Options,
        outcomes: &[Outcome],
        before: &BTreeMap<String, Vec<VersionRow>>,
        edited_at: Option<Timestamp>,
    ) -> Self {
        let now = stage.clock.now();
        let history = stage.world.history();
        let notes = stage.witness.notes();
        let mut ends = outcomes.iter();
        let (first, others) = {
            // What the operator does not know has no outcome.
            let mut report = |file: &ScenarioFile| {
                let outcome = if file.managed { ends.next().cloned() } else { None };
                site_report(stage, &notes, file, outcome, before)
            };
            (report(&stage.file), stage.file.others.iter().map(report).collect())
        };
        Self {
            scenario: stage.file.name().to_owned(),
            seed: options.seed,
            faults: options.faults.iter().map(ToString::to_string).collect(),
            outcome: outcomes.first().cloned().unwrap_or(Outcome::TimedOut),
            ends_as_announced: ends_as_announced(stage, outcomes),
            first,
            others,
            duration: now.duration_since(edited_at.unwrap_or(stage.file.scenario.spec.start)),
            edited_at,
            writes: notes.writes,
            happened: count(&history, notes.teller.events()),
            exercised: notes.invariants.exercised(),
            human_retries: human_retries(stage),
            digest: digest(stage, &notes),
            points: stage.points.names(),
            waits: stage.cluster.waits(),
            kill_struck: stage.points.has_struck(),
            story: notes.teller.events().to_vec(),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Whether every site has come to the end that the scenario announces for it.
fn ends_as_announced(stage: &Stage, outcomes: &[Outcome]) -> bool {
    let announced: Vec<_> = stage.file.each_managed().map(|file| file.scenario.spec.ends).collect();
    announced.len() == outcomes.len() && announced.iter().zip(outcomes).all(|(ends, outcome)| outcome.is(*ends))
}

/// What the run came to at one site.
fn site_report(
    stage: &Stage,
    notes: &Notes,
    file: &ScenarioFile,
    outcome: Option<Outcome>,
    before: &BTreeMap<String, Vec<VersionRow>>,
) -> SiteReport {
    let (name, now) = (file.site_name(), stage.clock.now());
    let (change, site) = (notes.change(name), notes.site(name));
    let record = change.and_then(|change| text(&change["metadata"]["name"]));
    SiteReport {
        site: format!("{}/{name}", file.namespace()),
        outcome,
        versions: versions(before.get(name), &stage.world.versions_of(name)),
        closed_for: change.and_then(|change| closed_for(&change["status"], now)),
        downtime: notes.teller.downtime(name, now),
        backup: record.as_deref().and_then(|record| backup_of(stage, record)),
        findings: findings(change.map(|change| &**change), site.map(|site| &**site)),
        record,
        final_site: site.map(|site| (**site).clone()),
    }
}

fn versions(before: Option<&Vec<VersionRow>>, after: &[VersionRow]) -> Vec<VersionChange> {
    let find = |row: &VersionRow| {
        let same =
            |other: &&VersionRow| (&other.part, &other.node, &other.source) == (&row.part, &row.node, &row.source);
        after.iter().find(same).and_then(|other| other.version.clone())
    };
    before
        .into_iter()
        .flatten()
        .map(|row| VersionChange {
            part: row.part.clone(),
            node: row.node.clone(),
            source: row.source.clone(),
            before: row.version.clone(),
            after: find(row),
        })
        .collect()
}

fn closed_for(status: &Value, now: Timestamp) -> Option<SignedDuration> {
    let time = |field: &str| status[field].as_str().and_then(|at| at.parse::<Timestamp>().ok());
    let closed = time("closedAt")?;
    Some(time("openedAt").unwrap_or(now).duration_since(closed))
}

fn backup_of(stage: &Stage, change: &str) -> Option<BackupReport> {
    let all = stage.cluster.list("CrmBackup");
    let backup = all.iter().find(|backup| backup["spec"]["change"] == change)?;
    let status = &backup["status"];
    let mut files = Vec::new();
    if let Some(path) = text(&status["database"]["path"]) {
        files.push(("SQL Server".to_owned(), path, status["database"]["sizeBytes"].as_i64().unwrap_or(0)));
    }
    for file in status["files"].as_array().into_iter().flatten() {
        let path = text(&file["file"]["path"]).unwrap_or_default();
        // The database's file stands in the list of files as well.
        if files.iter().any(|(_, known, _)| *known == path) {
            continue;
        }
        files.push((text(&file["node"]).unwrap_or_default(), path, file["file"]["sizeBytes"].as_i64().unwrap_or(0)));
    }
    Some(BackupReport {
        name: text(&backup["metadata"]["name"]).unwrap_or_default(),
        release: text(&backup["spec"]["release"]).unwrap_or_default(),
        verified: is_true(backup, "Verified"),
        files,
    })
}

fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    object["status"]["conditions"].as_array().into_iter().flatten()
}

fn is_true(object: &Value, kind: &str) -> bool {
    conditions(object).any(|condition| condition["type"] == kind && condition["status"] == "True")
}

fn findings(change: Option<&Value>, site: Option<&Value>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let recorded = change.and_then(|change| change["status"]["findings"].as_array());
    all.extend(recorded.into_iter().flatten().filter_map(text));
    let Some(site) = site else { return all };
    for finding in site["status"]["findings"].as_array().into_iter().flatten() {
        let part = |field: &str| finding[field].as_str().unwrap_or_default();
        all.push(format!("{}: {} ({})", part("severity"), part("message"), part("remedy")));
    }
    for debt in conditions(site).filter(|condition| condition["status"] == "False") {
        let kind = debt["type"].as_str().unwrap_or_default();
        if DEBTS.contains(&kind) {
            let message = debt["message"].as_str().unwrap_or_default();
            // The record of the change may say it already, without the name of the condition.
            all.retain(|finding| finding != message);
            all.push(format!("{kind}: {message}"));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|finding| seen.insert(finding.clone()));
    all
}

/// Faults that strike outside of the world (a lost agent, a lost answer) are known from the story only.
fn count(history: &[GhostEvent], story: &[StoryEvent]) -> Happened {
    let faults = story.iter().filter(|event| event.what == What::Fault).count();
    let mut count = Happened { faults: u32::try_from(faults).unwrap_or(u32::MAX), ..Happened::default() };
    for event in history {
        count.events += 1;
        match &event.what {
            Happening::Started { .. } => count.programs += 1,
            Happening::Effect { .. } => count.effects += 1,
            Happening::BackupTaken { .. } => count.backups += 1,
            Happening::RebootStarted { .. } => count.restarts += 1,
            Happening::AgentKilled { .. } => count.agents_lost += 1,
            _ => {}
        }
    }
    count
}

/// Steps that a person has allowed another try.
fn human_retries(stage: &Stage) -> Vec<String> {
    let decisions = stage.cluster.list("CrmDecision");
    let retries = decisions.iter().filter(|decision| decision["spec"]["word"] == "Retry");
    retries.filter_map(|decision| text(&decision["spec"]["step"])).collect()
}

/// How everything stands, without times, ids, attempts and epochs.
fn digest(stage: &Stage, notes: &Notes) -> BTreeMap<String, String> {
    let mut facts = stage.world.digest_facts();
    facts.insert("notices at the webhook".to_owned(), stage.receiver.digest());
    let mut fact = |name: String, value: &str| {
        facts.insert(name, value.to_owned());
    };
    let first = stage.file.site_name();
    let of = |object: &Value| match object["spec"]["site"].as_str() {
        Some(other) if other != first => format!("{other}, "),
        Some(_) | None => String::new(),
    };
    for change in stage.cluster.list("CrmChange") {
        let hop = format!("{}change {} -> {}", of(&change), change["spec"]["from"], change["spec"]["to"]);
        fact(format!("{hop}, phase"), change["status"]["phase"].as_str().unwrap_or_default());
        for step in change["status"]["steps"].as_array().into_iter().flatten() {
            let id = step["id"].as_str().unwrap_or_default();
            fact(format!("{hop}, step {id}"), step["phase"].as_str().unwrap_or_default());
        }
    }
    for backup in stage.cluster.list("CrmBackup") {
        let verified = is_true(&backup, "Verified").to_string();
        fact(format!("{}backup of {}, verified", of(&backup), backup["spec"]["release"]), &verified);
    }
    for (file, site) in stage.file.each_managed().filter_map(|file| Some((file, notes.site(file.site_name())?))) {
        let name = if file.site_name() == first { "site" } else { file.site_name() };
        fact(format!("{name}, verified"), site["status"]["verified"]["version"].as_str().unwrap_or_default());
        for kind in ["Ready", "UpToDate", "Drifted"] {
            let state = conditions(site).find(|condition| condition["type"] == kind);
            let state = state.and_then(|condition| condition["status"].as_str()).unwrap_or("none");
            fact(format!("{name}, {kind}"), state);
        }
    }
    fact("changes".to_owned(), &stage.cluster.list("CrmChange").len().to_string());
    fact("a change is named".to_owned(), &notes.change(first).is_some().to_string());
    facts
}
