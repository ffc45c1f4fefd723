//! When objects were created, by the simulated clock: everybody in a run compares such times with that clock.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::Value;

use crate::cluster::lock;

/// Times of creation by uid, in whole seconds as an API server gives them.
#[derive(Debug, Default)]
pub(super) struct Dates(Mutex<BTreeMap<String, String>>);

impl Dates {
    /// Puts the simulated times into an object or a list; what was not seen before was created at this moment.
    pub(super) fn set(&self, value: &mut Value, now: Timestamp) {
        if let Some(items) = value.get_mut("items").and_then(Value::as_array_mut) {
            items.iter_mut().for_each(|item| self.set_one(item, now));
        } else {
            self.set_one(value, now);
        }
    }

    fn set_one(&self, object: &mut Value, now: Timestamp) {
        let Some(metadata) = object.get_mut("metadata") else { return };
        let Some(uid) = metadata["uid"].as_str().map(str::to_owned) else { return };
        let mut known = lock(&self.0);
        let date = known
            .entry(uid)
            .or_insert_with(|| jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string());
        metadata["creationTimestamp"] = Value::String(date.clone());
    }
}
