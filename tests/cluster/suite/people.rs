//! The roles of `charts/plain/people.yaml`: what somebody may who is bound to one of them in a namespace, by the API server's
//! own word.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use kubectl_crm::{Exit, Screen, Streams};
use serde_json::{Value, json};

use crate::identities::kubeconfig_of;
use crate::server::{Server, documents};

const KINDS: [&str; 6] = ["crmsites", "crmnodes", "crmchanges", "crmbackups", "crmdecisions", "crmreleases"];
const VERBS: [&str; 12] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "speakfor",
    "bind",
    "escalate",
    "impersonate",
];

/// An empty cluster with the roles.
fn prepared() -> Server {
    let server = Server::empty();
    let people = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/plain/people.yaml");
    documents(&std::fs::read_to_string(people).unwrap()).iter().for_each(|object| server.apply(object));
    server
}

/// Binds a new ServiceAccount to a role in `crm`.
fn bound(server: &Server, name: &str, role: &str) -> String {
    let metadata = json!({"name": name, "namespace": "crm"});
    server.apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}));
    server.apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "crm"}],
    }));
    format!("system:serviceaccount:crm:{name}")
}

fn may(server: &Server, user: &str, namespace: &str, verb: &str, group: &str, resource: &str) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let attributes = json!({
        "namespace": namespace, "verb": verb, "group": group, "resource": resource, "subresource": subresource,
    });
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes},
    });
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    server.expect(201..=201, "POST", path, &review)["status"]["allowed"] == Value::Bool(true)
}

/// Verbs on kinds, as `verb resource`.
fn rights(server: &Server, user: &str, namespace: &str) -> BTreeSet<String> {
    let statuses = KINDS.map(|kind| format!("{kind}/status"));
    let ours = KINDS.iter().map(|kind| ("crm-operator.io", (*kind).to_owned()));
    let ours = ours.chain(statuses.into_iter().map(|kind| ("crm-operator.io", kind)));
    let others = [
        ("", "pods"),
        ("", "configmaps"),
        ("", "events"),
        ("", "secrets"),
        ("", "serviceaccounts"),
        ("", "serviceaccounts/token"),
        ("rbac.authorization.k8s.io", "roles"),
        ("rbac.authorization.k8s.io", "rolebindings"),
        ("coordination.k8s.io", "leases"),
    ];
    ours.chain(others.map(|(group, kind)| (group, kind.to_owned())))
        .flat_map(|(group, kind)| VERBS.map(|verb| (verb, group, kind.clone())))
        .filter(|(verb, group, kind)| may(server, user, namespace, verb, group, kind))
        .map(|(verb, _, kind)| format!("{verb} {kind}"))
        .collect()
}

/// Waits until the server knows the binding, which it hears of after a moment.
fn is_known(server: &Server, user: &str) {
    server.until(200, || {
        let code = if rights(server, user, "crm").is_empty() { 404 } else { 200 };
        crate::server::Answer { code, body: Value::Null }
    });
}

fn set(rights: &[(&str, &[&str])]) -> BTreeSet<String> {
    rights.iter().flat_map(|(kind, verbs)| verbs.iter().map(move |verb| format!("{verb} {kind}"))).collect()
}

#[test]
fn whoever_has_the_enrollers_role_enrols_a_server_and_revokes_it_and_others_do_not() {
    let _alone = crate::server::alone();
    let server = prepared();
    server.with_policies();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice");
    let story = std::fs::read_to_string(examples.join("server-web-service-7.5-to-8.0.yaml")).unwrap();
    let site = documents(&story).into_iter().find(|document| document["kind"] == "CrmSite").unwrap();
    server.expect(201..=201, "POST", "/apis/crm-operator.io/v1alpha1/namespaces/crm/crmsites", &site);
    for (role, exit) in [("crm-operator-decider", Exit::Unanswered), ("crm-operator-enroller", Exit::Good)] {
        let user = bound(&server, role, role);
        is_known(&server, &user);
        let folder = tempfile::tempdir().unwrap();
        let token = server.token("crm", role, &json!({"expirationSeconds": 600}));
        let kubeconfig = kubeconfig_of(&token, folder.path());
        let node = |word: &str, more: &[&str]| {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut streams = Streams {
                input: &mut std::io::empty(),
                out: &mut out,
                err: &mut err,
                screen: Screen::Pipe,
                attended: false,
            };
            let words = ["kubectl-crm", "node", word, "contoso-app", "-n", "crm", "--kubeconfig", &kubeconfig];
            let exit = kubectl_crm::run(words.iter().chain(more).map(OsString::from), &mut streams);
            (exit, String::from_utf8_lossy(&err).into_owned())
        };
        // An earlier test may have left it enrolled; who may not enrol may not revoke either.
        let (ended, said) = node("revoke", &[]);
        let is_right = match exit {
            Exit::Good => ended == exit || said.contains("is not enrolled"),
            _ => ended == exit && said.contains("cannot delete resource \"rolebindings\""),
        };
        assert!(is_right, "{role}: {said}");
        let file = folder.path().join("bootstrap").to_string_lossy().into_owned();
        let (ended, said) = node("enroll", &["--file", &file]);
        assert_eq!(ended, exit, "{role}: {said}");
        assert_eq!(said.contains("cannot list resource \"crmsites\""), exit != Exit::Good, "{role}: {said}");
        if exit == Exit::Good {
            let (exit, said) = node("revoke", &[]);
            assert_eq!(exit, Exit::Good, "{said}");
        }
    }
}

#[test]
fn people_have_the_rights_of_their_role_and_no_more() {
    let _alone = crate::server::alone();
    let server = prepared();
    let look: &[&str] = &["get", "list", "watch"];
    let looks: Vec<(&str, &[&str])> = KINDS.iter().map(|kind| (*kind, look)).collect();
    let roles: [(&str, BTreeSet<String>); 4] = [
        ("crm-operator-viewer", set(&looks)),
        ("crm-operator-editor", set(&[("crmsites", &["create", "update", "patch", "delete"])])),
        ("crm-operator-decider", set(&[("crmdecisions", &["create", "delete"])])),
        (
            "crm-operator-enroller",
            set(&[
                ("crmsites", &["list"]),
                ("crmnodes", &["get", "create", "watch"]),
                ("crmnodes/status", &["patch"]),
                ("leases", &["create", "patch", "delete"]),
                ("serviceaccounts", &["get", "create", "patch", "delete"]),
                ("serviceaccounts/token", &["create"]),
                ("secrets", &["create", "delete"]),
                ("roles", &["create", "patch", "delete"]),
                ("rolebindings", &["create", "patch", "delete"]),
            ]),
        ),
    ];
    for (role, expected) in roles {
        let user = bound(&server, &format!("bound-to-{role}"), role);
        is_known(&server, &user);
        assert_eq!(rights(&server, &user, "crm"), expected, "{role}");
        assert_eq!(rights(&server, &user, "crm-operator"), BTreeSet::new(), "{role} holds in its own namespace only");
    }
    // Kubernetes' own roles take up what fits.
    let viewer = bound(&server, "bound-to-view", "view");
    server.until(200, || {
        let code = if may(&server, &viewer, "crm", "list", "crm-operator.io", "crmsites") { 200 } else { 404 };
        crate::server::Answer { code, body: Value::Null }
    });
    assert!(!may(&server, &viewer, "crm", "create", "crm-operator.io", "crmdecisions"));
}
