//! What each identity may do on a real API server: rights by RBAC, contents by the policies of `charts/plain`. Each cell is
//! a request with a real token; what is refused is refused for the reason that it should be.

use std::path::Path;

use kubectl_crm::cluster::node_identity;
use serde_json::{Value, json};

use crate::server::{Answer, Server, documents};

const SITE_NAMESPACE: &str = "/api/v1/namespaces/crm";
const NODES: &str = "/apis/crm-operator.io/v1alpha1/namespaces/crm/crmnodes";
const SITES: &str = "/apis/crm-operator.io/v1alpha1/namespaces/crm/crmsites";
const DECISIONS: &str = "/apis/crm-operator.io/v1alpha1/namespaces/crm/crmdecisions";

/// A cluster with the plain manifests, two enrolled nodes, and tokens of everybody.
struct Stage {
    server: Server,
    controller: String,
    alpha: String,
    beta: String,
}

impl Stage {
    fn set() -> Self {
        let server = Server::empty();
        server.with_policies();
        for node in ["alpha", "beta"] {
            server.expect(200..=201, "POST", NODES, &named("CrmNode", node, json!({"spec": {}})));
            for object in node_identity::objects("crm", node) {
                server.apply(&object);
            }
        }
        let token = |namespace: &str, account: &str| {
            let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
            let answer = server.expect(201..=201, "POST", &path, &json!({"spec": {"expirationSeconds": 600}}));
            answer["status"]["token"].as_str().unwrap().to_owned()
        };
        let controller = token("crm-operator", "crm-operator");
        let (alpha, beta) = (token("crm", "crm-node-alpha"), token("crm", "crm-node-beta"));
        Self { server, controller, alpha, beta }
    }

    fn order(&self, id: &str, attempt: i32, epoch: i64) -> Value {
        json!({
            "id": id, "attempt": attempt, "format": 1, "planHash": "abc123", "epoch": epoch,
            "startBefore": "2030-01-01T00:00:00Z", "timeLimitSeconds": 60, "actions": [{"stopService": {"name": "W3SVC"}}],
        })
    }
}

fn named(kind: &str, name: &str, mut rest: Value) -> Value {
    rest["apiVersion"] = json!(crm_api::API_VERSION);
    rest["kind"] = json!(kind);
    rest["metadata"] = json!({"name": name});
    rest
}

fn message(answer: &Answer) -> &str {
    answer.body["message"].as_str().unwrap_or_default()
}

/// Method, path, body, and what each of these identities is answered: nobody, another's token, the node's own.
type Cell<'a> = (&'a str, String, Value, [u16; 4]);

#[test]
fn a_node_may_touch_what_is_its_own_and_nothing_else() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let report = || json!({"status": {"agentVersion": "1", "highestEpoch": 1}});
    let lease = json!({"spec": {"holderIdentity": "alpha"}});
    let account = "serviceaccounts/crm-node-alpha/token";
    let again = json!({"spec": {"expirationSeconds": 600}});
    // Answers to: no token (the server calls that system:anonymous, who has no rights), a spoilt one, the other node, the node itself.
    let cells: Vec<Cell<'_>> = vec![
        (
            "GET",
            format!("{NODES}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dalpha"),
            Value::Null,
            [403, 401, 403, 200],
        ),
        ("GET", format!("{NODES}?watch=true&timeoutSeconds=1"), Value::Null, [403, 401, 403, 403]),
        ("GET", format!("{NODES}/beta"), Value::Null, [403, 401, 403, 403]),
        ("GET", NODES.to_owned(), Value::Null, [403, 401, 403, 403]),
        ("PATCH", format!("{NODES}/alpha/status"), report(), [403, 401, 403, 200]),
        ("PATCH", format!("{NODES}/alpha"), json!({"spec": {"orders": []}}), [403, 401, 403, 403]),
        ("PUT", format!("{NODES}/alpha/status"), report(), [403, 401, 403, 403]),
        ("PUT", format!("{NODES}/alpha"), report(), [403, 401, 403, 403]),
        ("DELETE", format!("{NODES}/alpha"), Value::Null, [403, 401, 403, 403]),
        ("DELETE", NODES.to_owned(), Value::Null, [403, 401, 403, 403]),
        ("POST", NODES.to_owned(), named("CrmNode", "gamma", json!({"spec": {}})), [403, 401, 403, 403]),
        (
            "PATCH",
            "/apis/coordination.k8s.io/v1/namespaces/crm/leases/crm-node-alpha".to_owned(),
            lease,
            [403, 401, 403, 200],
        ),
        ("POST", format!("{SITE_NAMESPACE}/{account}"), again, [403, 401, 403, 201]),
        ("GET", SITES.to_owned(), Value::Null, [403, 401, 403, 403]),
        ("GET", format!("{SITE_NAMESPACE}/secrets"), Value::Null, [403, 401, 403, 403]),
        ("GET", format!("{SITE_NAMESPACE}/secrets/contoso-sql"), Value::Null, [403, 401, 403, 403]),
        ("POST", DECISIONS.to_owned(), json!({}), [403, 401, 403, 403]),
        (
            "PATCH",
            "/apis/crm-operator.io/v1alpha1/namespaces/other/crmnodes/alpha/status".to_owned(),
            report(),
            [403, 401, 403, 403],
        ),
    ];
    let spoilt = format!("{}x", stage.alpha);
    for (method, path, body, expected) in cells {
        let tokens = ["", &spoilt, &stage.beta, &stage.alpha];
        let seen = tokens.map(|token| stage.server.as_bearer(token, method, &path, &body).code);
        assert_eq!(seen, expected, "{method} {path}");
    }
}

