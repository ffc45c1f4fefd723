//! Create, replace and merge patch, and what all writes have in common.
//!
//! Modelled: stale resourceVersions and other uids are conflicts; the main endpoint ignores `status`, the status
//! endpoint everything else; `generation` rises with any change outside metadata and status; a write that changes
//! nothing stores nothing and sends no event; `fieldValidation=Strict`; `dryRun`. Order of the checks: place,
//! preconditions, pruning, defaults, validation, rules, ownership.

use std::sync::Arc;

use serde_json::Value;

use super::kinds::{Kind, Origin};
use super::meta::{self, Birth};
use super::ownership::{self, Manager};
use super::path::Path;
use super::refusal::{Cause, CauseReason, Refusal};
use super::request::{Outcome, Turn};
use super::store::{Stored, key_of};
use super::typed::{self, Duplicates};
use super::{built_in, cel, lists, merge, shape, validate};

impl Turn<'_> {
    pub(crate) fn create(&mut self) -> Result<Outcome, Refusal> {
        let value = self.decoded()?;
        if !meta::text(&value, "resourceVersion").is_empty() {
            return Err(Refusal::bad_request("resourceVersion should not be set on objects to be created"));
        }
        let owners = self.owners_of(&value);
        self.store_new(value, owners)
    }

    pub(crate) fn replace(&mut self) -> Result<Outcome, Refusal> {
        let value = self.decoded()?;
        let kind = self.kind();
        self.check_place(&value)?;
        match self.find() {
            Ok(old) => {
                check_preconditions(&kind, &old, &value)?;
                self.store_changed(&kind, &old, value)
            }
            Err(_) if kind.create_on_replace && meta::text(&value, "resourceVersion").is_empty() => {
                let owners = self.owners_of(&value);
                self.store_new(value, owners)
            }
            Err(missing) => Err(missing),
        }
    }

    pub(crate) fn patch(&mut self) -> Result<Outcome, Refusal> {
        let old = self.find()?;
        let kind = self.kind();
        let Some(patch) = self.request.body.as_deref().filter(|body| body.is_object()) else {
            return Err(Refusal::bad_request("the patch must be a JSON object"));
        };
        if let (Origin::BuiltIn, Some(directive)) = (self.request.kind.origin, merge::directive(patch)) {
            let message = format!("{directive}: the sandbox merges maps of built-in kinds, not their lists");
            return Err(Refusal::plain(415, "UnsupportedMediaType", &message));
        }
        self.check_place(patch)?;
        let mut value = Value::clone(&old.value);
        merge::merge_patch(&mut value, patch);
        let unknown = settled(&kind, &mut value, Source::Read);
        if let Some(error) = self.strictly(&unknown) {
            let mut patched: Value = serde_json::from_slice(old.json()).unwrap_or_default();
            merge::merge_patch(&mut patched, patch);
            return Err(Refusal::unreadable_patch(&patched, &error));
        }
        check_preconditions(&kind, &old, &value)?;
        self.store_changed(&kind, &old, value)
    }

    /// Stores what a replace or a patch makes of an object.
    fn store_changed(&mut self, kind: &Kind, old: &Arc<Stored>, value: Value) -> Result<Outcome, Refusal> {
        if meta::text(&value, "resourceVersion").is_empty() && !kind.blind_replace {
            return Err(Refusal::version_missing(kind, self.name()));
        }
        let owners = self.owners_of(&value);
        let value = if self.request.subresource == "status" { with_status_of(old, value) } else { value };
        self.store_next(old, value, owners)
    }

    /// Whether the owners of what a write changes are noted. The whole object that was sent decides, also the part of it that
    /// the endpoint leaves alone.
    fn owners_of(&self, sent: &Value) -> Owners {
        match typed::complaint(&self.request.kind.schema, sent, Duplicates::Allowed) {
            None => Owners::Noted,
            Some(_) => Owners::Kept,
        }
    }

    /// The body as an object of the kind: pruned, with defaults, refused where it must be strict and is not.
    fn decoded(&self) -> Result<Value, Refusal> {
        let mut value = self.body()?.into_owned();
        let unknown = settled(&self.request.kind, &mut value, Source::Read);
        match self.strictly(&unknown) {
            None => Ok(value),
            Some(error) => Err(Refusal::unreadable(&self.request.kind, &error)),
        }
    }

    fn strictly(&self, unknown: &[String]) -> Option<String> {
        if unknown.is_empty() || self.request.query.field_validation != "Strict" {
            return None;
        }
        let fields: Vec<String> = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
        Some(format!("strict decoding error: {}", fields.join(", ")))
    }

    /// Stores a new object.
    pub(crate) fn store_new(&mut self, mut value: Value, owners: Owners) -> Result<Outcome, Refusal> {
        let kind = self.kind();
        let namespace = self.request.namespace.as_deref();
        meta::check_place(&value, namespace, None)?;
        self.check_namespace()?;
        if kind.has_status
            && let Some(map) = value.as_object_mut()
        {
            map.remove("status");
        }
        settled(&kind, &mut value, owners.source());
        let birth = Birth { namespace, serial: self.state.next_serial(), now: &self.now };
        meta::prepare_create(&kind, &mut value, &birth);
        let name = meta::text(&value, "name").to_owned();
        check(&kind, &name, &value, None, "")?;
        let key = key_of(namespace, &name);
        if let Some(there) = self.state.get(&kind, &key) {
            let is_going = there.metadata()["deletionTimestamp"].is_string();
            return Err(Refusal::already_exists(&kind, &name, is_going));
        }
        let managers = match owners {
            Owners::Noted => ownership::after_update(&kind, &[], None, &value, self.writer()),
            Owners::Kept => Vec::new(),
            Owners::Applied(managers) => managers,
        };
        if self.request.query.dry_run {
            return Ok(Outcome::Object(201, Arc::new(Stored::new(value, managers, 0))));
        }
        let cause = self.cause();
        Ok(Outcome::Object(201, self.state.put(&kind, &key, value, managers, cause)))
    }

    /// Stores the next version of an object.
    pub(crate) fn store_next(
        &mut self,
        old: &Arc<Stored>,
        mut value: Value,
        owners: Owners,
    ) -> Result<Outcome, Refusal> {
        let kind = self.kind();
        if self.request.subresource.is_empty() {
            with_old_status(&kind, old, &mut value, owners.source());
        }
        if kind.has_generation() && differs_in_content(&kind, &old.value, &value) {
            meta::raise_generation(&mut value);
        }
        check(&kind, old.name(), &value, Some(&old.value), &self.request.subresource)?;
        let managers = match owners {
            Owners::Noted => ownership::after_update(&kind, &old.managers, Some(&old.value), &value, self.writer()),
            Owners::Kept => old.managers.clone(),
            Owners::Applied(managers) => managers,
        };
        if value == *old.value && ownership::is_same(&managers, &old.managers) {
            return Ok(Outcome::Object(200, Arc::clone(old)));
        }
        if self.request.query.dry_run {
            return Ok(Outcome::Object(200, Arc::new(Stored::new(value, managers, old.version))));
        }
        if meta::is_being_deleted(&value) && !meta::has_finalizers(&value) {
            return Ok(Outcome::Object(200, self.remove_finished(old, value)));
        }
        let (key, cause) = (self.key(), self.cause());
        Ok(Outcome::Object(200, self.state.put(&kind, &key, value, managers, cause)))
    }

    pub(crate) fn check_place(&self, body: &Value) -> Result<(), Refusal> {
        let request = self.request;
        meta::check_place(body, request.namespace.as_deref(), request.name.as_deref())
    }

    fn check_namespace(&self) -> Result<(), Refusal> {
        let Some(namespace) = self.request.namespace.as_deref() else {
            return Ok(());
        };
        let exists = self.kinds.named("Namespace").is_some_and(|kind| self.state.get(kind, namespace).is_some());
        if exists { Ok(()) } else { Err(Refusal::namespace_not_found(namespace)) }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// From a client, who leaves out a field or says null.
    Read,
    /// From a merge with what is applied: null is a value there, and of the wrong type unless the schema allows it.
    Merged,
}

