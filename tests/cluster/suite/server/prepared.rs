//! What a cluster is given before a test, and what is taken away again: namespaces, objects, rights and policies.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::Server;

/// Namespaces in which stories play.
pub(super) const NAMESPACES: [&str; 2] = ["crm", "crm-operator"];
/// What stories leave behind there, besides our own kinds.
const BUILT_IN: [&str; 3] =
    ["/api/v1/{}/secrets", "/apis/coordination.k8s.io/v1/{}/leases", "/apis/events.k8s.io/v1/{}/events"];
/// What a cluster is prepared with, besides the definitions.
const PLAIN: [&str; 3] = ["rbac.yaml", "policies.yaml", "secrets.yaml"];
const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
const BINDINGS: &str = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

impl Server {
    /// Leaves nothing of earlier stories, in either namespace.
    pub(crate) fn clear(&self) {
        for namespace in NAMESPACES {
            self.plain("POST", "/api/v1/namespaces", json!({"metadata": {"name": namespace}}));
        }
        let places = NAMESPACES.iter().flat_map(|namespace| {
            let place = format!("namespaces/{namespace}");
            let built_in = BUILT_IN.map(|path| path.replace("{}", &place));
            let ours = crm_api::crds().iter().filter(|crd| crd.spec.scope == "Namespaced");
            let ours = ours.map(move |crd| ours_at(crd, &format!("{place}/")));
            built_in.into_iter().chain(ours)
        });
        let cluster_wide = crm_api::crds().iter().filter(|crd| crd.spec.scope == "Cluster").map(|crd| ours_at(crd, ""));
        places.chain(cluster_wide).for_each(|collection| self.empty_collection(&collection));
    }

    /// Removes what there is of our kinds in `crm` and in the whole cluster.
    pub(crate) fn clear_kinds(&self) {
        for crd in crm_api::crds() {
            let place = if crd.spec.scope == "Cluster" { "" } else { "namespaces/crm/" };
            self.empty_collection(&ours_at(crd, place));
        }
    }

    fn empty_collection(&self, collection: &str) {
        for item in self.plain("GET", collection, Value::Null).body["items"].as_array().into_iter().flatten() {
            let path = format!("{collection}/{}", item["metadata"]["name"].as_str().unwrap_or_default());
            if item["metadata"]["finalizers"].is_array() {
                self.plain("PATCH", &path, json!({"metadata": {"finalizers": null}}));
            }
            self.plain("DELETE", &path, Value::Null);
        }
    }

    /// Installs the rights and policies of `charts/plain`, waits until all of them hold, and begins anew.
    pub(crate) fn with_policies(&self) {
        self.install();
        self.clear();
    }

    /// Installs the rights and policies of `charts/plain`, and waits until all of them hold.
    pub(crate) fn install(&self) {
        for file in PLAIN {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/plain").join(file);
            documents(&std::fs::read_to_string(path).unwrap()).iter().for_each(|object| self.apply(object));
        }
        self.settle();
    }

    /// Has one policy hold nothing any more, and waits until that is so. Its binding stays: a server that hears of the first
    /// binding to a kind of parameters begins to watch that kind anew.
    pub(crate) fn without_policy(&self, policy: &str) {
        let all = self.expect(200..=200, "GET", BINDINGS, &Value::Null);
        for binding in all["items"].as_array().unwrap().iter().filter(|binding| binding["spec"]["policyName"] == policy)
        {
            let path = format!("{BINDINGS}/{}", binding["metadata"]["name"].as_str().unwrap());
            self.expect(200..=200, "PATCH", &path, &json!({"spec": {"validationActions": ["Audit"]}}));
        }
        self.settle();
    }

    /// Waits until the server goes by all policies and bindings as they were written. It hears of each kind in the order of the
    /// writes: so it knows them all when it goes by a policy and a binding that are made last.
    fn settle(&self) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let nonce = format!("suite-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (group, metadata) = ("admissionregistration.k8s.io/v1", json!({"name": nonce}));
        let rules =
            json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]);
        self.apply(&json!({
            "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": metadata,
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": rules},
                "validations": [{"expression": format!("object.metadata.name != '{nonce}'"), "reason": "Forbidden"}],
            },
        }));
        self.apply(&json!({
            "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata,
            "spec": {"policyName": nonce, "validationActions": ["Deny"]},
        }));
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        self.until(403, || self.plain("POST", "/api/v1/namespaces/crm/configmaps?dryRun=All", map.clone()));
        self.plain("DELETE", &format!("{BINDINGS}/{nonce}"), Value::Null);
        self.plain("DELETE", &format!("{POLICIES}/{nonce}"), Value::Null);
    }

    /// Takes the policies away, and waits until nothing is held by them.
    pub(crate) fn without_policies(&self) {
        let all = self.expect(200..=200, "GET", BINDINGS, &Value::Null);
        let ours =
            all["items"].as_array().into_iter().flatten().filter_map(|binding| binding["metadata"]["name"].as_str());
        for name in ours.filter(|name| name.starts_with("crm-operator-")) {
            self.plain("DELETE", &format!("{BINDINGS}/{name}"), Value::Null);
        }
        self.settle();
        self.clear();
    }
}

/// The documents of a YAML file that hold an object.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let read = |document| serde_saphyr::from_str::<Value>(document).unwrap();
    text.split("\n---").map(read).filter(Value::is_object).collect()
}

fn ours_at(
    crd: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    place: &str,
) -> String {
    format!("/apis/{}/{place}{}", crm_api::API_VERSION, crd.spec.names.plural)
}