#[test]
fn orders_come_from_the_controller_and_reports_from_the_node_about_them() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let node = format!("{NODES}/alpha");
    let orders = json!({"spec": {"orders": [stage.order("c/one", 2, 5)]}});
    // Not even an administrator gives orders by hand.
    let by_hand = stage.server.plain("PATCH", &node, orders.clone());
    assert!(by_hand.code == 403 && message(&by_hand).contains("are given by the controller"), "{by_hand:?}");
    let given = stage.server.as_bearer(&stage.controller, "PATCH", &node, &orders);
    assert_eq!(given.code, 200, "{given:?}");

    let status = format!("{node}/status");
    let result = |id: &str, attempt: i32, epoch: i64| {
        let result = json!({"id": id, "attempt": attempt, "epoch": epoch, "phase": "Running", "startedAt": "2026-11-28T20:00:00Z"});
        json!({"status": {"highestEpoch": 5, "results": [result]}})
    };
    let report = |body: &Value| stage.server.as_bearer(&stage.alpha, "PATCH", &status, body);
    for (body, reason) in [
        (result("c/two", 1, 5), "that this node was not given"),
        (result("c/one", 3, 5), "that this node was not given"),
        (result("c/one", 2, 6), "that this node was not given"),
    ] {
        let refused = report(&body);
        assert!(refused.code == 403 && message(&refused).contains(reason), "{body}: {refused:?}");
    }
    assert_eq!(report(&result("c/one", 2, 5)).code, 200);
    for (body, reason) in [
        (json!({"status": {"highestEpoch": 4}}), "an epoch that was seen is never forgotten"),
        (result("c/one", 1, 5), "the attempt of an order falls"),
    ] {
        let refused = report(&body);
        assert!(refused.code == 403 && message(&refused).contains(reason), "{body}: {refused:?}");
    }
    // What it was given before and is asked no more, it may still finish.
    let withdrawn = stage.server.as_bearer(&stage.controller, "PATCH", &node, &json!({"spec": {"orders": []}}));
    assert_eq!(withdrawn.code, 200, "{withdrawn:?}");
    assert_eq!(report(&result("c/one", 2, 5)).code, 200);
    // The controller speaks for no node.
    assert_eq!(stage.server.as_bearer(&stage.controller, "PATCH", &status, &result("c/one", 2, 5)).code, 403);
}

#[test]
fn a_decision_is_the_word_of_whoever_creates_it() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let me = stage.server.whoami();
    let hold = |name: &str, user: &str| {
        named(
            "CrmDecision",
            name,
            json!({"spec": {"site": "contoso", "word": "Hold", "reason": "audit", "user": user}}),
        )
    };
    let forged = stage.server.plain("POST", DECISIONS, hold("forged", "kari"));
    let expected = format!("a decision is said by whoever creates it; write {me}");
    // An administrator of the whole cluster may do everything, speaking for others included; so this is asked as a person.
    let person = stage.server.person("ola");
    let as_person = stage.server.as_bearer(&person, "POST", DECISIONS, &hold("forged-too", "kari"));
    assert!(
        as_person.code == 403 && message(&as_person).contains("a decision is said by whoever creates it"),
        "{as_person:?}"
    );
    assert!(forged.code == 201 || message(&forged).contains(&expected), "{forged:?}");
    let honest = stage.server.as_bearer(&person, "POST", DECISIONS, &hold("honest", "system:serviceaccount:crm:ola"));
    assert_eq!(honest.code, 201, "{honest:?}");
}