/// Prunes and fills in defaults; gives the paths of unknown fields, sorted.
pub(crate) fn settled(kind: &Kind, value: &mut Value, source: Source) -> Vec<String> {
    let mut unknown = Vec::new();
    if kind.origin == Origin::BuiltIn {
        shape::drop_nulls(value);
        built_in::complete(kind, value);
    }
    shape::prune(&kind.schema, value, &Path::Root, &mut unknown);
    match (source, kind.schema.field("metadata"), value.get_mut("metadata")) {
        (Source::Read, ..) => shape::drop_absent(&kind.schema, value),
        (Source::Merged, Some(node), Some(metadata)) => shape::drop_absent(node, metadata),
        (Source::Merged, ..) => {}
    }
    shape::default(&kind.schema, value);
    unknown.sort();
    unknown
}

/// Who owns what after a write.
pub(crate) enum Owners {
    /// What changes becomes the writer's.
    Noted,
    /// Nothing is noted: a value somewhere in what was sent is of the wrong type.
    Kept,
    /// Known beforehand, as of what is applied.
    Applied(Vec<Manager>),
}

impl Owners {
    fn source(&self) -> Source {
        if matches!(self, Self::Applied(_)) { Source::Merged } else { Source::Read }
    }
}

/// Makes `value` what the main endpoint can change: everything but status and the server's own metadata.
fn with_old_status(kind: &Kind, old: &Stored, value: &mut Value, source: Source) {
    settled(kind, value, source);
    meta::prepare_update(&old.value, value);
    if let (true, Some(map)) = (kind.has_status, value.as_object_mut()) {
        match old.value.get("status") {
            Some(status) => map.insert("status".to_owned(), status.clone()),
            None => map.remove("status"),
        };
    }
}

