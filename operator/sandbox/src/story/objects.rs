//! Events out of all other objects: the site and its conditions, what people say, what they are told, refused orders.

use crm_plan::hash::short;
use jiff::Timestamp;
use serde_json::Value;

use super::What;
use super::teller::{Place, Teller};
use crate::cluster::Change;

/// Conditions of a site whose change is an event of its own. The others say the same as the record of the change.
const TOLD_CONDITIONS: [&str; 12] = [
    "Ready",
    "UpToDate",
    "HalfDone",
    "Drifted",
    "FactsFresh",
    "AttachmentsRemapped",
    "CustomerCentreMerged",
    "Orphaned",
    "NoticesDelivered",
    "WindowsClientsRolledOut",
    "WindowsClientsRemoved",
    "PocketServerRemoved",
];
/// Events that say what no other line says.
const TOLD_EVENTS: [&str; 7] =
    ["PlannedDowntime", "DowntimeSoon", "NoticeNotDelivered", "Drifted", "Correcting", "Corrected", "Malformed"];

impl Teller {
    /// An object was written.
    pub(crate) fn object(&mut self, at: Timestamp, change: &Change) {
        let Some(new) = &change.new else { return };
        match (&*change.kind, &change.old) {
            ("CrmChange", None) => self.change_created(at, new),
            ("CrmChange", Some(old)) => self.change_recorded(at, old, new),
            ("CrmSite", Some(old)) => {
                self.site_edited(at, change, old, new);
                self.site_recorded(at, old, new);
            }
            ("CrmDecision", None) => self.decided(at, new),
            ("Event", None) => self.told(at, new),
            ("CrmNode", Some(old)) => self.node_reported(at, old, new),
            _ => {}
        }
    }

    fn site_edited(&mut self, at: Timestamp, change: &Change, old: &Value, new: &Value) {
        if old["spec"] == new["spec"] {
            return;
        }
        let mut edits = Vec::new();
        if let Some(fields) = new["spec"].as_object() {
            for (field, value) in fields {
                let before = &old["spec"][field];
                if before != value {
                    edits.push(format!("{field}: {} -> {}", plain(before), plain(value)));
                }
            }
        }
        self.tell(at, Place::default(), What::Edited, format!("{} (by {})", edits.join(", "), change.identity));
    }

    fn site_recorded(&mut self, at: Timestamp, old: &Value, new: &Value) {
        if old["status"]["verified"].is_null()
            && let Some(version) = new["status"]["verified"]["version"].as_str()
        {
            self.tell(at, Place::default(), What::Adopted, format!("the site is proven to be at {version}"));
        }
        let Some(conditions) = new["status"]["conditions"].as_array() else { return };
        for condition in conditions {
            let kind = condition["type"].as_str().unwrap_or_default();
            if !TOLD_CONDITIONS.contains(&kind) {
                continue;
            }
            let earlier = old["status"]["conditions"].as_array();
            let earlier = earlier.and_then(|all| all.iter().find(|earlier| earlier["type"] == kind));
            if earlier.map(|earlier| &earlier["status"]) == Some(&condition["status"]) {
                continue;
            }
            let text = |field: &str| condition[field].as_str().unwrap_or_default();
            let (status, reason, message) = (text("status"), text("reason"), text("message"));
            if status == "Unknown" && earlier.is_none() {
                continue;
            }
            self.tell(at, Place::default(), What::Condition, format!("{kind}={status} ({reason}): {message}"));
        }
    }

    fn decided(&mut self, at: Timestamp, decision: &Value) {
        let spec = &decision["spec"];
        let text = |field: &str| spec[field].as_str().unwrap_or_default();
        let place = spec["step"].as_str().map(Place::of_step).unwrap_or_default();
        let reason = spec["reason"].as_str().map(|reason| format!(": {reason}")).unwrap_or_default();
        let about =
            if text("word") == "Approve" { format!(" plan {}", short(text("planHash"))) } else { String::new() };
        self.tell(at, place, What::Said, format!("{}: {}{about}{reason}", text("user"), text("word")));
    }

    fn told(&mut self, at: Timestamp, event: &Value) {
        let reason = event["reason"].as_str().unwrap_or_default();
        if TOLD_EVENTS.contains(&reason) {
            self.tell(at, Place::default(), What::Told, event["note"].as_str().unwrap_or_default());
        }
    }

    /// An agent refuses an order: what fencing looks like from outside.
    fn node_reported(&mut self, at: Timestamp, old: &Value, new: &Value) {
        let node = new["metadata"]["name"].as_str().unwrap_or_default();
        let Some(results) = new["status"]["results"].as_array() else { return };
        for result in results.iter().filter(|result| result["phase"] == "Refused") {
            let known = old["status"]["results"].as_array();
            if known.is_some_and(|known| known.contains(result)) {
                continue;
            }
            let id = result["id"].as_str().unwrap_or_default();
            let step = id.split_once('/').map_or(id, |(_, step)| step);
            let place = Place { node: Some(node), ..Place::of_step(step) };
            self.tell(at, place, What::Refused, result["message"].as_str().unwrap_or_default());
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