#[test]
fn while_a_stop_stands_no_new_order_is_given() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let stop = |namespace: &str, name: &str| {
        let path = format!("/apis/crm-operator.io/v1alpha1/namespaces/{namespace}/crmdecisions");
        let spec = json!({"word": "Stop", "reason": "storm", "user": stage.server.whoami()});
        stage.server.expect(201..=201, "POST", &path, &named("CrmDecision", name, json!({"spec": spec})));
        format!("{path}/{name}")
    };
    let give = |id: &str| {
        let orders = json!({"spec": {"orders": [stage.order(id, 1, 5)]}});
        stage.server.as_bearer(&stage.controller, "PATCH", &format!("{NODES}/alpha"), &orders)
    };
    for (round, namespace) in ["crm", "crm-operator"].into_iter().enumerate() {
        let before = format!("c/before-{round}");
        assert_eq!(give(&before).code, 200);
        let path = stop(namespace, "storm");
        let refused = stage.server.until(403, || give(&format!("c/after-{round}")));
        assert!(message(&refused).contains("a stop stands (CrmDecision storm"), "{namespace}: {refused:?}");
        assert_eq!(give(&before).code, 200, "an order that was there before stays");
        stage.server.expect(200..=200, "DELETE", &path, &Value::Null);
        stage.server.until(200, || give(&format!("c/later-{round}")));
    }
}

#[test]
fn a_site_goes_not_back_and_shares_its_database_with_no_other() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice/server-web-service-7.5-to-8.0.yaml"),
    )
    .unwrap();
    let mut site = documents(&text).into_iter().find(|document| document["kind"] == "CrmSite").unwrap();
    stage.server.expect(201..=201, "POST", SITES, &site);
    let first = site["metadata"]["name"].as_str().unwrap().to_owned();
    site["metadata"]["name"] = json!("second");
    let twin = stage.server.until(422, || stage.server.plain("POST", SITES, site.clone()));
    assert!(message(&twin).contains("one database is one site"), "{twin:?}");
    site["spec"]["database"]["name"] = json!("CRM8");
    stage.server.expect(201..=201, "POST", SITES, &site);

    let release = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice")).unwrap();
    let catalogue = release.filter_map(Result::ok).find(|entry| entry.file_name() == "catalogue.yaml").unwrap();
    for release in documents(&std::fs::read_to_string(catalogue.path()).unwrap()) {
        stage.server.expect(201..=201, "POST", "/apis/crm-operator.io/v1alpha1/crmreleases", &release);
    }
    let proven = json!({"status": {"verified": {"version": "8.0 SR6", "rank": 8006, "change": "c", "specDigest": "d", "at": "2026-11-28T20:00:00Z"}}});
    let path = format!("{SITES}/{first}");
    let proven = stage.server.as_bearer(&stage.controller, "PATCH", &format!("{path}/status"), &proven);
    assert_eq!(proven.code, 200, "{proven:?}");
    let back = json!({"spec": {"version": "7.5 SR2"}});
    let forward = json!({"spec": {"version": "8.0 SR6"}});
    stage.server.expect(200..=200, "PATCH", &path, &forward);
    let refused = stage.server.until(422, || stage.server.plain("PATCH", &path, back.clone()));
    assert!(message(&refused).contains("there is no way back but a restore"), "{refused:?}");
}

/// As the API server itself sums them up. `UPDATE=1` writes the file anew: read the difference.
#[test]
fn permissions_are_the_recorded_ones() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let mut text = String::new();
    for (who, token) in [("crm-operator/crm-operator", &stage.controller), ("crm/crm-node-alpha", &stage.alpha)] {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "crm"},
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
            "ServiceAccount {who} in namespace crm (group, resource, names: verbs)\n{}\n",
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
