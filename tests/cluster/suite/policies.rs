//! Each policy is what refuses: taken away, what it forbids goes through.

use std::path::Path;

use serde_json::{Value, json};

use crate::server::{Answer, documents};
use crate::stage::{DECISIONS, NODES, SITES, Stage, assert_refused, decision, order};

/// A write that one policy forbids, nothing of which is kept, and what is said then.
struct Forbidden {
    policy: &'static str,
    write: fn(&Stage) -> Answer,
    because: &'static str,
}

const FORBIDDEN: [Forbidden; 7] = [
    Forbidden {
        policy: "crm-operator-orders",
        write: |stage| {
            // A question: orders are also held by the stop that stands here.
            let body = json!({"spec": {"asked": [{"site": "contoso"}]}});
            stage.server.plain("PATCH", &format!("{NODES}/beta?dryRun=All"), body)
        },
        because: "are given by the controller",
    },
    Forbidden {
        policy: "crm-operator-declarations",
        write: |stage| {
            let body = json!({"spec": {"version": "8.0 SR6"}});
            stage.as_controller("PATCH", &format!("{SITES}/contoso?dryRun=All"), &body)
        },
        because: "is declared by people",
    },
    Forbidden {
        policy: "crm-operator-stop",
        write: |stage| {
            let body = json!({"spec": {"orders": [order("c/new", 1, 1)]}});
            stage.as_controller("PATCH", &format!("{NODES}/alpha?dryRun=All"), &body)
        },
        because: "a stop stands",
    },
    Forbidden {
        policy: "crm-operator-reports",
        write: |stage| {
            let body = json!({"status": {"agentVersion": "1"}});
            stage.server.plain("PATCH", &format!("{NODES}/alpha/status?dryRun=All"), body)
        },
        because: "reports as the ServiceAccount crm-node-alpha",
    },
    Forbidden {
        policy: "crm-operator-decisions",
        write: |stage| {
            let token = stage.server.person("ola");
            stage.server.as_bearer(
                &token,
                "POST",
                &format!("{DECISIONS}?dryRun=All"),
                &decision("forged", "Hold", "kari"),
            )
        },
        because: "a decision is said by whoever creates it",
    },
    Forbidden {
        policy: "crm-operator-one-database",
        write: |stage| {
            let mut twin = stage.site();
            twin["metadata"]["name"] = json!("twin");
            stage.server.plain("POST", &format!("{SITES}?dryRun=All"), twin)
        },
        because: "one database is one site",
    },
    Forbidden {
        policy: "crm-operator-downgrade",
        write: |stage| {
            let body = json!({"spec": {"version": "7.5 SR2"}});
            stage.server.plain("PATCH", &format!("{SITES}/proven?dryRun=All"), body)
        },
        because: "there is no way back but a restore",
    },
];

/// A site, another one that is proven at 8.0 SR6, the catalogue, and a stop.
fn furnish(stage: &Stage) {
    let mut site = stage.site();
    site["metadata"]["name"] = json!("contoso");
    stage.server.expect(201..=201, "POST", SITES, &site);
    site["metadata"]["name"] = json!("proven");
    site["spec"]["database"]["name"] = json!("CRM8");
    site["spec"]["version"] = json!("8.0 SR6");
    stage.server.expect(201..=201, "POST", SITES, &site);
    for release in catalogue() {
        stage.server.expect(201..=201, "POST", "/apis/crm-operator.io/v1alpha1/crmreleases", &release);
    }
    let verified =
        json!({"version": "8.0 SR6", "rank": 8006, "change": "c", "specDigest": "d", "at": "2026-11-28T20:00:00Z"});
    let proven =
        stage.as_controller("PATCH", &format!("{SITES}/proven/status"), &json!({"status": {"verified": verified}}));
    assert_eq!(proven.code, 200, "{proven:?}");
    stage.server.expect(201..=201, "POST", DECISIONS, &decision("storm", "Stop", &stage.server.whoami()));
}

