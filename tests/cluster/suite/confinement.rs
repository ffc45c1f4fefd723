//! What each identity may do on a real API server, cell by cell: each is a request with a real token, and what is refused is
//! refused for the reason that it should be.

use std::path::Path;

use serde_json::{Value, json};

use crate::stage::{DECISIONS, Stage, assert_refused, decision, message, named};

/// Who asks: with its right token, with that of the other node, with one whose end has come, with one for somebody else's
/// ears, and with none.
const IDENTITIES: [&str; 5] = ["alpha", "beta", "ended", "for another audience", "nobody"];
/// Whose objects are asked for.
const PLACES: [(&str, &str); 3] = [("crm", "alpha"), ("crm", "beta"), ("other", "alpha")];
const VERBS: [&str; 10] =
    ["get", "list", "watch", "create", "update", "patch", "apply", "finalizers", "delete", "deletecollection"];
/// Group and version, plural, and how the object that belongs to a node is called.
const RESOURCES: [(&str, &str, &str); 16] = [
    ("/apis/crm-operator.io/v1alpha1", "crmnodes", "{}"),
    ("/apis/crm-operator.io/v1alpha1", "crmnodes/status", "{}"),
    ("/apis/crm-operator.io/v1alpha1", "crmsites", "{}"),
    ("/apis/crm-operator.io/v1alpha1", "crmsites/status", "{}"),
    ("/apis/crm-operator.io/v1alpha1", "crmchanges", "{}"),
    ("/apis/crm-operator.io/v1alpha1", "crmbackups", "{}"),
    ("/apis/crm-operator.io/v1alpha1", "crmdecisions", "{}"),
    ("/apis/coordination.k8s.io/v1", "leases", "crm-node-{}"),
    ("/api/v1", "serviceaccounts", "crm-node-{}"),
    ("/api/v1", "serviceaccounts/token", "crm-node-{}"),
    ("/api/v1", "secrets", "crm-node-{}-bootstrap"),
    ("/api/v1", "secrets", "contoso-sql-of-{}"),
    ("/api/v1", "configmaps", "kube-root-ca.crt"),
    ("/api/v1", "pods", "{}"),
    ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", "crm-node-{}"),
    ("/apis/events.k8s.io/v1", "events", "{}"),
];

/// What a node may do with what belongs to it.
fn is_its_right(verb: &str, resource: &str, name: &str) -> bool {
    match resource {
        "crmnodes" => verb == "watch",
        "crmnodes/status" | "leases" => ["patch", "apply", "finalizers"].contains(&verb),
        "serviceaccounts/token" => verb == "create",
        "secrets" => verb == "delete" && name.ends_with("-bootstrap"),
        // Of its namespace, and the same for all in it.
        "configmaps" => verb == "get",
        _ => false,
    }
}

/// One request: method, path with query, and body.
fn request(
    verb: &str,
    (group, resource, object): (&str, &str, &str),
    namespace: &str,
) -> Option<(&'static str, String, Value)> {
    let (plural, sub) = resource.split_once('/').map_or((resource, None), |(plural, sub)| (plural, Some(sub)));
    let collection = format!("{group}/namespaces/{namespace}/{plural}");
    let item = match sub {
        Some(sub) => format!("{collection}/{object}/{sub}"),
        None => format!("{collection}/{object}"),
    };
    // Of one that is refused the body is never looked at.
    let (kind, version) = match plural {
        "leases" => ("Lease", "coordination.k8s.io/v1"),
        "serviceaccounts" => ("TokenRequest", "authentication.k8s.io/v1"),
        _ => ("CrmNode", crm_api::API_VERSION),
    };
    let body = match plural {
        "serviceaccounts" => json!({"apiVersion": version, "kind": kind, "spec": {"expirationSeconds": 600}}),
        _ => json!({"apiVersion": version, "kind": kind, "metadata": {"name": object}}),
    };
    let whole = sub.is_none();
    Some(match verb {
        "get" => ("GET", item, Value::Null),
        "list" if whole => ("GET", collection, Value::Null),
        "watch" if whole => {
            let query = format!("watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3D{object}");
            ("GET", format!("{collection}?{query}"), Value::Null)
        }
        "create" if whole => ("POST", collection, body),
        "create" => ("POST", item, body),
        "update" => ("PUT", item, body),
        "patch" => ("PATCH", item, json!({})),
        "apply" => ("PATCH", format!("{item}?fieldManager=matrix&force=true"), body),
        "finalizers" => ("PATCH", item, json!({"metadata": {"finalizers": []}})),
        "delete" if whole => ("DELETE", item, Value::Null),
        "deletecollection" if whole => ("DELETE", collection, Value::Null),
        _ => return None,
    })
}

