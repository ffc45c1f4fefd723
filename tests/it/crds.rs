//! `crds/` is generated from the types: these tests keep it in step and hold its rules to the letter.

use std::path::PathBuf;

use crm_api::decision::{CrmDecisionSpec, Word};
use crm_api::{CrmChange, CrmDecision, CrmNode, CrmRelease, CrmSite};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

use crate::files::{golden, repository};

fn file_of(crd: &CustomResourceDefinition) -> PathBuf {
    repository().join("crds").join(format!("{}.yaml", crd.spec.names.plural))
}

#[test]
fn the_files_are_what_the_types_generate() {
    let crds = crm_api::crds();
    for crd in crds {
        let yaml = serde_saphyr::to_string(crd).unwrap();
        golden(&file_of(crd), &format!("# Generated from operator/api; UPDATE=1 cargo test -p crm-tests crds\n{yaml}"));
    }
    let files = std::fs::read_dir(repository().join("crds")).unwrap().count();
    assert_eq!(files, crds.len(), "a file in crds/ belongs to no kind");
}

fn each_schema(value: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, value);
    if let Some(properties) = value.get("properties").and_then(Value::as_object) {
        for (name, child) in properties {
            each_schema(child, &format!("{path}.{name}"), visit);
        }
    }
    if let Some(items) = value.get("items") {
        each_schema(items, &format!("{path}[]"), visit);
    }
}

fn schema_of(crd: &CustomResourceDefinition) -> Value {
    let version = &crd.spec.versions[0];
    serde_json::to_value(version.schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap()).unwrap()
}

