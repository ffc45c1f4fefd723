//! Discovery: which groups, versions and resources there are, in the form that every client understands (one request
//! per group and version).

use serde_json::{Value, json};

use super::super::kinds::{Kind, Kinds};
use super::super::review;
use super::core_event;

/// The document of discovery at a path, if there is one.
pub(super) fn document(kinds: &Kinds, path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts.as_slice() {
        ["api"] => Some(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        })),
        ["apis"] => {
            let groups: Vec<Value> = groups(kinds).iter().map(|(group, version)| group_of(group, version)).collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["apis", group] => {
            let (group, version) = groups(kinds).into_iter().find(|(name, _)| name == group)?;
            let mut document = group_of(&group, &version);
            document["kind"] = "APIGroup".into();
            document["apiVersion"] = "v1".into();
            Some(document)
        }
        ["api", version] => resources(kinds, version),
        ["apis", group, version] => resources(kinds, &format!("{group}/{version}")),
        _ => None,
    }
}

/// Every group with its version, each once: our own first.
pub(super) fn groups(kinds: &Kinds) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let ours = kinds.all().iter().map(|kind| (kind.group.as_str(), version_of(kind)));
    for (group, version) in ours.chain(review::GROUPS).filter(|(group, _)| !group.is_empty()) {
        let entry = (group.to_owned(), version.to_owned());
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    found.sort_by_key(|(group, _)| group.ends_with("k8s.io"));
    found
}

fn version_of(kind: &Kind) -> &str {
    kind.api_version.rsplit('/').next().unwrap_or_default()
}

fn group_of(group: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

/// What there is in a group and version.
fn resources(kinds: &Kinds, api_version: &str) -> Option<Value> {
    let mut list: Vec<Value> = Vec::new();
    for kind in kinds.all().iter().filter(|kind| kind.api_version == api_version) {
        let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
        list.push(json!({
            "name": kind.plural, "singularName": kind.names.singular, "namespaced": kind.namespaced,
            "kind": &*kind.kind, "verbs": verbs, "shortNames": kind.names.short, "categories": kind.names.categories,
        }));
        if kind.has_status {
            list.push(json!({
                "name": format!("{}/status", kind.plural), "singularName": "", "namespaced": kind.namespaced,
                "kind": &*kind.kind, "verbs": ["get", "patch", "update"],
            }));
        }
    }
    if api_version == core_event::API_VERSION {
        list.push(json!({
            "name": core_event::PLURAL, "singularName": "event", "namespaced": true, "kind": "Event",
            "verbs": ["delete", "get", "list", "watch"], "shortNames": ["ev"],
        }));
    }
    for (resource, kind) in review::resources(api_version) {
        list.push(json!({
            "name": resource, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind,
            "verbs": ["create"],
        }));
    }
    let is_there = !list.is_empty();
    is_there.then(|| {
        json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": list,
        })
    })
}
