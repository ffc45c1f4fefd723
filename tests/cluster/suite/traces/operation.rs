//! One random request, made from a sample and from what is known of the objects by then.

use http::Request;
use serde_json::{Value, json};

use super::damage::change;
use super::dice::Dice;
use super::samples::Sample;

/// Names of objects in a trace: few, so that requests meet.
const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];
const MANAGERS: [&str; 3] = ["gitops", "kubectl-edit", "crm-operator"];
const NO_UID: &str = "00000000-0000-4000-8000-ffffffffffff";
const LABELS: [&str; 4] = ["red", "green", "", "not a label"];

/// A request, and whether it opens a watch.
pub(super) struct Operation {
    pub(super) request: Request<Vec<u8>>,
    pub(super) is_watch: bool,
}

/// What chance decides about, and what is known of the cluster.
pub(super) struct Author<'a> {
    pub(super) dice: &'a mut Dice,
    pub(super) sample: &'a Sample,
    /// Versions that the model has given out, oldest first.
    pub(super) versions: &'a [String],
    /// Uids that it has given out.
    pub(super) uids: &'a [String],
    /// The token of the last list that was cut into pages.
    pub(super) token: Option<String>,
}

impl Author<'_> {
    pub(super) fn operation(&mut self) -> Operation {
        let name = *self.dice.pick(&NAMES);
        let (request, is_watch) = match self.dice.below(20) {
            0..=3 => (self.create(name), false),
            4..=5 => (self.replace(name), false),
            6..=8 => (self.merge(name), false),
            9..=11 => (self.apply(name), false),
            12..=13 => (self.write_status(name), false),
            14 => (self.finalizers(name), false),
            15 => (self.delete(name), false),
            16 => (self.request("GET", &self.path(name), "", None), false),
            17..=18 => (self.list(), false),
            _ => (self.watch(), true),
        };
        Operation { request, is_watch }
    }

    /// A watch, of whatever kind.
    pub(super) fn opens_a_watch(&mut self) -> Operation {
        Operation { request: self.watch(), is_watch: true }
    }

    fn collection(&self) -> String {
        let namespace = self.sample.namespace.map(|namespace| format!("namespaces/{namespace}/")).unwrap_or_default();
        format!("/apis/{}/{namespace}{}", crm_api::API_VERSION, self.sample.plural)
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.collection())
    }

    fn request(&self, method: &str, path: &str, content: &str, body: Option<&Value>) -> Request<Vec<u8>> {
        let request = Request::builder().method(method).uri(path).header("user-agent", "trace/1.0");
        let request = if content.is_empty() { request } else { request.header("content-type", content) };
        request.body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default()).unwrap()
    }

    /// The query of a write.
    fn manner(&mut self) -> String {
        let manager = self.dice.pick(&MANAGERS);
        let mut query = format!("fieldManager={manager}");
        if self.dice.one_in(8) {
            query.push_str("&dryRun=All");
        }
        match self.dice.below(6) {
            0 => query.push_str("&fieldValidation=Strict"),
            1 => query.push_str("&fieldValidation=Ignore"),
            _ => {}
        }
        query
    }

    /// A sample by this name, changed at up to two places.
    fn object(&mut self, name: &str) -> Value {
        let mut object = self.sample.object.clone();
        object["metadata"] = json!({"name": name});
        if self.dice.one_in(3) {
            object["metadata"]["labels"] = json!({"colour": self.dice.pick(&LABELS)});
        }
        if self.sample.namespace.is_some() && self.dice.one_in(12) {
            // Of a kind that is none: what becomes of things whose owner is gone is up to the collector, and to its time.
            object["metadata"]["ownerReferences"] =
                json!([{"apiVersion": "example.org/v1", "kind": "Nothing", "name": "x", "uid": NO_UID}]);
        }
        for _ in 0..self.dice.below(3) {
            self.damage(&mut object, "spec");
        }
        object
    }

    fn damage(&mut self, object: &mut Value, part: &str) {
        let schema = &self.sample.schema["properties"][part];
        if let Some(part) = object.get_mut(part) {
            change(self.dice, part, schema);
        }
    }

    fn known_version(&mut self) -> Option<Value> {
        if self.versions.is_empty() {
            return None;
        }
        // Most often the newest one.
        let place = if self.dice.one_in(3) { self.dice.below(self.versions.len()) } else { self.versions.len() - 1 };
        Some(json!(self.versions[place]))
    }

    fn create(&mut self, name: &str) -> Request<Vec<u8>> {
        let mut object = self.object(name);
        if self.dice.one_in(8) {
            self.damage(&mut object, "status");
        }
        let path = format!("{}?{}", self.collection(), self.manner());
        self.request("POST", &path, "application/json", Some(&object))
    }

    fn replace(&mut self, name: &str) -> Request<Vec<u8>> {
        let mut object = self.object(name);
        if self.dice.one_in(8) {
            self.damage(&mut object, "status");
        }
        if let Some(version) = self.known_version().filter(|_| !self.dice.one_in(6)) {
            object["metadata"]["resourceVersion"] = version;
        }
        let path = format!("{}?{}", self.path(name), self.manner());
        self.request("PUT", &path, "application/json", Some(&object))
    }

    fn merge(&mut self, name: &str) -> Request<Vec<u8>> {
        let object = self.object(name);
        let patch = match self.dice.below(4) {
            0 => json!({"metadata": {"labels": {"colour": self.dice.pick(&LABELS)}, "annotations": {"note": null}}}),
            1 => json!({"metadata": {"annotations": {"note": self.dice.pick(&NAMES)}}}),
            2 => json!({"metadata": {"resourceVersion": self.known_version()}, "spec": object["spec"]}),
            _ => json!({"spec": object["spec"]}),
        };
        let path = format!("{}?{}", self.path(name), self.manner());
        self.request("PATCH", &path, "application/merge-patch+json", Some(&patch))
    }

    /// A part of the sample, as one of several writers would apply it.
    fn apply(&mut self, name: &str) -> Request<Vec<u8>> {
        let mut object = self.object(name);
        object.as_object_mut().unwrap().remove("status");
        if let Some(spec) = object["spec"].as_object_mut() {
            let keys: Vec<String> = spec.keys().cloned().collect();
            for key in keys.iter().filter(|_| self.dice.one_in(4)) {
                spec.remove(key);
            }
        }
        let mut query = self.manner();
        if self.dice.one_in(3) {
            query.push_str("&force=true");
        }
        let path = format!("{}?{query}", self.path(name));
        self.request("PATCH", &path, "application/apply-patch+yaml", Some(&object))
    }

    fn write_status(&mut self, name: &str) -> Request<Vec<u8>> {
        let mut object = self.object(name);
        self.damage(&mut object, "status");
        let path = format!("{}/status?{}", self.path(name), self.manner());
        match self.dice.below(3) {
            0 => {
                let patch = json!({"status": object["status"], "spec": {"ignored": true}});
                self.request("PATCH", &path, "application/merge-patch+json", Some(&patch))
            }
            1 => {
                if let Some(version) = self.known_version() {
                    object["metadata"]["resourceVersion"] = version;
                }
                self.request("PUT", &path, "application/json", Some(&object))
            }
            _ => {
                object.as_object_mut().unwrap().remove("spec");
                self.request("PATCH", &format!("{path}&force=true"), "application/apply-patch+yaml", Some(&object))
            }
        }
    }

    fn finalizers(&mut self, name: &str) -> Request<Vec<u8>> {
        let choice = [
            json!(["crm-operator.io/busy"]),
            json!(["crm-operator.io/busy", "example.org/two"]),
            json!(null),
            json!(["nodomain"]),
        ];
        let patch = json!({"metadata": {"finalizers": self.dice.pick(&choice)}});
        let path = format!("{}?{}", self.path(name), self.manner());
        self.request("PATCH", &path, "application/merge-patch+json", Some(&patch))
    }

    fn delete(&mut self, name: &str) -> Request<Vec<u8>> {
        let selector = "labelSelector=colour%3Dred";
        if self.dice.one_in(6) {
            return self.request("DELETE", &format!("{}?{selector}", self.collection()), "", None);
        }
        let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
        match self.dice.below(5) {
            0 => options["preconditions"] = json!({"resourceVersion": self.known_version()}),
            1 => options["preconditions"] = json!({"uid": self.uids.last()}),
            2 => options["propagationPolicy"] = json!("Background"),
            _ => {}
        }
        self.request("DELETE", &self.path(name), "application/json", Some(&options))
    }

    fn selection(&mut self) -> String {
        let choice = [
            "",
            "labelSelector=colour%3Dred",
            "labelSelector=colour+in+%28red%2Cgreen%29",
            "labelSelector=%21colour",
            "labelSelector=colour%21%3Dgreen",
            "fieldSelector=metadata.name%3Dalpha",
            "fieldSelector=metadata.name%21%3Dalpha",
            "fieldSelector=spec.site%3Dx",
            "labelSelector=%3D%3D%3D",
        ];
        (*self.dice.pick(&choice)).to_owned()
    }

    fn list(&mut self) -> Request<Vec<u8>> {
        let mut query = self.selection();
        match self.dice.below(4) {
            0 => query.push_str("&limit=1"),
            1 => query.push_str("&limit=2"),
            2 => {
                if let Some(token) = &self.token {
                    query.push_str(&format!("&limit=1&continue={token}"));
                }
            }
            _ => {}
        }
        self.request("GET", &format!("{}?{query}", self.collection()), "", None)
    }

    fn watch(&mut self) -> Request<Vec<u8>> {
        let mut query = format!("watch=true&timeoutSeconds=290&{}", self.selection());
        match self.dice.below(3) {
            0 => query.push_str("&resourceVersion=0"),
            1 => {}
            _ => {
                if let Some(version) = self.known_version() {
                    query.push_str(&format!("&resourceVersion={}", version.as_str().unwrap()));
                }
            }
        }
        self.request("GET", &format!("{}?{query}", self.collection()), "", None)
    }
}
