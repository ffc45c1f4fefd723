//! What a site shows when the API server refuses for good what a round wanted to write: a change that never came to be
//! must not look like a site that is up to date.

use crm_api::condition::{self, Kind, State, Wanted};
use crm_api::site::CrmSiteStatus;
use jiff::Timestamp;

use crate::intent::Intent;
use crate::snapshot::Snapshot;

/// The status of the site after a round whose write was refused, with what the server said.
#[must_use]
pub fn site_status(snapshot: &Snapshot, intents: &[Intent], refused: &str, now: Timestamp) -> CrmSiteStatus {
    let old = snapshot.site.status.clone().unwrap_or_default();
    let decided = intents.iter().find_map(|intent| match intent {
        Intent::RecordSite { status } => Some((**status).clone()),
        _ => None,
    });
    let mut status = decided.unwrap_or_else(|| old.clone());
    let message = format!(
        "the API server refuses what the operator writes: {refused}. Apply the definitions (crds/) of the operator's own version; \
         if they are, report this text: it is a fault of the operator. It is tried again by itself"
    );
    let wanted = |kind, state| Wanted { kind, state, reason: "WriteRefused", message: message.clone() };
    let generation = snapshot.site.metadata.generation.unwrap_or(1);
    let shown = vec![wanted(Kind::UpToDate, State::False), wanted(Kind::Stalled, State::True)];
    let shown = condition::merge(&old.conditions, shown, generation, &crm_api::Time::from(now));
    status.conditions.retain(|condition| shown.iter().all(|other| other.type_ != condition.type_));
    status.conditions.extend(shown);
    status
}
