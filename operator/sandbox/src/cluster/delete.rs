//! Deletion, finalizers, and what an owner leaves behind.
//!
//! Modelled: preconditions on uid and resourceVersion; an object with finalizers is only marked, and goes with the last
//! of them; dependents go at once after their last owner, in the same request (the real collector follows within a
//! second or so), or lose the reference with `propagationPolicy: Orphan`. Foreground deletion is treated as
//! background. Left out: the contents of a deleted namespace, which stay.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::intercept::Verb;
use super::kinds::Kind;
use super::meta;
use super::refusal::Refusal;
use super::request::{Outcome, Turn};
use super::store::{Cause, Stored, key_of};

/// The name under which dependents are removed.
const COLLECTOR: &str = "system:serviceaccount:kube-system:generic-garbage-collector";

/// What becomes of dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dependents {
    Collect,
    Orphan,
}

impl Turn<'_> {
    pub(crate) fn delete(&mut self) -> Result<Outcome, Refusal> {
        let old = self.find()?;
        self.check_preconditions(&old)?;
        let (kind, dependents) = (self.kind(), self.dependents());
        if self.is_dry_run() {
            return Ok(Outcome::Object(200, old));
        }
        match self.remove(&kind, &old, dependents, self.cause()) {
            Some(marked) => Ok(Outcome::Object(200, marked)),
            None => Ok(Outcome::Json(deleted(&kind, &old))),
        }
    }

    pub(crate) fn delete_collection(&mut self) -> Result<Outcome, Refusal> {
        let selector = self.selector()?;
        let (kind, dependents) = (self.kind(), self.dependents());
        let found = self.present(&selector, "", usize::MAX);
        if !self.is_dry_run() {
            for object in &found {
                self.remove(&kind, object, dependents, self.cause());
            }
        }
        let metadata = self.list_metadata(self.state.version);
        Ok(Outcome::Json(self.list_json(&found, &metadata.to_string())))
    }

    /// Removes an object whose last finalizer is gone; `value` is its last content.
    pub(crate) fn remove_finished(&mut self, old: &Arc<Stored>, value: Value) -> Arc<Stored> {
        let (kind, cause) = (self.kind(), self.cause());
        let key = key_of(old.metadata()["namespace"].as_str(), old.name());
        let last = self.state.remove(&kind, &key, value, old.managers.clone(), cause);
        self.settle_dependents(&kind, old, Dependents::Collect);
        last
    }

    /// Removes an object, or marks it when finalizers hold it; then the marked version is returned.
    fn remove(
        &mut self,
        kind: &Arc<Kind>,
        old: &Arc<Stored>,
        dependents: Dependents,
        cause: Cause<'_>,
    ) -> Option<Arc<Stored>> {
        let key = key_of(old.metadata()["namespace"].as_str(), old.name());
        // Its owner may have taken it along already.
        let old = &self.state.get(kind, &key).filter(|current| current.uid() == old.uid()).cloned()?;
        if meta::has_finalizers(&old.value) {
            if meta::is_being_deleted(&old.value) {
                return Some(Arc::clone(old));
            }
            let mut value = Value::clone(&old.value);
            if let Some(metadata) = meta::of(&mut value) {
                metadata.insert("deletionTimestamp".to_owned(), self.now.as_str().into());
                metadata.insert("deletionGracePeriodSeconds".to_owned(), 0.into());
            }
            if kind.has_generation() {
                meta::raise_generation(&mut value);
            }
            return Some(self.state.put(kind, &key, value, old.managers.clone(), cause));
        }
        self.state.remove(kind, &key, Value::clone(&old.value), old.managers.clone(), cause);
        self.settle_dependents(kind, old, dependents);
        None
    }

    /// Collects or orphans what the removed owner leaves behind.
    fn settle_dependents(&mut self, owner_kind: &Kind, owner: &Stored, dependents: Dependents) {
        let identity: Arc<str> = COLLECTOR.into();
        let kinds = self.kinds;
        let namespace = owner.metadata()["namespace"].as_str();
        for kind in kinds.all() {
            let is_dependent = |object: &Stored| {
                let mut owners = object.metadata()["ownerReferences"].as_array().into_iter().flatten();
                let reachable = !owner_kind.namespaced || object.metadata()["namespace"].as_str() == namespace;
                reachable && owners.any(|reference| reference["uid"] == owner.uid())
            };
            let found: Vec<Arc<Stored>> = self
                .state
                .objects_from(kind, "")
                .filter(|(_, object)| is_dependent(object))
                .map(|(_, object)| Arc::clone(object))
                .collect();
            for object in found {
                let owners = object.metadata()["ownerReferences"].as_array().map_or(0, Vec::len);
                let is_last = owners == 1 && dependents == Dependents::Collect;
                let verb = if is_last { Verb::Delete } else { Verb::Patch };
                let cause = Cause { identity: &identity, verb, subresource: "" };
                if is_last {
                    self.remove(kind, &object, dependents, cause);
                } else {
                    self.forget_owner(kind, &object, owner.uid(), cause);
                }
            }
        }
    }

    fn forget_owner(&mut self, kind: &Kind, object: &Stored, uid: &str, cause: Cause<'_>) {
        let mut value = Value::clone(&object.value);
        if let Some(metadata) = meta::of(&mut value)
            && let Some(Value::Array(owners)) = metadata.get_mut("ownerReferences")
        {
            owners.retain(|owner| owner["uid"] != uid);
            if owners.is_empty() {
                metadata.remove("ownerReferences");
            }
        }
        let key = key_of(object.metadata()["namespace"].as_str(), object.name());
        self.state.put(kind, &key, value, object.managers.clone(), cause);
    }

    /// `dryRun` of a delete stands among the options in its body, or in its address.
    fn is_dry_run(&self) -> bool {
        let in_body = self.request.body.as_ref().and_then(|body| body["dryRun"].as_array());
        self.request.query.dry_run || in_body.is_some_and(|stages| !stages.is_empty())
    }

    /// The options of a delete stand in its body; kube sends the policy there, kubectl too.
    fn dependents(&self) -> Dependents {
        let in_body = self.request.body.as_ref().and_then(|body| body["propagationPolicy"].as_str());
        match in_body.unwrap_or(&self.request.query.propagation_policy) {
            "Orphan" => Dependents::Orphan,
            _ => Dependents::Collect,
        }
    }

    fn check_preconditions(&self, old: &Stored) -> Result<(), Refusal> {
        let Some(body) = self.request.body.as_ref() else {
            return Ok(());
        };
        let kind = &self.request.kind;
        let wanted = |field: &str| body["preconditions"][field].as_str();
        let (uid, version) = (old.uid(), text_version(old));
        if let Some(wanted) = wanted("uid").filter(|wanted| *wanted != uid) {
            let detail = format!(
                "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might \
                 have been deleted and then recreated"
            );
            return Err(Refusal::conflict_of_kind(kind, self.name(), &detail));
        }
        if let Some(wanted) = wanted("resourceVersion").filter(|wanted| *wanted != version) {
            let detail = format!(
                "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
                 ({version}). The object might have been modified"
            );
            return Err(Refusal::conflict_of_kind(kind, self.name(), &detail));
        }
        Ok(())
    }
}

fn text_version(object: &Stored) -> &str {
    object.metadata()["resourceVersion"].as_str().unwrap_or_default()
}

/// The answer to a delete that is done.
fn deleted(kind: &Kind, object: &Stored) -> Bytes {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": object.name(), "group": kind.group, "kind": kind.plural, "uid": object.uid()},
    });
    Bytes::from(status.to_string())
}