pub(crate) fn catalogue() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/superoffice/catalogue.yaml");
    documents(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn what_a_policy_forbids_goes_through_without_it() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    furnish(&stage);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/plain/policies.yaml");
    let all = documents(&std::fs::read_to_string(path).unwrap());
    let mut policies: Vec<&str> = all
        .iter()
        .filter(|object| object["kind"] == "ValidatingAdmissionPolicy")
        .map(|policy| policy["metadata"]["name"].as_str().unwrap())
        .collect();
    for policy in all.iter().filter(|object| object["kind"] == "ValidatingAdmissionPolicy") {
        assert_eq!(policy["spec"]["failurePolicy"], "Fail", "{}", policy["metadata"]["name"]);
    }
    for forbidden in &FORBIDDEN {
        // What it is compared with is heard of after a moment.
        for _ in 0..50 {
            if (forbidden.write)(&stage).code >= 400 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        assert_refused(&(forbidden.write)(&stage), forbidden.because);
        stage.server.without_policy(forbidden.policy);
        let answer = (forbidden.write)(&stage);
        assert!(answer.code < 300, "{}: something else refuses as well: {answer:?}", forbidden.policy);
        stage.server.install();
        policies.retain(|policy| *policy != forbidden.policy);
    }
    assert_eq!(policies, Vec::<&str>::new(), "policies without a write that they alone forbid");
}

#[test]
fn the_controller_changes_no_more_of_a_site_than_its_finalizer() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let mut site = stage.site();
    site["metadata"]["name"] = json!("contoso");
    stage.server.expect(201..=201, "POST", SITES, &site);
    let patch = |body: Value| stage.as_controller("PATCH", &format!("{SITES}/contoso"), &body);
    let finalizers = |names: &[&str]| patch(json!({"metadata": {"finalizers": names}}));
    assert_eq!(finalizers(&["crm-operator.io/site-open"]).code, 200);
    assert_refused(&finalizers(&["crm-operator.io/site-open", "example.org/for-ever"]), "own finalizer");
    assert_refused(&patch(json!({"spec": {"version": "8.0 SR6"}})), "is declared by people");
    assert_refused(&patch(json!({"spec": {"approval": {"fourEyes": true}}})), "is declared by people");
    for (field, value) in [
        ("labels", json!({"team": "x"})),
        ("annotations", json!({"x": "y"})),
        ("ownerReferences", json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}])),
    ] {
        assert_refused(&patch(json!({"metadata": {field: value}})), "own finalizer");
    }
    assert_eq!(finalizers(&[]).code, 200);
    // What a person has put there stays.
    let kept = json!({"metadata": {"finalizers": ["example.org/kept"]}});
    stage.server.expect(200..=200, "PATCH", &format!("{SITES}/contoso"), &kept);
    assert_refused(&finalizers(&[]), "own finalizer");
    assert_eq!(finalizers(&["example.org/kept", "crm-operator.io/site-open"]).code, 200);
}

#[test]
fn a_site_goes_not_back_and_shares_its_database_with_no_other() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    furnish(&stage);
    let mut tries = 0;
    // A new name each time: one that was let in before the server had heard of the first would be there already.
    let twin = stage.server.until_with(422, || {
        tries += 1;
        let mut twin = stage.site();
        twin["metadata"]["name"] = json!(format!("twin-{tries}"));
        stage.server.plain("POST", SITES, twin)
    });
    assert_refused(&twin, "one database is one site");
    // Whoever changes another part of a site is not answerable for its database.
    let other = json!({"spec": {"approval": {"fourEyes": true}}});
    stage.server.expect(200..=200, "PATCH", &format!("{SITES}/contoso"), &other);
    let path = format!("{SITES}/proven");
    let back = json!({"spec": {"version": "7.5 SR2"}});
    let refused = stage.server.until(422, || stage.server.plain("PATCH", &format!("{path}?dryRun=All"), back.clone()));
    assert_refused(&refused, "there is no way back but a restore");
    stage.server.expect(200..=200, "PATCH", &path, &json!({"spec": {"version": "8.0 SR6"}}));
    // It is read: a rollout and one that is not proven yet go where they like.
    stage.server.expect(200..=200, "PATCH", &format!("{SITES}/contoso"), &json!({"spec": {"version": "8.0 SR6"}}));
    stage.server.expect(200..=200, "PATCH", &format!("{SITES}/contoso"), &json!({"spec": {"version": "7.5 SR2"}}));
}
