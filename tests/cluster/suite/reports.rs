//! What a node may say of itself, and what may be ordered: sequences against a real API server under the policies.

use serde_json::json;

use crate::stage::{DECISIONS, NODES, Stage, assert_refused, decision, message, order, result};

#[test]
fn orders_come_from_the_controller_and_reports_from_the_node_about_them() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let orders = json!({"spec": {"orders": [order("c/one", 2, 5)]}});
    // Not even an administrator gives orders by hand.
    assert_refused(&stage.server.plain("PATCH", &format!("{NODES}/alpha"), orders), "are given by the controller");
    assert_eq!(stage.give(&[order("c/one", 2, 5)]).code, 200);
    for result in [result("c/two", 1, 5), result("c/one", 3, 5), result("c/one", 2, 6)] {
        assert_refused(&stage.report(&json!({"highestEpoch": 5, "results": [result]})), "that this node was not given");
    }
    let honest = json!({"highestEpoch": 5, "results": [result("c/one", 2, 5)]});
    assert_eq!(stage.report(&honest).code, 200);
    // The controller speaks for no node, and no node for another.
    let body = json!({"status": honest});
    let status = format!("{NODES}/alpha/status");
    assert_eq!(stage.as_controller("PATCH", &status, &body).code, 403);
    assert_refused(&stage.server.plain("PATCH", &status, body), "reports as the ServiceAccount crm-node-alpha");
}

#[test]
fn neither_attempt_nor_epoch_of_an_order_falls_on_any_way() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let say = |results: &[serde_json::Value]| stage.report(&json!({"highestEpoch": 5, "results": results}));
    assert_eq!(stage.give(&[order("c/one", 2, 5), order("c/other", 1, 5)]).code, 200);
    assert_eq!(say(&[result("c/one", 2, 5)]).code, 200);
    assert_refused(&say(&[result("c/one", 1, 5)]), "the attempt of an order falls");
    assert_refused(&say(&[result("c/one", 2, 4)]), "the epoch of an order falls");
    // By way of a report that leaves it out, with or without another one in its place.
    assert_refused(&say(&[]), "the result of an order that stands is left out");
    assert_refused(&say(&[result("c/other", 1, 5)]), "the result of an order that stands is left out");
    // The next attempt, under the next epoch: from there neither goes back.
    assert_eq!(stage.give(&[order("c/one", 3, 6)]).code, 200);
    assert_eq!(say(&[result("c/one", 3, 6)]).code, 200);
    assert_refused(&say(&[result("c/one", 2, 6)]), "the attempt of an order falls");
    assert_refused(&say(&[result("c/one", 3, 5)]), "the epoch of an order falls");
    // What was reported may be finished after the order has left the list, and then be left out.
    assert_eq!(stage.give(&[]).code, 200);
    assert_eq!(say(&[result("c/one", 3, 6)]).code, 200);
    assert_eq!(say(&[]).code, 200);
    assert_refused(&say(&[result("c/one", 3, 6)]), "that this node was not given");
}

#[test]
fn an_order_that_is_withdrawn_before_its_node_has_reported_can_be_reported_on() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    assert_eq!(stage.give(&[order("c/one", 1, 5)]).code, 200);
    // As the controller withdraws it: it stands, marked, until its node has said what became of it.
    let mut withdrawn = order("c/one", 1, 5);
    withdrawn["withdrawn"] = json!(true);
    assert_eq!(stage.give(&[withdrawn]).code, 200);
    let running = json!({"highestEpoch": 5, "results": [result("c/one", 1, 5)]});
    assert_eq!(stage.report(&running).code, 200);
    assert_eq!(stage.give(&[]).code, 200);
    let mut ended = result("c/one", 1, 5);
    (ended["phase"], ended["outcome"], ended["endedAt"]) =
        (json!("Ended"), json!("Absent"), json!("2026-11-28T20:01:00Z"));
    assert_eq!(stage.report(&json!({"highestEpoch": 5, "results": [ended]})).code, 200);
    assert_eq!(stage.report(&json!({"highestEpoch": 5, "results": []})).code, 200);
}

#[test]
fn an_epoch_neither_falls_nor_comes_near_the_last_number() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let say = |epoch: i64| stage.report(&json!({"highestEpoch": epoch}));
    assert_refused(&say(i64::MAX), "at most 1000 above 0");
    assert_eq!(stage.give(&[order("c/one", 1, 5)]).code, 200);
    assert_refused(&say(i64::MAX), "at most 1000 above 5");
    assert_refused(&say(1006), "at most 1000 above 5");
    assert_eq!(say(5).code, 200);
    assert_refused(&say(4), "an epoch that was seen is never forgotten");
    // An agent that remembers more than a restored cluster tells it.
    assert_eq!(say(9).code, 200);
    assert_refused(&say(i64::MAX), "at most 1000 above 9");
    // A result can claim no epoch that its order does not have.
    let claims = json!({"highestEpoch": 9, "results": [result("c/one", 1, 1_000_000)]});
    assert_refused(&stage.report(&claims), "that this node was not given");
}

