//! The story of a site of any cluster, from its objects as somebody sees them one after the other. What only the
//! simulated world knows (users, processes) is missing; whether users are out is taken from the record of the change.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_api::CrmSite;
use jiff::Timestamp;
use serde_json::Value;

use super::teller::Teller;
use super::{Standing, StoryEvent};
use crate::cluster::{Change, Verb};

/// Who edits a site cannot be told from its objects.
const SOMEBODY: &str = "somebody";

/// Follows one site.
pub struct Follower {
    teller: Teller,
    /// What was seen last, by kind and name.
    seen: BTreeMap<(String, String), Arc<Value>>,
}

impl Follower {
    /// Begins with a site as it is now.
    #[must_use]
    pub fn new(site: &CrmSite) -> Self {
        let servers = site.spec.components.iter().flat_map(|placed| &placed.nodes).map(String::as_str);
        Self { teller: Teller::of(site, servers), seen: BTreeMap::new() }
    }

    /// Sees an object at a time. What is new about it becomes events.
    pub fn see(&mut self, at: Timestamp, kind: &str, object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let new = Arc::new(object);
        let old = self.seen.insert((kind.to_owned(), name), Arc::clone(&new));
        if old.as_ref() == Some(&new) {
            return;
        }
        if kind == "CrmChange" {
            let time = |field: &str| new["status"][field].as_str().and_then(|text| text.parse().ok());
            self.teller.count_by_record(time("closedAt"), time("openedAt"));
        }
        // A change that is first seen in mid-way was created before it was recorded.
        let is_recorded = kind == "CrmChange" && old.is_none() && new["status"].is_object();
        let mut change = Change {
            identity: SOMEBODY.into(),
            verb: Verb::Patch,
            kind: kind.into(),
            subresource: String::new(),
            old,
            new: Some(Arc::clone(&new)),
        };
        self.teller.object(at, &change);
        if is_recorded {
            let mut before = (*new).clone();
            if let Some(object) = before.as_object_mut() {
                object.remove("status");
            }
            change.old = Some(Arc::new(before));
            self.teller.object(at, &change);
        }
    }

    /// The events since the last call.
    pub fn take_events(&mut self) -> Vec<StoryEvent> {
        self.teller.take_new()
    }

    /// How the site stands at a time.
    #[must_use]
    pub fn standing(&self, at: Timestamp) -> Arc<Standing> {
        self.teller.standing_at(at)
    }
}
