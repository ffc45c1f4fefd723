//! Report: what a site shows while it, or an object that it cannot be judged without, cannot be read. Only two conditions
//! are written, beside what was known before: nothing that is not understood may be replaced. Writing the same again
//! writes nothing.

use crm_api::condition::{self, Kind, State, Wanted};
use crm_api::{CrmSite, Time};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource as _;
use kube::api::{Patch, PatchParams, Request};
use serde::Deserialize;
use serde_json::json;

use crate::call::{CallError, call};
use crate::context::Context;
use crate::queue::SiteKey;
use crate::raw;

/// Reason of the conditions and of the event.
pub(crate) const MALFORMED: &str = "Malformed";

/// The part of a site that is needed here, whatever the rest of it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shown {
    metadata: Generation,
    status: Conditions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Generation {
    generation: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Conditions {
    conditions: Vec<Condition>,
}

/// Lets the site's conditions say why nothing is done about it.
///
/// # Errors
/// When a call failed: what is shown is then as old as before.
pub(crate) async fn show(context: &Context, site: &SiteKey, why: &str) -> Result<(), CallError> {
    if !context.term.may_write() {
        return Ok(());
    }
    let found = raw::get::<CrmSite>(&context.client, "read what a site shows", &site.namespace, &site.name).await?;
    let Some(Shown { metadata, status }) = found.map(|raw| raw.part()) else { return Ok(()) };
    let conditions = with(&status.conditions, why, metadata.generation, &Time::from(context.clock.now()));
    if conditions == status.conditions {
        return Ok(());
    }
    let patch = json!({"status": {"conditions": conditions}});
    let params = PatchParams { field_manager: Some(crm_api::CONTROLLER.to_owned()), ..PatchParams::default() };
    let request = Request::new(CrmSite::url_path(&(), Some(&site.namespace)));
    let request = request.patch_subresource("status", &site.name, &params, &Patch::Merge(&patch));
    call("show that a site cannot be read", raw::write(&context.client, request)).await.map(|_| ())
}

/// The conditions that were there, with `Ready` and `UpToDate` unknown.
fn with(before: &[Condition], why: &str, generation: i64, now: &Time) -> Vec<Condition> {
    let wanted = [Kind::Ready, Kind::UpToDate].map(|kind| Wanted {
        kind,
        state: State::Unknown,
        reason: MALFORMED,
        message: why.to_owned(),
    });
    let new = condition::merge(before, wanted.to_vec(), generation, now);
    let kept = before.iter().filter(|old| !new.iter().any(|one| one.type_ == old.type_)).cloned();
    new.iter().cloned().chain(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::with;
    use crm_api::Time;
    use crm_api::condition::{Kind, find};

    #[test]
    fn what_was_known_stays_beside_what_cannot_be_known_and_the_same_is_said_once() {
        let at = |second| Time::from(jiff::Timestamp::from_second(second).unwrap());
        let mut known = with(&[], "first", 1, &at(1));
        known.push(known[0].clone());
        known[2].type_ = "Drifted".to_owned();
        let shown = with(&known, "second", 2, &at(9));
        assert_eq!(shown.len(), 3);
        let ready = find(&shown, Kind::Ready).unwrap();
        assert_eq!((ready.message.as_str(), ready.status.as_str()), ("second", "Unknown"));
        assert_eq!(ready.last_transition_time, at(1), "it was unknown before");
        assert_eq!(with(&shown, "second", 2, &at(20)), shown);
    }
}