/// The old object with the status of another one: all that a replace of the status can change.
pub(crate) fn with_status_of(old: &Stored, mut value: Value) -> Value {
    let mut next = Value::clone(&old.value);
    if let (Some(next), Some(value)) = (next.as_object_mut(), value.as_object_mut()) {
        match value.remove("status") {
            Some(status) => next.insert("status".to_owned(), status),
            None => next.remove("status"),
        };
    }
    next
}

/// The conflict of a body that carries another uid, or a version that is not the stored one.
pub(crate) fn check_preconditions(kind: &Kind, old: &Stored, body: &Value) -> Result<(), Refusal> {
    let (uid, version) = (meta::text(body, "uid"), meta::text(body, "resourceVersion"));
    if !uid.is_empty() && uid != old.uid() {
        let detail = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", old.uid());
        return Err(Refusal::conflict(kind, old.name(), &detail));
    }
    let current = old.metadata()["resourceVersion"].as_str().unwrap_or_default();
    if !version.is_empty() && version != current {
        return Err(Refusal::modified(kind, old.name()));
    }
    Ok(())
}

/// Whether two versions differ outside metadata and, for kinds with the subresource, status.
fn differs_in_content(kind: &Kind, old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        return old != new;
    };
    let counts = |key: &str| key != "metadata" && (key != "status" || !kind.has_status);
    old.iter().any(|(key, value)| counts(key) && new.get(key) != Some(value))
        || new.keys().any(|key| counts(key) && !old.contains_key(key))
}

/// Validation of the metadata and, where there is one, against the schema and its rules. A write to the status has only
/// the status checked against the schema.
fn check(kind: &Kind, name: &str, value: &Value, old: Option<&Value>, subresource: &str) -> Result<(), Refusal> {
    let mut causes = Vec::new();
    meta::validate(value, old, &mut causes);
    built_in::validate(kind, value, old, &mut causes);
    causes.extend(match (kind.schema.field("status"), value.get("status")) {
        (Some(node), Some(status)) if subresource == "status" => {
            validate::complaints(node, status, old.and_then(|old| old.get("status")), "status")
        }
        _ if subresource == "status" => Vec::new(),
        _ => validate::complaints(&kind.schema, value, old, ""),
    });
    if kind.origin == Origin::Custom {
        causes.extend(lists::duplicates(&kind.schema, value, old));
    }
    if kind.schema.holds.rules {
        if causes.iter().any(|cause| cause.reason.blocks_rules()) {
            let message = "Invalid value: null: some validation rules were not checked because the object was \
                           invalid; correct the existing errors to complete validation";
            causes.push(Cause::new(CauseReason::Invalid, "<nil>".to_owned(), message.to_owned()));
        } else {
            cel::check_rules(&kind.schema, value, old, &Path::Root, &mut causes);
        }
    }
    if causes.is_empty() { Ok(()) } else { Err(Refusal::invalid(kind, name, causes)) }
}
