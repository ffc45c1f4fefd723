//! What a round looks at: its own site and, of others, only what could stand in its way.

use std::sync::Arc;
use std::time::Duration;

use crm_api::CrmNode;
use crm_api::node::CrmNodeSpec;
use serde_json::{Value, json};

use super::{Requests, applied, context, leading, lines, record, server, site};
use crate::apply::ApplyError;
use crate::queue::SiteKey;
use crate::reconcile::{Next, reconcile};

const BASE: &str = "/apis/crm-operator.io/v1alpha1";

fn list(items: &[Value]) -> (u16, Value) {
    (200, json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}))
}

/// Claims `sql1` for a change of this site.
fn other_change(site_uid: Option<&str>) -> Value {
    json!({
        "metadata": {"name": "other-1", "namespace": "crm"}, "spec": {"site": "other", "siteUid": site_uid, "claims": ["sql1"]},
        "status": {"phase": "Changing", "claimsHeld": ["sql1"]},
    })
}

#[tokio::test(start_paused = true)]
async fn a_round_lists_nothing_that_grows_with_the_fleet() {
    let (client, requests) = server(|line, body| {
        let object = |value: Value| Some((200, value));
        match line.split('?').next()? {
            path if path.ends_with("/crmsites/contoso") => object(serde_json::to_value(site()).ok()?),
            path if path.starts_with("GET") && path.ends_with('s') => Some(list(&[])),
            path if path.starts_with("GET") => Some(super::refusal(404, "NotFound")),
            _ => Some(super::echo(body)),
        }
    });
    let ended = reconcile(Arc::new(context(client, leading())), SiteKey::new("crm", "contoso"), Vec::new()).await;
    assert!(matches!(ended.next, Next::After(wait) if wait <= Duration::from_secs(1)), "{:?}", ended.next);
    let lists = lists(&requests);
    assert!(lists.len() >= 5, "{lists:?}");
    for listed in lists {
        let is_bounded = listed.contains("fieldSelector=spec.site%3Dcontoso")
            || listed.contains("fieldSelector=spec.word%3DStop")
            || listed.contains("/crmreleases?");
        assert!(is_bounded, "{listed}");
    }
}

/// Whoever names ever higher epochs for one node holds up that node's site, and not all others.
#[tokio::test(start_paused = true)]
async fn a_term_is_not_given_up_at_once_because_a_node_obeys_a_higher_epoch() {
    let (client, _) = server(|line, body| {
        let object = |value: Value| Some((200, value));
        match line.split('?').next()? {
            path if path.ends_with("/crmsites/contoso") => {
                let mut site = serde_json::to_value(site()).ok()?;
                site["spec"]["components"] = json!([{"name": "Web", "nodes": ["web1"]}]);
                object(site)
            }
            path if path.starts_with("GET") && path.contains("/crmnodes/") => {
                let name = path.rsplit('/').next()?;
                let mut node = serde_json::to_value(CrmNode::new(name, CrmNodeSpec::default())).ok()?;
                node["metadata"]["namespace"] = json!("crm");
                node["status"] = json!({"highestEpoch": 1_000});
                object(node)
            }
            path if path.starts_with("GET") && path.ends_with('s') => Some(list(&[])),
            path if path.starts_with("GET") => Some(super::refusal(404, "NotFound")),
            _ => Some(super::echo(body)),
        }
    });
    let context = Arc::new(context(client, leading()));
    let round = || reconcile(Arc::clone(&context), SiteKey::new("crm", "contoso"), Vec::new());
    let Next::HeldUp(wait) = round().await.next else { panic!("the term goes on") };
    assert!(wait <= Duration::from_secs(60), "{wait:?}");
    tokio::time::sleep(wait).await;
    assert_eq!(round().await.next, Next::Fenced);
}

fn lists(requests: &Requests) -> Vec<String> {
    let requests = requests.lock().unwrap();
    requests.iter().map(|(line, _)| line.clone()).filter(|line| line.starts_with("GET") && line.contains('?')).collect()
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_another_change_has_taken_meanwhile_is_not_recorded() {
    let (client, requests) = server(|line, _| line.starts_with("GET").then(|| list(&[other_change(None)])));
    let applied = applied(&context(client, leading()), &[record(&["sql1"])]).await;
    assert!(matches!(applied.stopped, Some(ApplyError::ClaimTaken { holder, .. }) if holder == "crm/other"));
    assert_eq!(lines(&requests), [format!("GET {BASE}/crmchanges")]);
    let looked = lists(&requests).join("");
    assert!(looked.contains("fieldSelector=status.phase%21%3DSucceeded"), "only what is under way is read: {looked}");
}

#[tokio::test(start_paused = true)]
async fn what_a_change_of_a_site_held_that_is_gone_is_recorded() {
    for (uid_now, is_taken) in [(Some("first"), true), (Some("second"), false), (None, false)] {
        let (client, requests) = server(move |line, body| {
            if line.contains("/crmsites/other") {
                return match uid_now {
                    Some(uid) => Some((200, json!({"metadata": {"name": "other", "namespace": "crm", "uid": uid}}))),
                    None => Some(super::refusal(404, "NotFound")),
                };
            }
            let is_look = line.starts_with("GET");
            Some(if is_look { list(&[other_change(Some("first"))]) } else { super::echo(body) })
        });
        let applied = applied(&context(client, leading()), &[record(&["sql1"])]).await;
        assert_eq!(matches!(applied.stopped, Some(ApplyError::ClaimTaken { .. })), is_taken, "{uid_now:?}");
        let looked = [format!("GET {BASE}/crmchanges"), format!("GET {BASE}/namespaces/crm/crmsites/other")];
        assert_eq!(lines(&requests)[..2], looked);
    }
}
