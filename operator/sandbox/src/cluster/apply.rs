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
use super::typed::{self, Duplicates};
use super::write::{Owners, Source, check_preconditions, settled, with_status_of};
use super::{meta, ownership};

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
        match self.find() {
            Ok(old) => {
                refuse_untyped(&kind, &config)?;
                self.apply_next(&kind, &old, &config)
            }
            Err(missing) if !self.request.subresource.is_empty() => Err(missing),
            Err(missing) => {
                refuse_untyped(&kind, &config)?;
                let is_new = ["uid", "resourceVersion"].iter().all(|field| meta::text(&config, field).is_empty());
                if is_new { self.apply_new(&kind, config.into_owned()) } else { Err(missing) }
            }
        }
    }

    fn apply_new(&mut self, kind: &Kind, mut config: Value) -> Result<Outcome, Refusal> {
        if let Some(metadata) = meta::of(&mut config) {
            metadata.insert("name".to_owned(), self.name().into());
        }
        let applied = ownership::first_apply(kind, config, self.writer());
        self.store_new(applied.value, Owners::Applied(applied.managers))
    }

    fn apply_next(&mut self, kind: &Kind, old: &Arc<Stored>, config: &Value) -> Result<Outcome, Refusal> {
        let force = self.request.query.force;
        let applied = ownership::apply(kind, &old.managers, &old.value, config, self.writer(), force)
            .map_err(|conflicts| Refusal::apply_conflicts(&conflicts))?;
        check_preconditions(kind, old, config)?;
        let mut value = applied.value;
        if self.request.subresource == "status" {
            settled(kind, &mut value, Source::Merged);
            value = with_status_of(old, value);
        }
        meta::prepare_update(&old.value, &mut value);
        self.store_next(old, value, Owners::Applied(applied.managers))
    }
}

fn refuse_untyped(kind: &Kind, config: &Value) -> Result<(), Refusal> {
    let Some(complaint) = typed::complaint(&kind.schema, config, Duplicates::Refused) else {
        return Ok(());
    };
    let message = format!(
        "failed to create typed patch object ({}/{}; {}, Kind={}): {complaint}",
        meta::text(config, "namespace"),
        meta::text(config, "name"),
        kind.api_version,
        kind.kind
    );
    Err(Refusal::plain(500, "", &message))
}
