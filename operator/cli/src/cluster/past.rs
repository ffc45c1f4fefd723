//! `history`: changes, decisions, backup sets and notices of a site, oldest first.

use crm_api::backup::CrmBackup;
use crm_api::change::{CrmChange, Purpose};
use crm_api::condition::{Kind, is_true};
use crm_api::decision::{CrmDecision, Word};
use crm_api::notice::{Delivery, ToldNotice};
use crm_plan::hash::short;
use crm_plan::windows::local;
use crm_sandbox::story::duration_text;
use jiff::Timestamp;
use serde::Serialize;

use super::read::{list, site};
use super::show::{document, table};
use crate::arguments::Format;
use crate::arguments::cluster::HistoryArguments;
use crate::{Connection, Exit, Failure, Streams};

/// The answer. Programs may rely on the names of its fields.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    api_version: &'static str,
    kind: &'static str,
    /// Name of the site.
    pub site: String,
    /// Its namespace.
    pub namespace: String,
    /// What happened, oldest first.
    pub entries: Vec<Entry>,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// `Change`, `Decision`, `Backup` or `Notice`.
    pub kind: &'static str,
    /// Name of the object.
    pub name: String,
    /// The plan concerned.
    pub plan_hash: Option<String>,
    /// Who: for decisions the user, for changes who approved.
    pub user: Option<String>,
    /// Word of a decision.
    pub word: Option<Word>,
    /// What a change is for: `Correct` takes drift away, all others were intended.
    pub purpose: Option<Purpose>,
    /// How a change stands or ended.
    pub phase: Option<String>,
    /// When a change ended.
    pub ended_at: Option<Timestamp>,
    /// In a sentence.
    pub text: String,
}

/// Runs `history`.
///
/// # Errors
/// When there is no such site, the cluster does not answer, or the output ends.
pub async fn history(
    connection: &Connection,
    wanted: &HistoryArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let site = site(connection, &wanted.site).await?;
    let here = Some(connection.namespace.as_str());
    let changes = list::<CrmChange>(connection, "list changes", here).await?;
    let decisions = list::<CrmDecision>(connection, "list decisions", here).await?;
    let backups = list::<CrmBackup>(connection, "list backups", here).await?;
    let name = wanted.site.as_str();
    let changes: Vec<&CrmChange> = changes.iter().filter(|change| change.spec.site == name).collect();
    let told = changes.iter().flat_map(|change| of_notices(change));
    let changes = changes.iter().map(|change| of_change(change));
    let decisions = decisions.iter().filter(|decision| decision.spec.site.as_deref() == Some(name)).map(of_decision);
    let backups = backups.iter().filter(|backup| backup.spec.site == name).map(of_backup);
    let mut entries: Vec<Entry> = changes.chain(decisions).chain(backups).chain(told).collect();
    entries.sort_by(|one, other| (one.at, one.kind, &one.name).cmp(&(other.at, other.kind, &other.name)));
    let history = History {
        api_version: crm_api::API_VERSION,
        kind: "SiteHistory",
        site: name.to_owned(),
        namespace: connection.namespace.clone(),
        entries,
    };
    if wanted.output != Format::Text {
        document(wanted.output, &history, streams.out)?;
        return Ok(Exit::Good);
    }
    if history.entries.is_empty() {
        writeln!(streams.out, "nothing was done to {name} yet")?;
        return Ok(Exit::Good);
    }
    let windows = site.spec.windows.as_ref();
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<Vec<String>> = history
        .entries
        .iter()
        .map(|entry| {
            let plan = entry.plan_hash.as_deref().map_or("-", short).to_owned();
            vec![local(windows, entry.at), entry.kind.to_owned(), plan, dash(&entry.user), entry.text.clone()]
        })
        .collect();
    table(&["WHEN", "KIND", "PLAN", "WHO", "WHAT"], &rows, streams)?;
    Ok(Exit::Good)
}

