//! Get and list.
//!
//! Lists come in etcd's order. Pages: `limit` and `continue`; a continued list shows the collection as it was when the
//! first page was read, and is 410 Expired once that version is forgotten. `resourceVersion` with
//! `resourceVersionMatch=Exact` reads the past the same way; any other `resourceVersion` gives the newest data. A
//! version that lies in the future is refused as the real server does after waiting for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::kinds::Origin;
use super::refusal::Refusal;
use super::request::{Outcome, Turn};
use super::select::Selector;
use super::store::{Stored, key_of};
use super::watch::read_version;

/// Stands between the version and the key in a continue token; no key has it.
const TOKEN_SEPARATOR: char = ':';

impl Turn<'_> {
    pub(crate) fn get(&mut self) -> Result<Outcome, Refusal> {
        self.refuse_future(&self.request.query.resource_version)?;
        Ok(Outcome::Object(200, self.find()?))
    }

    pub(crate) fn list(&mut self) -> Result<Outcome, Refusal> {
        let query = &self.request.query;
        let selector = self.selector()?;
        self.refuse_future(&query.resource_version)?;
        let (version, from) = if !query.continue_token.is_empty() {
            read_token(&query.continue_token)?
        } else if query.resource_version_match == "Exact" {
            (read_version(&query.resource_version)?, String::new())
        } else {
            (self.state.version, String::new())
        };
        if version < self.state.compacted {
            let message = "The provided continue parameter is too old to display a consistent list result. You can \
                           start a new list without the continue parameter.";
            return Err(Refusal::expired(message));
        }
        let limit = query.limit.unwrap_or(usize::MAX);
        let mut fitting = if version == self.state.version {
            self.present(&selector, &from, limit.saturating_add(1))
        } else {
            self.past(&selector, &from, version)
        };
        let mut metadata = self.list_metadata(version);
        if fitting.len() > limit {
            if query.label_selector.is_empty() && query.field_selector.is_empty() {
                // How many more a selector would let through, the real server does not count.
                let is_present = version == self.state.version;
                let all = if is_present { self.present(&selector, &from, usize::MAX).len() } else { fitting.len() };
                metadata["remainingItemCount"] = (all - limit).into();
            }
            fitting.truncate(limit);
            if let Some(last) = fitting.last() {
                let key = key_of(last.metadata()["namespace"].as_str(), last.name());
                // The smallest key behind the last one.
                metadata["continue"] = format!("{version}{TOKEN_SEPARATOR}{key}\0").into();
            }
        }
        Ok(Outcome::Json(self.list_json(&fitting, &metadata.to_string())))
    }

    /// The metadata of a whole list. Lists of typed kinds leave an empty token out.
    pub(crate) fn list_metadata(&self, version: u64) -> Value {
        match self.request.kind.origin {
            Origin::Custom => json!({"resourceVersion": version.to_string(), "continue": ""}),
            Origin::BuiltIn => json!({"resourceVersion": version.to_string()}),
        }
    }

    /// The selectors of the request.
    pub(crate) fn selector(&self) -> Result<Selector, Refusal> {
        let query = &self.request.query;
        Selector::read(
            &self.request.kind,
            self.request.namespace.as_deref(),
            &query.label_selector,
            &query.field_selector,
        )
    }

    /// The first objects that fit, as they are now.
    pub(crate) fn present(&self, selector: &Selector, from: &str, count: usize) -> Vec<Arc<Stored>> {
        let kind = &self.request.kind;
        if let (Some(name), true) = (selector.only_name(), selector.namespace().is_some() || !kind.namespaced) {
            let key = key_of(selector.namespace(), name);
            let found = self.state.get(kind, &key).filter(|object| *key >= *from && selector.fits(&object.value));
            return found.cloned().into_iter().collect();
        }
        let prefix = selector.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let start = if from > prefix.as_str() { from } else { &prefix };
        self.state
            .objects_from(kind, start)
            .take_while(|(key, _)| key.starts_with(&prefix))
            .filter(|(_, object)| selector.fits(&object.value))
            .take(count)
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// The objects that fitted at an earlier version: the present ones with the history since then undone.
    fn past(&self, selector: &Selector, from: &str, version: u64) -> Vec<Arc<Stored>> {
        let kind = &self.request.kind;
        let mut objects: BTreeMap<&str, &Arc<Stored>> =
            self.state.objects_from(kind, from).map(|(key, object)| (key.as_str(), object)).collect();
        for event in self.state.events_after(kind, version).rev().filter(|event| *event.key >= *from) {
            match &event.old {
                Some(old) => objects.insert(&event.key, old),
                None => objects.remove(event.key.as_str()),
            };
        }
        objects.into_values().filter(|object| selector.fits(&object.value)).map(Arc::clone).collect()
    }

    pub(crate) fn list_json(&self, objects: &[Arc<Stored>], metadata: &str) -> Bytes {
        let kind = &self.request.kind;
        let size: usize = objects.iter().map(|object| object.json().len() + 1).sum();
        let head = format!(
            "{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{metadata},\"items\":[",
            kind.kind, kind.api_version
        );
        let mut json = Vec::with_capacity(head.len() + size + 2);
        json.extend_from_slice(head.as_bytes());
        for (index, object) in objects.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            json.extend_from_slice(object.json());
        }
        json.extend_from_slice(b"]}");
        Bytes::from(json)
    }

    fn refuse_future(&self, version: &str) -> Result<(), Refusal> {
        let (wanted, current) = (read_version(version)?, self.state.version);
        if wanted > current {
            let message = format!("Too large resource version: {wanted}, current: {current}");
            return Err(Refusal::plain(504, "Timeout", &message));
        }
        Ok(())
    }
}

fn read_token(token: &str) -> Result<(u64, String), Refusal> {
    let parts = token.split_once(TOKEN_SEPARATOR);
    let read = parts.and_then(|(version, key)| Some((version.parse().ok()?, key.to_owned())));
    read.ok_or_else(|| Refusal::bad_request("continue key is not valid"))
}
