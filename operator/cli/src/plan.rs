//! The command `plan`: files in, the plan or the reasons why there is none out. It decides nothing: `crm_plan::plan` does.

use crm_api::change::CrmChangeSpec;
use crm_api::site::{Finding, Waiting};
use crm_plan::explain::explain;
use crm_plan::half_done::Found;
use crm_plan::intent::{Plan, Standing};
use serde::Serialize;

use crate::arguments::{Format, PlanArguments};
use crate::snapshot::{FromFiles, snapshot};
use crate::{Exit, Failure, Screen, Streams, manifests};

/// Runs `plan`.
///
/// # Errors
/// When an input is wrong or the output ends.
pub fn plan(wanted: &PlanArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let manifests = manifests::read(&wanted.files, streams.input).map_err(Failure::Input)?;
    if manifests.is_empty() && !manifests.ignored.is_empty() {
        writeln!(streams.err, "passed over, because it is not for this command: {}", manifests.ignored.join(", "))?;
    }
    let from_files = snapshot(&manifests, wanted.site.as_deref(), wanted.now).map_err(Failure::Input)?;
    print(&from_files, wanted, streams)
}

/// Decides and prints.
///
/// # Errors
/// When the output ends.
pub fn print(from_files: &FromFiles, wanted: &PlanArguments, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let decided = crm_plan::plan(&from_files.snapshot, from_files.now);
    match wanted.output {
        Format::Text => {
            let text = explain(&from_files.snapshot, &decided, from_files.now, columns(streams.screen));
            streams.out.write_all(text.as_bytes())?;
            if !wanted.files.is_empty() {
                footnotes(from_files, wanted.now.is_some(), streams)?;
            }
        }
        Format::Yaml => {
            let text = serde_saphyr::to_string(&preview(from_files, &decided)).map_err(std::io::Error::other)?;
            streams.out.write_all(text.as_bytes())?;
        }
        Format::Json => {
            let text = serde_json::to_string_pretty(&preview(from_files, &decided)).map_err(std::io::Error::other)?;
            writeln!(streams.out, "{text}")?;
        }
    }
    Ok(match decided.standing {
        Standing::Settled | Standing::Proposed { .. } | Standing::Underway { .. } => Exit::Good,
        Standing::Observing { .. }
        | Standing::Refused { .. }
        | Standing::HalfDone { .. }
        | Standing::Halted { .. }
        | Standing::Restored { .. } => Exit::No,
    })
}

/// Columns in a file or for another program: wide enough for a table, narrow enough for a mail.
const COLUMNS_IN_A_PIPE: usize = 140;

fn columns(screen: Screen) -> usize {
    match screen {
        Screen::Pipe => COLUMNS_IN_A_PIPE,
        Screen::Terminal { columns, .. } => usize::from(columns),
    }
}

/// Facts in files are as old as the files: say at which time they were judged.
fn footnotes(from_files: &FromFiles, told: bool, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let how = if told { "as --now says" } else { "when the newest of them was read; --now judges at another time" };
    writeln!(streams.out, "\nfacts judged at {}, {how}", from_files.now)?;
    for note in &from_files.notes {
        writeln!(streams.out, "note: {note}")?;
    }
    Ok(())
}

/// What a machine reads: the standing with the whole plan.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Preview<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    judged_at: String,
    notes: &'a [String],
    standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<&'a [Finding]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<&'a Waiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'a CrmChangeSpec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    half_done: Option<HalfDonePreview<'a>>,
}

/// What other hands left half done, with both plans.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HalfDonePreview<'a> {
    reason: &'static str,
    message: String,
    remedy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    forward: Option<&'a CrmChangeSpec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    back: Option<&'a CrmChangeSpec>,
}

impl<'a> HalfDonePreview<'a> {
    fn of(found: &'a Found) -> Self {
        Self {
            reason: found.reason(),
            message: found.message(),
            remedy: found.remedy(),
            forward: found.forward.as_deref().ok(),
            back: found.back.as_deref().ok(),
        }
    }
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
}

fn preview<'a>(from_files: &'a FromFiles, decided: &'a Plan) -> Preview<'a> {
    let metadata = &from_files.snapshot.site.metadata;
    let mut preview = Preview {
        api_version: crm_api::API_VERSION,
        kind: "PlanPreview",
        metadata: Metadata {
            name: metadata.name.as_deref().unwrap_or_default(),
            namespace: metadata.namespace.as_deref(),
        },
        judged_at: from_files.now.to_string(),
        notes: &from_files.notes,
        standing: "",
        missing: None,
        findings: None,
        change_name: None,
        waiting: None,
        reason: None,
        remedy: None,
        change: None,
        half_done: None,
    };
    match &decided.standing {
        Standing::Settled => preview.standing = "Settled",
        Standing::Observing { missing } => {
            preview.standing = "Observing";
            preview.missing = Some(missing);
        }
        Standing::Refused { findings } => {
            preview.standing = "Refused";
            preview.findings = Some(findings);
        }
        Standing::Proposed { change, findings } => {
            preview.standing = "Proposed";
            preview.findings = Some(findings);
            preview.change = Some(change);
        }
        Standing::Underway { change, waiting } => {
            preview.standing = "Underway";
            preview.change_name = Some(change);
            preview.waiting = waiting.as_ref();
        }
        Standing::HalfDone { found } => {
            preview.standing = "HalfDone";
            preview.half_done = Some(HalfDonePreview::of(found));
        }
        Standing::Restored { change, remedy } => {
            preview.standing = "Restored";
            preview.change_name = Some(change);
            preview.remedy = Some(remedy);
        }
        Standing::Halted { change, reason, remedy, restore } => {
            preview.standing = "Halted";
            preview.change = restore.as_deref();
            preview.change_name = Some(change);
            preview.reason = Some(reason);
            preview.remedy = Some(remedy);
        }
    }
    preview
}