#[test]
fn a_node_may_touch_what_is_its_own_and_nothing_else() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let ended = stage.server.ended_token("crm-node-alpha");
    let elsewhere = stage.server.token("crm", "crm-node-alpha", &json!({"audiences": ["https://elsewhere.example"]}));
    let tokens = [&stage.alpha, &stage.beta, &ended, &elsewhere, ""];
    let (mut cells, mut allowed, mut wrong) = (0, 0, String::new());
    for resource in RESOURCES {
        for (namespace, node) in PLACES {
            let object = resource.2.replace("{}", node);
            for verb in VERBS {
                let Some((method, path, body)) = request(verb, (resource.0, resource.1, &object), namespace) else {
                    continue;
                };
                for (identity, token) in IDENTITIES.iter().zip(tokens) {
                    let is_own =
                        *identity == node || (resource.1 == "configmaps" && ["alpha", "beta"].contains(identity));
                    let may = is_own && namespace == "crm" && is_its_right(verb, resource.1, &object);
                    let answer = match verb {
                        "apply" => stage.server.apply_as_bearer(token, &path, &body),
                        _ => stage.server.as_bearer(token, method, &path, &body),
                    };
                    let is_right = match (*identity, may) {
                        // What is refused by a policy, or is not there, was let through by its rights.
                        (_, true) => !message(&answer).contains("cannot ") && answer.code != 401 && answer.code < 500,
                        ("ended" | "for another audience", false) => answer.code == 401,
                        (_, false) => answer.code == 403 && message(&answer).contains(" cannot "),
                    };
                    (cells, allowed) = (cells + 1, allowed + i32::from(may));
                    if !is_right {
                        wrong.push_str(&format!("{identity}: {verb} {path}: {} {}\n", answer.code, message(&answer)));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // Two nodes: each watches one kind, writes two objects in three ways, and has three rights more.
    assert_eq!(allowed, 2 * (1 + 2 * 3 + 2) + 2 * 2, "cells that are allowed");
    println!("matrix of identities: {cells} cells, {allowed} of them allowed");
}

#[test]
fn a_decision_is_the_word_of_whoever_creates_it() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let person = stage.server.person("ola");
    let say = |token: &str, name: &str, user: &str| {
        stage.server.as_bearer(token, "POST", DECISIONS, &decision(name, "Hold", user))
    };
    assert_refused(
        &say(&person, "forged", "kari"),
        "a decision is said by whoever creates it; write system:serviceaccount:crm:ola",
    );
    assert_eq!(say(&person, "honest", "system:serviceaccount:crm:ola").code, 201);
    // It is never changed afterwards, by nobody.
    let other = json!({"spec": {"user": "kari"}});
    let changed = stage.server.as_bearer(&person, "PATCH", &format!("{DECISIONS}/honest"), &other);
    assert_eq!(changed.code, 422, "{changed:?}");
    // Whoever applies what people have written in Git speaks for them with the verb `speakfor`, and not without it.
    let git = stage.server.person("git");
    assert_refused(&say(&git, "from-git", "kari"), "a decision is said by whoever creates it");
    let metadata = json!({"name": "git-speaks", "namespace": "crm"});
    stage.server.apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
        "rules": [{"apiGroups": [crm_api::GROUP], "resources": ["crmdecisions"], "verbs": ["speakfor"]}],
    }));
    stage.server.apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "git-speaks"},
        "subjects": [{"kind": "ServiceAccount", "name": "git", "namespace": "crm"}],
    }));
    stage.server.until(201, || say(&git, "from-git", "kari"));
    assert_refused(&say(&person, "forged", "kari"), "a decision is said by whoever creates it");
    let binding = "/apis/rbac.authorization.k8s.io/v1/namespaces/crm/rolebindings/git-speaks";
    stage.server.expect(200..=200, "DELETE", binding, &Value::Null);
    // The controller says nothing at all.
    let said = stage.as_controller("POST", DECISIONS, &named("CrmDecision", "own", json!({"spec": {}})));
    assert_eq!(said.code, 403, "{said:?}");
}

/// As the API server itself sums them up. `UPDATE=1` writes the file anew: read the difference.
#[test]
fn permissions_are_the_recorded_ones() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let mut text = String::new();
    let controller = ("crm-operator/crm-operator", &stage.controller);
    let node = ("crm/crm-node-alpha", &stage.alpha);
    for ((who, token), namespace) in
        [(controller, "crm"), (controller, "crm-operator"), (node, "crm"), (node, "crm-operator")]
    {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
        let answer = stage.server.as_bearer(token, "POST", path, &review);
        assert_eq!(answer.code, 201, "{answer:?}");
        let words = |value: &Value| {
            let words = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            words.map(|word| if word.is_empty() { "core" } else { word }).collect::<Vec<_>>().join(",")
        };
        let rules = answer.body["status"]["resourceRules"].as_array().unwrap();
        let mut lines: Vec<String> = rules
            .iter()
            .map(|rule| {
                let names = words(&rule["resourceNames"]);
                let names = if names.is_empty() { "any".to_owned() } else { names };
                format!(
                    "  {} {} {names}: {}\n",
                    words(&rule["apiGroups"]),
                    words(&rule["resources"]),
                    words(&rule["verbs"])
                )
            })
            .collect();
        lines.sort();
        text.push_str(&format!(
            "ServiceAccount {who} in namespace {namespace} (group, resource, names: verbs)\n{}\n",
            lines.concat()
        ));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/permissions.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let recorded = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, recorded, "{} is not what the API server says", file.display());
}
