//! The schema and the rules of each of our kinds, read from the generated CRDs once per process: reading and compiling
//! them takes longer than checking a document.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crm_api::crds;
use kube::core::cel::{CompiledSchema, ValidationErrors, Validator, compile_schema};
use serde_json::Value;

/// One kind.
pub struct Kind {
    /// Its structural schema.
    pub schema: Value,
    rules: LazyLock<CompiledSchema, Box<dyn FnOnce() -> CompiledSchema + Send>>,
}

static KINDS: LazyLock<BTreeMap<String, Kind>> = LazyLock::new(|| {
    crds()
        .iter()
        .map(|crd| {
            let name = crd.spec.names.kind.clone();
            let versions = serde_json::to_value(&crd.spec.versions).unwrap_or_default();
            let schema = versions.pointer("/0/schema/openAPIV3Schema").cloned().unwrap_or_default();
            let source = schema.clone();
            let rules = LazyLock::new(Box::new(move || compile_schema(&source)) as Box<dyn FnOnce() -> _ + Send>);
            (name, Kind { schema, rules })
        })
        .collect()
});

impl Kind {
    /// The kind of that name, if it is one of ours.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.get(name)
    }

    /// Judges an object by the rules that it would meet when it is created, as kube's `validate_cel` does.
    ///
    /// # Errors
    /// With the rules that it breaks.
    pub fn validate(&self, object: &Value) -> Result<(), ValidationErrors> {
        Validator::new().validate_compiled(&self.rules, object, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_every_kind_compiles() {
        for crd in crds() {
            let kind = Kind::named(&crd.spec.names.kind).unwrap();
            assert!(kind.rules.compilation_errors().is_empty(), "{}", crd.spec.names.kind);
        }
    }
}
