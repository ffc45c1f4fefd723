//! Digests: of a spec, and of a plan. A plan's hash covers what will be done and with what, never times, estimates or
//! reasons: those may be reworded without asking anybody again.

use crm_api::change::{CrmChangeSpec, Executor, Step, Task};
use crm_api::release::CrmReleaseSpec;
use crm_api::site::CrmSiteSpec;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// sha256 of the canonical JSON (keys sorted) of a value, lower-case hexadecimal.
#[must_use]
pub fn digest(value: &Value) -> String {
    sha256(&value.to_string())
}

/// sha256 of a text, lower-case hexadecimal.
#[must_use]
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Digest of what a site declares. When it may change, who agrees and who is told is not
/// part of what it is.
#[must_use]
pub fn spec_digest(spec: &CrmSiteSpec) -> String {
    let mut value = serde_json::to_value(spec).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.remove("windows");
        object.remove("approval");
        object.remove("drift");
        object.remove("notices");
    }
    digest(&value)
}

/// Hash of a plan: site, spec, releases with their media, steps with what they do and what proves them. A restore or a
/// way forward that is planned again after `earlier` tries is another plan: each try needs a word of its own.
#[must_use]
pub fn plan_hash(change: &CrmChangeSpec, releases: &[&CrmReleaseSpec], earlier: usize) -> String {
    let steps: Vec<Value> = change.steps.iter().map(essence).collect();
    let releases: Vec<Value> = releases
        .iter()
        .map(|release| json!({"version": release.version, "number": release.number, "packages": release.packages}))
        .collect();
    digest(&json!({
        "site": change.site,
        "siteUid": change.site_uid,
        "specDigest": change.spec_digest,
        "purpose": change.purpose,
        "corrects": change.corrects,
        "restores": change.restores,
        "from": change.from,
        "to": change.to,
        "fastCgi": change.fast_cgi,
        "components": change.components,
        "installs": change.installs,
        "releases": releases,
        "steps": steps,
        "earlierTries": earlier,
    }))
}

fn essence(step: &Step) -> Value {
    // What people read is no part of what is done.
    let executor = match &step.executor {
        Executor::Controller { task: Task::Notify { .. } } => json!("notify"),
        executor => json!(executor),
    };
    json!({
        "id": step.id,
        "node": step.node,
        "executor": executor,
        "gate": step.gate,
        "undo": step.undo,
        "evidence": step.evidence,
        "absentWhen": step.absent_when,
        "moves": step.moves,
        "after": step.after,
    })
}

/// Hash of a path: site, spec, and every release on it with its media. It is the same for each hop of the path.
#[must_use]
pub fn path_hash(site_uid: &str, spec_digest: &str, stops: &[(&str, Option<&CrmReleaseSpec>)]) -> String {
    let stops: Vec<Value> = stops
        .iter()
        .map(|(version, release)| {
            json!({"version": version, "number": release.map(|release| &release.number), "packages": release.map(|release| &release.packages)})
        })
        .collect();
    digest(&json!({"siteUid": site_uid, "specDigest": spec_digest, "path": stops}))
}

/// The first characters of a hash, as people read and type it.
#[must_use]
pub fn short(hash: &str) -> &str {
    hash.get(..6).unwrap_or(hash)
}
