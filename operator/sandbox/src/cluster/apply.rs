//! Server-side apply: the configuration of one manager, merged into the live object.
//!
//! Modelled: creation by apply; conflicts with other managers unless forced; fields that a manager no longer sends go
//! when nobody else owns them; an apply that changes nothing is not stored; `resourceVersion` and `uid` in the
//! configuration are preconditions; unknown fields are an error, not pruned. An update and an apply of the same name
//! are two managers and can conflict, as in the real server.

use std::sync::Arc;

use serde_json::Value;

use super::kinds::Kind;
use super::refusal::Refusal;
use super::request::{Outcome, Turn};
use super::store::Stored;
use super::write::check_preconditions;
use super::{merge, meta, ownership, shape};

impl Turn<'_> {
    pub(crate) fn apply(&mut self) -> Result<Outcome, Refusal> {
        let config = self.body()?;
        let kind = self.kind();
        self.check_place(&config)?;
        if self.request.query.field_manager.is_empty() {
            let message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for \
                           apply patch";
            return Err(Refusal::plain(422, "Invalid", message));
        }
        if !config["metadata"]["managedFields"].is_null() {
            return Err(Refusal::bad_request("metadata.managedFields must be nil"));
        }
        self.refuse_undeclared(&kind, &config)?;
        match self.find() {
            Ok(old) => {
                check_preconditions(&kind, &old, &config)?;
                self.apply_next(&kind, &old, &config)
            }
            Err(missing) => {
                let is_new = ["uid", "resourceVersion"].iter().all(|field| meta::text(&config, field).is_empty());
                if is_new && self.request.subresource.is_empty() {
                    self.apply_new(&kind, config.into_owned())
                } else {
                    Err(missing)
                }
            }
        }
    }

    fn apply_new(&mut self, kind: &Kind, mut config: Value) -> Result<Outcome, Refusal> {
        if let Some(metadata) = meta::of(&mut config) {
            metadata.insert("name".to_owned(), self.name().into());
        }
        let applied = ownership::applied_fields(kind, &config, "");
        let managers = ownership::after_first_apply(applied, self.writer());
        self.store_new(config, Some(managers))
    }

    fn apply_next(&mut self, kind: &Kind, old: &Arc<Stored>, config: &Value) -> Result<Outcome, Refusal> {
        let subresource = self.request.subresource.as_str();
        let applied = ownership::applied_fields(kind, config, subresource);
        let mut merged = Value::clone(&old.value);
        if let (Some(merged), Some(config)) = (merged.as_object_mut(), config.as_object()) {
            let is_wanted = |key: &str| match (key, subresource) {
                ("status", "status") => true,
                (_, "status") => false,
                (key, _) => key != "status" || !kind.has_status,
            };
            for (key, wanted) in config.iter().filter(|(key, _)| is_wanted(key)) {
                let live = merged.entry(key.clone()).or_insert(Value::Null);
                merge::merge(kind.schema.field(key), live, wanted);
            }
        }
        meta::prepare_update(&old.value, &mut merged);
        let change = (&*old.value, &merged);
        let force = self.request.query.force;
        let (managers, given_up) = ownership::after_apply(kind, &old.managers, change, applied, self.writer(), force)
            .map_err(|conflicts| Refusal::apply_conflicts(&conflicts))?;
        if !given_up.is_empty() {
            let kept = ownership::all_fields(&managers);
            merge::remove(Some(&kind.schema), &mut merged, &given_up, &kept);
        }
        self.store_next(old, merged, Some(managers))
    }

    fn refuse_undeclared(&self, kind: &Kind, config: &Value) -> Result<(), Refusal> {
        let unknown = shape::unknown_fields(&kind.schema, config);
        let Some(path) = unknown.first() else {
            return Ok(());
        };
        let message = format!(
            "failed to create typed patch object ({}; {}, Kind={}): .{path}: field not declared in schema",
            self.key(),
            kind.api_version,
            kind.kind
        );
        Err(Refusal::plain(500, "", &message))
    }
}
