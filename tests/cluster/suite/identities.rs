//! Who asks at the real server: everybody acts under the identity, with the rights and under the policies that a real
//! installation gives them.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderValue};
use kubectl_crm::cluster::node_identity;
use serde_json::{Value, json};

use crate::server::Server;

/// What has been granted so far in one run.
#[derive(Default)]
pub(crate) struct Grants {
    secrets: Mutex<Vec<String>>,
}

impl Grants {
    /// Before a request goes to the server: a node that is declared by it is enrolled, and a Secret that is made by it is
    /// granted to the controller.
    pub(crate) fn prepare(&self, server: &Server, method: &http::Method, body: &[u8]) {
        if method != http::Method::POST {
            return;
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        match body["kind"].as_str() {
            // Its sign of life is made by whoever declares the node.
            Some("CrmNode") => node_identity::objects("crm", name)
                .iter()
                .filter(|object| object["kind"] != "Lease")
                .for_each(|object| server.apply(object)),
            Some("Secret") => {
                let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
                secrets.push(name.to_owned());
                server.apply(&json!({
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
                    "metadata": {"name": "crm-operator-secrets", "namespace": "crm"},
                    "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": *secrets, "verbs": ["get"]}],
                }));
            }
            _ => {}
        }
    }
}

/// Who asks at the real server. An administrator of the suite acts as that user, with that user's rights and name.
pub(crate) fn acting_as(identity: &str) -> HeaderMap {
    let agent = identity.strip_prefix("agent-").and_then(|rest| rest.rsplit_once('-'));
    let (user, group) = match agent {
        Some((node, _)) => {
            (format!("system:serviceaccount:crm:{}", crm_api::node_account(node)), "system:serviceaccounts:crm")
        }
        None if identity.starts_with("controller-") => {
            ("system:serviceaccount:crm-operator:crm-operator".to_owned(), "system:serviceaccounts:crm-operator")
        }
        None => (identity.to_owned(), "system:masters"),
    };
    let mut headers = HeaderMap::new();
    headers.insert("impersonate-user", HeaderValue::from_str(&user).expect("names of users are words"));
    headers.insert("impersonate-group", HeaderValue::from_static(group));
    headers
}

/// The cluster of the suite, as somebody with this token sees it.
pub(crate) fn kubeconfig_of(token: &str, folder: &Path) -> String {
    let text = std::fs::read_to_string(std::env::var_os("KUBECONFIG").unwrap()).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    config["users"][0]["user"] = json!({"token": token});
    let file = folder.join("kubeconfig");
    std::fs::write(&file, config.to_string()).unwrap();
    file.to_string_lossy().into_owned()
}
