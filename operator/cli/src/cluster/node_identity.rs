//! What a node is in the cluster: one ServiceAccount that may read its own `CrmNode`, report on it, give its sign of life, renew
//! its own token, end the one that it began with, and read by what the cluster is known. Nothing else, and nothing of any other
//! node.

use serde_json::{Value, json};

/// The objects that make up a node's identity, in the order in which they are written. The sign of life is there from the
/// beginning: whoever may make one object of a kind may make any.
#[must_use]
pub fn objects(namespace: &str, node: &str) -> Vec<Value> {
    let account = crm_api::node_account(node);
    let metadata = json!({"name": account, "namespace": namespace, "labels": {crm_api::NODE_LABEL: node}});
    vec![
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata,
            "automountServiceAccountToken": false,
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [
                rule(crm_api::GROUP, "crmnodes", node, &["watch"]),
                rule(crm_api::GROUP, "crmnodes/status", node, &["patch"]),
                rule("coordination.k8s.io", "leases", &crm_api::heartbeat_lease(node), &["patch"]),
                rule("", "serviceaccounts/token", &account, &["create"]),
                rule("", "secrets", &crm_api::bootstrap_secret(node), &["delete"]),
                rule("", "configmaps", crm_api::AUTHORITY_MAP, &["get"]),
            ],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        }),
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": crm_api::heartbeat_lease(node), "namespace": namespace, "labels": {crm_api::NODE_LABEL: node}},
        }),
    ]
}

/// The object to which a bootstrap token is bound: the agent removes it when it has a token of its own, and the file is spent.
#[must_use]
pub fn bootstrap(namespace: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "crm-operator.io/bootstrap",
        "metadata": {
            "name": crm_api::bootstrap_secret(node),
            "namespace": namespace,
            "labels": {crm_api::NODE_LABEL: node},
        },
    })
}

fn rule(group: &str, resource: &str, name: &str, verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": [resource], "resourceNames": [name], "verbs": verbs})
}

/// The kubeconfig that an agent begins with.
#[must_use]
pub fn kubeconfig(server: &Server, namespace: &str, node: &str, token: &str) -> Value {
    let mut cluster = json!({"server": server.url});
    if let Some(authority) = &server.authority {
        cluster["certificate-authority-data"] = json!(authority);
    }
    let account = crm_api::node_account(node);
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "crm-operator", "cluster": cluster}],
        "users": [{"name": account, "user": {"token": token}}],
        "contexts": [{"name": account, "context": {"cluster": "crm-operator", "user": account, "namespace": namespace}}],
        "current-context": account,
    })
}

/// Where an API server is, and by what it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its address.
    pub url: String,
    /// Certificates of its authority, PEM in base64; none where the system's own are enough.
    pub authority: Option<String>,
}
