//! What each identity has been granted against what it has used, by the API server's own count: its audit log. No right is there
//! that nobody needs.

use std::collections::BTreeSet;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use kubectl_crm::cluster::node_identity;
use serde_json::Value;

use crate::server::documents;

/// One thing that may be done, or was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    verb: String,
    group: String,
    resource: String,
    /// In which namespace, or [`ANY`].
    namespace: String,
    /// To the object of which name, or [`ANY`].
    name: String,
}

/// Of a right: not bound to one namespace or name.
const ANY: &str = "(any)";

/// The audit log from some moment on.
pub(crate) struct AuditLog(std::fs::File);

impl AuditLog {
    /// From now on; none where the cluster is an existing one, whose log is not ours to read.
    pub(crate) fn from_now() -> Option<Self> {
        let mut file = std::fs::File::open(std::env::var_os("CRM_TEST_AUDIT_LOG")?).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        Some(Self(file))
    }

    /// Compares what was used with what is granted. Stories have no tokens: the life of one comes after them, with the program.
    pub(crate) fn assert_every_right_was_used(mut self) {
        crate::enrolment::live_once();
        let mut log = String::new();
        self.0.read_to_string(&mut log).unwrap();
        let rbac = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/plain/rbac.yaml");
        let of_controller = granted(&documents(&std::fs::read_to_string(rbac).unwrap()));
        let of_node = granted(&node_identity::objects("crm", "contoso-app"));
        let by_controller = used(&log, |user| user == "system:serviceaccount:crm-operator:crm-operator");
        let by_nodes = used(&log, |user| user.starts_with("system:serviceaccount:crm:crm-node-"));
        let unused = |granted: &BTreeSet<Right>, used| granted.difference(used).cloned().collect::<Vec<Right>>();
        assert_eq!(unused(&of_controller, &by_controller), Vec::new(), "rights that the controller never used");
        assert_eq!(unused(&of_node, &by_nodes), Vec::new(), "rights that no agent ever used");
        let kinds =
            |used: &BTreeSet<Right>| used.iter().filter(|right| right.namespace == ANY && right.name == ANY).count();
        println!("rights in use: {} of the controller, {} of agents", kinds(&by_controller), kinds(&by_nodes));
    }
}

/// What the rules of these objects allow.
fn granted(objects: &[Value]) -> BTreeSet<Right> {
    let words = |rule: &Value, field: &str| -> Vec<String> {
        rule[field].as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let mut rights = BTreeSet::new();
    for object in objects {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or(ANY);
        for rule in object["rules"].as_array().into_iter().flatten() {
            let names = Some(words(rule, "resourceNames")).filter(|names| !names.is_empty());
            let names = names.unwrap_or_else(|| vec![ANY.to_owned()]);
            for group in words(rule, "apiGroups") {
                for resource in words(rule, "resources") {
                    for verb in words(rule, "verbs") {
                        rights.extend(names.iter().map(|name| Right {
                            verb: verb.clone(),
                            group: group.clone(),
                            resource: resource.clone(),
                            namespace: namespace.to_owned(),
                            name: name.clone(),
                        }));
                    }
                }
            }
        }
    }
    rights
}

/// What somebody has asked for and was not refused.
fn used(log: &str, is_meant: impl Fn(&str) -> bool) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for entry in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let user = entry["impersonatedUser"]["username"].as_str().or(entry["user"]["username"].as_str());
        let code = entry["responseStatus"]["code"].as_u64().unwrap_or(0);
        // Who asks for something that is not there, or comes too late, has used a right all the same.
        if !user.is_some_and(&is_meant) || matches!(code, 401 | 403) {
            continue;
        }
        let text = |place: &Value| place.as_str().unwrap_or_default().to_owned();
        let mut resource = text(&entry["objectRef"]["resource"]);
        if let Some(subresource) = entry["objectRef"]["subresource"].as_str() {
            resource = format!("{resource}/{subresource}");
        }
        let (verb, group) = (text(&entry["verb"]), text(&entry["objectRef"]["apiGroup"]));
        // What was done to one object uses a right to that one as well as a right to all.
        for namespace in [text(&entry["objectRef"]["namespace"]), ANY.to_owned()] {
            for name in [text(&entry["objectRef"]["name"]), ANY.to_owned()] {
                let (verb, group, resource, namespace) =
                    (verb.clone(), group.clone(), resource.clone(), namespace.clone());
                rights.insert(Right { verb, group, resource, namespace, name });
            }
        }
    }
    rights
}
