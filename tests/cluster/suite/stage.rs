//! A cluster with the plain manifests, two enrolled nodes, and tokens of everybody.

use kubectl_crm::cluster::node_identity;
use serde_json::{Value, json};

use crate::server::{Answer, Server};

pub(crate) const NODES: &str = "/apis/crm-operator.io/v1alpha1/namespaces/crm/crmnodes";
pub(crate) const SITES: &str = "/apis/crm-operator.io/v1alpha1/namespaces/crm/crmsites";
pub(crate) const DECISIONS: &str = "/apis/crm-operator.io/v1alpha1/namespaces/crm/crmdecisions";

pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) controller: String,
    pub(crate) alpha: String,
    pub(crate) beta: String,
    /// Uid of the ServiceAccount of alpha.
    pub(crate) account: String,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let server = Server::empty();
        server.with_policies();
        for node in ["alpha", "beta"] {
            server.expect(200..=201, "POST", NODES, &named("CrmNode", node, json!({"spec": {}})));
            for object in node_identity::objects("crm", node) {
                server.apply(&object);
            }
        }
        let controller = server.token("crm-operator", "crm-operator", &json!({}));
        let alpha = server.token("crm", "crm-node-alpha", &json!({}));
        let beta = server.token("crm", "crm-node-beta", &json!({}));
        let account = uid(&server, "/api/v1/namespaces/crm/serviceaccounts/crm-node-alpha");
        Self { server, controller, alpha, beta, account }
    }

    pub(crate) fn as_controller(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.server.as_bearer(&self.controller, method, path, body)
    }

    /// The controller gives alpha these orders and no others.
    pub(crate) fn give(&self, orders: &[Value]) -> Answer {
        self.as_controller("PATCH", &format!("{NODES}/alpha"), &json!({"spec": {"orders": orders}}))
    }

    /// Alpha reports; its account is added.
    pub(crate) fn report(&self, status: &Value) -> Answer {
        let mut status = status.clone();
        status["account"] = json!(self.account);
        let body = json!({"status": status});
        self.server.as_bearer(&self.alpha, "PATCH", &format!("{NODES}/alpha/status"), &body)
    }

    /// An example site, as an administrator declares it.
    pub(crate) fn site(&self) -> Value {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../examples/superoffice/server-web-service-7.5-to-8.0.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        crate::server::documents(&text).into_iter().find(|document| document["kind"] == "CrmSite").unwrap()
    }
}

pub(crate) fn uid(server: &Server, path: &str) -> String {
    let object = server.expect(200..=200, "GET", path, &Value::Null);
    object["metadata"]["uid"].as_str().unwrap().to_owned()
}

pub(crate) fn order(id: &str, attempt: i32, epoch: i64) -> Value {
    json!({
        "id": id, "attempt": attempt, "format": 1, "planHash": "abc123", "epoch": epoch,
        "startBefore": "2030-01-01T00:00:00Z", "timeLimitSeconds": 60, "actions": [{"stopService": {"name": "W3SVC"}}],
    })
}

pub(crate) fn result(id: &str, attempt: i32, epoch: i64) -> Value {
    json!({"id": id, "attempt": attempt, "epoch": epoch, "phase": "Running", "startedAt": "2026-11-28T20:00:00Z"})
}

pub(crate) fn named(kind: &str, name: &str, mut rest: Value) -> Value {
    rest["apiVersion"] = json!(crm_api::API_VERSION);
    rest["kind"] = json!(kind);
    rest["metadata"] = json!({"name": name});
    rest
}

/// A word about a site; a stop names none.
pub(crate) fn decision(name: &str, word: &str, user: &str) -> Value {
    let mut spec = json!({"site": "contoso", "word": word, "reason": "storm", "user": user});
    if word == "Stop" {
        spec["site"] = Value::Null;
    }
    named("CrmDecision", name, json!({"spec": spec}))
}

pub(crate) fn message(answer: &Answer) -> &str {
    answer.body["message"].as_str().unwrap_or_default()
}

/// Refused by a policy, with this in its words.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, because: &str) {
    let refused = [403, 422].contains(&answer.code) && message(answer).contains(because);
    assert!(refused, "not refused because of `{because}`: {answer:?}");
}