fn entry(meta: &kube::core::ObjectMeta, kind: &'static str, text: String) -> Entry {
    Entry {
        at: meta.creation_timestamp.as_ref().map(|at| at.0).unwrap_or_default(),
        kind,
        name: meta.name.clone().unwrap_or_default(),
        plan_hash: None,
        user: None,
        word: None,
        purpose: None,
        phase: None,
        ended_at: None,
        text,
    }
}

fn of_change(change: &CrmChange) -> Entry {
    let (spec, record) = (&change.spec, change.status.clone().unwrap_or_default());
    let hop = if spec.from == spec.to { format!("at {}", spec.to) } else { format!("{} -> {}", spec.from, spec.to) };
    let what = match spec.purpose {
        Purpose::Correct => format!("correction of drift {hop} ({})", spec.corrects.join(", ")),
        Purpose::Upgrade => format!("upgrade {hop}"),
        Purpose::Configure => format!("settings {hop}"),
        Purpose::Restore => format!("restore {hop}"),
        Purpose::Forward => format!("finishing {hop}"),
    };
    let mut text = format!("{what}, {:?}", record.phase);
    if let (Some(closed), Some(opened)) = (&record.closed_at, &record.opened_at) {
        text += &format!(", users out for {}", duration_text(opened.0.duration_since(closed.0)));
    }
    if let Some(why) = &record.backing_out {
        text += &format!(": {why}");
    }
    Entry {
        plan_hash: Some(spec.plan_hash.clone()),
        user: record.approved_by,
        purpose: Some(spec.purpose),
        phase: Some(format!("{:?}", record.phase)),
        ended_at: record.ended_at.map(|at| at.0),
        ..entry(&change.metadata, "Change", text)
    }
}

/// What people were told about a change, and whether the webhook has it.
fn of_notices(change: &CrmChange) -> Vec<Entry> {
    let told = change.status.as_ref().map(|status| status.told.as_slice()).unwrap_or_default();
    let entry_of = |notice: &ToldNotice| {
        let delivery = match notice.delivery {
            Delivery::NotPosted => String::new(),
            Delivery::Pending => format!(" (not delivered yet, {} tries)", notice.tries),
            Delivery::Delivered if notice.tries > 1 => format!(" (delivered at try {})", notice.tries),
            Delivery::Delivered => " (delivered)".to_owned(),
            Delivery::GivenUp => format!(" (given up after {} tries)", notice.tries),
        };
        let text = format!("{}: {}{delivery}", notice.event.name(), notice.message);
        let plan_hash = Some(change.spec.plan_hash.clone());
        Entry { at: notice.at.0, plan_hash, ..entry(&change.metadata, "Notice", text) }
    };
    told.iter().map(entry_of).collect()
}

fn of_decision(decision: &CrmDecision) -> Entry {
    let spec = &decision.spec;
    let step = spec.step.as_deref().map(|step| format!(" {step}")).unwrap_or_default();
    let reason = spec.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Entry {
        plan_hash: spec.plan_hash.clone(),
        user: Some(spec.user.clone()),
        word: Some(spec.word),
        ..entry(&decision.metadata, "Decision", format!("{:?}{step}{reason}", spec.word))
    }
}

fn of_backup(backup: &CrmBackup) -> Entry {
    let verified = backup.status.as_ref().is_some_and(|status| is_true(&status.conditions, Kind::Verified));
    let status = backup.status.as_ref();
    let state = match (verified, status.and_then(|status| status.verification)) {
        (false, _) => "not verified".to_owned(),
        (true, None) => "verified".to_owned(),
        (true, Some(tier)) => {
            let by = status.and_then(|status| status.verified_by.as_deref()).unwrap_or("nobody");
            format!("verified to {} by {by}", tier.name())
        }
    };
    let text = format!("{} at {}, {state}: {}", backup.spec.database, backup.spec.release, backup.spec.location);
    entry(&backup.metadata, "Backup", text)
}