#[test]
fn every_list_and_string_has_a_limit() {
    let mut missing = Vec::new();
    for crd in crm_api::crds() {
        let schema = schema_of(crd);
        for part in ["spec", "status"] {
            let Some(part_schema) = schema["properties"].get(part) else { continue };
            each_schema(part_schema, &format!("{}.{part}", crd.spec.names.kind), &mut |path, schema| {
                let is = |kind: &str| schema.get("type").and_then(Value::as_str) == Some(kind);
                let has = |limit: &str| schema.get(limit).is_some();
                let known = path.contains(".conditions[]") || has("enum") || has("format");
                if (is("string") && !known && !has("maxLength")) || (is("array") && !has("maxItems")) {
                    missing.push(path.to_owned());
                }
            });
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_field_is_explained() {
    let mut silent = Vec::new();
    for crd in crm_api::crds() {
        let schema = schema_of(crd);
        for part in ["spec", "status"] {
            let Some(part_schema) = schema["properties"].get(part) else { continue };
            each_schema(part_schema, &format!("{}.{part}", crd.spec.names.kind), &mut |path, schema| {
                let field = !path.ends_with("[]") && path.matches('.').count() > 1;
                if field && schema.get("description").is_none() {
                    silent.push(path.to_owned());
                }
            });
        }
    }
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn a_fresh_object_never_looks_done() {
    for crd in crm_api::crds() {
        let schema = schema_of(crd);
        let Some(status) = schema["properties"].get("status") else { continue };
        assert_eq!(status["properties"]["observedGeneration"]["default"], -1, "{}", crd.spec.names.kind);
    }
}

#[test]
fn kinds_have_category_short_name_and_columns() {
    for crd in crm_api::crds() {
        let names = &crd.spec.names;
        assert_eq!(names.categories.as_deref(), Some(["crm".to_owned()].as_slice()), "{}", names.kind);
        assert!(names.short_names.as_ref().is_some_and(|short| !short.is_empty()), "{}", names.kind);
        assert!(crd.spec.versions[0].additional_printer_columns.as_ref().is_some_and(|columns| columns.len() > 3));
        assert_eq!(crd.spec.scope == "Cluster", names.kind == "CrmRelease", "only the catalogue is for all namespaces");
    }
}

#[test]
fn lists_of_named_things_merge_by_their_key() {
    let expected = [
        ("CrmSite", "spec.components", "name"),
        ("CrmSite", "status.conditions", "type"),
        ("CrmNode", "spec.orders", "id"),
        ("CrmNode", "status.observations", "id"),
        ("CrmNode", "status.results", "id"),
        ("CrmChange", "spec.steps", "id"),
        ("CrmChange", "status.steps", "id"),
        ("CrmRelease", "spec.packages", "component"),
        ("CrmBackup", "status.conditions", "type"),
    ];
    for (kind, path, key) in expected {
        let crds = crm_api::crds();
        let crd = crds.iter().find(|crd| crd.spec.names.kind == kind).unwrap();
        let schema = path.split('.').fold(schema_of(crd), |schema, name| schema["properties"][name].clone());
        assert_eq!(schema["x-kubernetes-list-type"], "map", "{kind}.{path}");
        assert_eq!(schema["x-kubernetes-list-map-keys"], serde_json::json!([key]), "{kind}.{path}");
    }
}

fn example() -> CrmSite {
    let path = repository().join("examples/superoffice/server-web-service-7.5-to-8.0.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(text.split("\n---").next().unwrap()).unwrap()
}

fn refusal(site: &CrmSite, old: Option<&CrmSite>) -> String {
    let result = match old {
        None => site.validate_cel(),
        Some(old) => site.validate_cel_update(old),
    };
    result.err().map(|errors| errors.to_string()).unwrap_or_default()
}

#[test]
fn a_site_has_exactly_the_block_of_its_product() {
    let mut site = example();
    assert_eq!(refusal(&site, None), "");
    site.spec.super_office = None;
    assert!(refusal(&site, None).contains("exactly one product block"));
}

#[test]
fn a_site_is_its_database() {
    let old = example();
    let mut site = old.clone();
    site.spec.database.name = "OTHER".to_owned();
    assert!(refusal(&site, Some(&old)).contains("a site is its database"));
    site.spec.database = old.spec.database.clone();
    site.spec.version = "8.0 SR6".to_owned();
    assert_eq!(refusal(&site, Some(&old)), "", "a version bump is what the field is for");
}

#[test]
fn a_name_too_long_for_its_changes_is_refused() {
    let mut site = example();
    site.metadata.name = Some("a".repeat(53));
    assert!(refusal(&site, None).contains("52 characters"));
}

#[test]
fn a_decision_is_said_once_and_names_its_step() {
    let spec = CrmDecisionSpec {
        site: Some("contoso".to_owned()),
        word: Word::Approve,
        plan_hash: Some("4f1c09".to_owned()),
        step: None,
        reason: None,
        expires_at: None,
        user: "Astrid".to_owned(),
    };
    let decision = |spec: CrmDecisionSpec| CrmDecision::new("word", spec);
    assert!(decision(spec.clone()).validate_cel().is_ok());
    let retry = CrmDecisionSpec { word: Word::Retry, ..spec.clone() };
    assert!(decision(retry).validate_cel().is_err(), "retry what?");
    let attest = CrmDecisionSpec { word: Word::Attest, step: Some("flush-caches".to_owned()), ..spec.clone() };
    assert!(decision(attest.clone()).validate_cel().is_err(), "seen what?");
    assert!(decision(CrmDecisionSpec { reason: Some("clicked".to_owned()), ..attest }).validate_cel().is_ok());
    let other = CrmDecisionSpec { plan_hash: Some("aaaaaa".to_owned()), ..spec.clone() };
    assert!(decision(other).validate_cel_update(&decision(spec)).is_err());
}

#[test]
fn a_release_is_not_its_own_predecessor() {
    for part in ["catalogue", "catalogue-8.1-to-8.5", "catalogue-9-and-10", "catalogue-11"] {
        let text = std::fs::read_to_string(repository().join(format!("examples/superoffice/{part}.yaml"))).unwrap();
        let releases: Vec<CrmRelease> = serde_saphyr::from_multiple(&text).unwrap();
        for mut release in releases {
            assert!(release.validate_cel().is_ok(), "{}", release.spec.version);
            let since = release.spec.from_since.replace(release.spec.version.clone());
            assert!(release.validate_cel().is_err(), "{}", release.spec.version);
            release.spec.from_since = since;
            release.spec.from.push(release.spec.version.clone());
            assert!(release.validate_cel().is_err(), "{}", release.spec.version);
        }
    }
}

#[test]
fn unknown_actions_and_probes_are_no_orders() {
    let node = serde_json::json!({
        "apiVersion": "crm-operator.io/v1alpha1", "kind": "CrmNode", "metadata": {"name": "n"},
        "spec": {"asked": [{"site": "s", "probes": [{"format": {"drive": "C:"}}]}]},
    });
    assert!(serde_json::from_value::<CrmNode>(node).is_err());
    assert!(serde_json::from_value::<CrmChange>(serde_json::json!({"spec": {}})).is_err());
}
