//! `status`: all sites in a table, or one site with the steps of its change.

use crm_api::change::{CrmChange, StepPhase};
use crm_api::condition::{Kind, find};
use crm_api::site::CrmSite;
use crm_sandbox::story::duration_text;
use jiff::Timestamp;
use kube::api::ObjectList;
use kube::core::{ListMeta, TypeMeta};

use super::explanation::blockers;
use super::read::{self, Situation};
use super::show::{document, line, table, toned};
use super::watch;
use crate::arguments::Format;
use crate::arguments::cluster::StatusArguments;
use crate::paint::Tone;
use crate::{Connection, Exit, Failure, Streams};

/// Runs `status`.
///
/// # Errors
/// When there is no such site, the cluster does not answer, or the output ends.
pub async fn status(
    connection: &Connection,
    wanted: &StatusArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let Some(name) = &wanted.site else { return fleet(connection, wanted, streams).await };
    if wanted.watch {
        return watch::watch(connection, name, wanted, streams).await;
    }
    let situation = read::situation(connection, name).await?;
    match wanted.output {
        Format::Text => one(&situation, streams)?,
        format => document(format, &situation.site, streams.out)?,
    }
    Ok(Exit::Good)
}

async fn fleet(connection: &Connection, wanted: &StatusArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let here = (!wanted.all_namespaces).then_some(connection.namespace.as_str());
    let sites = read::list::<CrmSite>(connection, "list sites", here).await?;
    if wanted.output != Format::Text {
        let types = TypeMeta { api_version: "v1".to_owned(), kind: "List".to_owned() };
        let list = ObjectList { types, metadata: ListMeta::default(), items: sites };
        document(wanted.output, &list, streams.out)?;
        return Ok(Exit::Good);
    }
    if sites.is_empty() {
        let place = here.map_or("any namespace".to_owned(), |namespace| format!("namespace {namespace}"));
        writeln!(streams.err, "there is no CrmSite in {place}")?;
        return Ok(Exit::Good);
    }
    let rows: Vec<Vec<String>> = sites.iter().map(row).collect();
    let heads = ["NAMESPACE", "SITE", "WANTED", "VERIFIED", "READY", "UPTODATE", "DRIFT", "NEXT WINDOW", "WAITS FOR"];
    table(&heads, &rows, streams)?;
    Ok(Exit::Good)
}

fn row(site: &CrmSite) -> Vec<String> {
    let status = site.status.clone().unwrap_or_default();
    let condition = |kind: Kind| find(&status.conditions, kind).map_or("-".to_owned(), |one| one.status.clone());
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    // The reason of UpToDate says what is waited for, in a word.
    let waits = find(&status.conditions, Kind::UpToDate).filter(|one| one.status != "True");
    vec![
        filled(site.metadata.namespace.clone()),
        filled(site.metadata.name.clone()),
        site.spec.version.clone(),
        filled(status.verified.map(|verified| verified.version)),
        condition(Kind::Ready),
        condition(Kind::UpToDate),
        filled(Some(status.drift)),
        filled(status.next_window),
        filled(waits.map(|one| one.reason.clone())),
    ]
}

fn one(situation: &Situation, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let site = &situation.site;
    let status = site.status.clone().unwrap_or_default();
    let verified = status.verified.as_ref().map_or("nothing", |verified| &verified.version);
    let product = site.spec.product;
    let head = format!("{}/{}, {product:?}", situation.namespace(), situation.name());
    line("site", &format!("{head}, wanted {}, verified {verified}", site.spec.version), streams)?;
    for kind in [Kind::Ready, Kind::UpToDate] {
        if let Some(condition) = find(&status.conditions, kind) {
            let text = format!("{} ({}): {}", condition.status, condition.reason, condition.message);
            line(kind.as_str(), &text, streams)?;
        }
    }
    line("drift", if status.drift.is_empty() { "unknown" } else { &status.drift }, streams)?;
    if let Some(backup) = &status.backup {
        let tier = backup.verification.map_or("as its conditions say", |tier| tier.name());
        let by = backup.verified_by.as_deref().unwrap_or("nobody");
        line("backup", &format!("{} of {}, verified to {tier} by {by}", backup.name, backup.release), streams)?;
    }
    if let Some(change) = &situation.change {
        steps(change, situation.now, streams)?;
    }
    say_blockers(situation, streams)
}

/// What a site waits for, who can end it, and with which command.
///
/// # Errors
/// When the output ends.
pub(super) fn say_blockers(situation: &Situation, streams: &mut Streams<'_>) -> Result<(), Failure> {
    for blocker in blockers(situation) {
        line("waits for", &format!("{}: {}", blocker.reason, blocker.message), streams)?;
        line("ended by", &blocker.ended_by, streams)?;
        for command in blocker.command.iter().chain(&blocker.or_command) {
            line("", command, streams)?;
        }
    }
    Ok(())
}

/// The steps of a change with their marks, as the live view shows them.
fn steps(change: &CrmChange, now: Timestamp, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let record = change.status.clone().unwrap_or_default();
    let name = change.metadata.name.as_deref().unwrap_or_default();
    let out = match (&record.closed_at, &record.opened_at) {
        (Some(closed), None) => format!(", users out for {}", duration_text(now.duration_since(closed.0))),
        (Some(closed), Some(opened)) => {
            format!(", users were out for {}", duration_text(opened.0.duration_since(closed.0)))
        }
        (None, _) => String::new(),
    };
    line("change", &format!("{name}: {:?}{out}", record.phase), streams)?;
    for (number, step) in change.spec.steps.iter().enumerate() {
        let result = record.result(&step.id);
        let (tone, mark) = match result.map(|result| result.phase) {
            Some(StepPhase::Verified) => (Tone::Good, "✓"),
            Some(StepPhase::Failed) => (Tone::Bad, "✗"),
            Some(StepPhase::Undone | StepPhase::Undoing) => (Tone::Warn, "↩"),
            Some(StepPhase::Started) => (Tone::Person, "▸"),
            None => (Tone::Neutral, "·"),
        };
        let node = step.node.as_deref().unwrap_or("-");
        let seen = result.map(|result| result.evidence.as_str()).filter(|text| !text.is_empty());
        let seen = seen.map(|text| format!("; {text}")).unwrap_or_default();
        let text = format!("{}  {node}{seen}", step.title);
        toned(tone, &format!("  {mark} {:>3}", number + 1), &text, streams)?;
    }
    Ok(())
}
