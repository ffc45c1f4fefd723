//! Whole objects of each kind, as a real change leaves them: the main story is played once, and what it stored is taken.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use crm_sandbox::file::ScenarioFile;
use crm_sandbox::run::{Options, Sandbox};
use serde_json::Value;

/// The story in which every kind has a part.
const STORY: &str = "../examples/superoffice/server-web-service-7.5-to-8.0.yaml";

/// One kind with an object of it, and with what its schema says.
pub(super) struct Sample {
    pub(super) plural: String,
    /// `crm`, or nothing for a kind of the whole cluster.
    pub(super) namespace: Option<&'static str>,
    /// apiVersion, kind, spec and status; no metadata.
    pub(super) object: Value,
    /// JSON schema of the whole object.
    pub(super) schema: Value,
}

/// One sample of each of our kinds.
pub(super) fn of_each_kind() -> Vec<Sample> {
    let objects = objects_at_the_end();
    let sample =
        |crd: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition| {
            let mut object = objects[&crd.spec.names.kind].clone();
            object.as_object_mut().unwrap().remove("metadata");
            let schema = crd.spec.versions[0].schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
            Sample {
                plural: crd.spec.names.plural.clone(),
                namespace: (crd.spec.scope == "Namespaced").then_some("crm"),
                object,
                schema: serde_json::to_value(schema.unwrap()).unwrap(),
            }
        };
    crm_api::crds().iter().map(sample).collect()
}

/// The last object of each kind, by kind, when the change has come to its goal.
fn objects_at_the_end() -> BTreeMap<String, Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(STORY);
    let sandbox = Sandbox::new(ScenarioFile::read(&path).unwrap()).unwrap();
    let found = Rc::new(RefCell::new(BTreeMap::new()));
    let seen = Rc::clone(&found);
    let guest: crm_sandbox::run::Guest<'_> = Box::new(move |entrance| {
        Box::pin(async move {
            entrance.until(|entrance| entrance.change()["status"]["phase"] == "Succeeded").await;
            for object in entrance.cluster().objects() {
                seen.borrow_mut().insert(object["kind"].as_str().unwrap().to_owned(), Value::clone(&object));
            }
        })
    });
    sandbox.run_with(&Options::default(), &mut |_| {}, guest).unwrap();
    found.take()
}