#[test]
fn one_machine_speaks_for_a_node_until_its_identity_is_made_anew() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    let say = |machine: &str| stage.report(&json!({"agentVersion": "1", "machine": machine}));
    assert_eq!(say("first").code, 200);
    assert_refused(&say("a copy"), "alpha is the machine first; another one with its identity is a copy");
    assert_refused(&stage.report(&json!({"agentVersion": "1", "machine": null})), "is a copy and may not report");
    assert_eq!(say("first").code, 200);
    // Under a pretended account another machine would be the first one again.
    let body = json!({"status": {"machine": "a copy", "account": "another"}});
    let status = format!("{NODES}/alpha/status");
    assert_refused(&stage.server.as_bearer(&stage.alpha, "PATCH", &status, &body), "the uid of the ServiceAccount");
    // Revoked and enrolled anew, it is another account, and whoever reports first stays.
    let account = "/api/v1/namespaces/crm/serviceaccounts/crm-node-alpha";
    stage.server.expect(200..=200, "DELETE", account, &serde_json::Value::Null);
    for object in kubectl_crm::cluster::node_identity::objects("crm", "alpha") {
        stage.server.apply(&object);
    }
    let token = stage.server.token("crm", "crm-node-alpha", &json!({}));
    let uid = crate::stage::uid(&stage.server, account);
    let body = json!({"status": {"machine": "a copy", "account": uid}});
    assert_eq!(stage.server.as_bearer(&token, "PATCH", &status, &body).code, 200);
    let first = json!({"status": {"machine": "first", "account": uid}});
    assert_refused(&stage.server.as_bearer(&token, "PATCH", &status, &first), "alpha is the machine a copy");
}

#[test]
fn while_a_stop_stands_no_new_order_is_given_and_none_is_changed() {
    let _alone = crate::server::alone();
    let stage = Stage::set();
    for (round, namespace) in ["crm", "crm-operator"].into_iter().enumerate() {
        let before = order(&format!("c/before-{round}"), 1, 5);
        let mut withdrawn = order(&format!("c/withdrawn-{round}"), 1, 5);
        withdrawn["withdrawn"] = json!(true);
        assert_eq!(stage.give(&[before.clone(), withdrawn.clone()]).code, 200);
        let path = format!("/apis/crm-operator.io/v1alpha1/namespaces/{namespace}/crmdecisions");
        let stop = decision("storm", "Stop", &stage.server.whoami());
        stage.server.expect(201..=201, "POST", &path, &stop);
        let fresh = order(&format!("c/after-{round}"), 1, 5);
        let refused = stage.server.until(403, || stage.give(&[before.clone(), fresh.clone()]));
        assert!(message(&refused).contains("a stop stands (CrmDecision storm"), "{namespace}: {refused:?}");
        // The same id and attempt, and something else to do.
        for (field, value) in [
            ("actions", json!([{"stopService": {"name": "MSSQLSERVER"}}])),
            ("planHash", json!("def456")),
            ("granted", json!(true)),
            ("maySkip", json!(true)),
            ("attempt", json!(2)),
            ("startBefore", json!("2030-01-01T00:00:01Z")),
            ("timeLimitSeconds", json!(61)),
            ("doneWhen", json!([{"probe": {"service": {"name": "W3SVC"}}, "expected": {"text": {"is": "x"}}}])),
        ] {
            let mut changed = before.clone();
            changed[field] = value;
            assert_refused(&stage.give(&[changed]), "a stop stands");
        }
        // What was there before stays, under the epoch of another leader too; it may be withdrawn, and not given again.
        let mut led_on = before.clone();
        led_on["epoch"] = json!(6);
        assert_eq!(stage.give(&[led_on.clone(), withdrawn.clone()]).code, 200);
        let mut again = withdrawn;
        again["withdrawn"] = json!(false);
        assert_refused(&stage.give(&[led_on.clone(), again]), "a stop stands");
        led_on["withdrawn"] = json!(true);
        assert_eq!(stage.give(&[led_on]).code, 200);
        stage.server.expect(200..=200, "DELETE", &format!("{path}/storm"), &serde_json::Value::Null);
        stage.server.until(200, || stage.give(&[order(&format!("c/later-{round}"), 1, 6)]));
    }
    assert_eq!(stage.server.plain("GET", DECISIONS, serde_json::Value::Null).body["items"], json!([]));
}
