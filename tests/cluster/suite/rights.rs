//! What each identity has been granted against what it has used, by the API server's own count: its audit log. No right is there
//! that nobody needs.

use std::collections::BTreeSet;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crm_sandbox::file::ScenarioFile;
use crm_sandbox::run::{Options, Sandbox};
use kubectl_crm::cluster::node_identity;
use serde_json::Value;

use crate::referee::SecondServer;
use crate::server::documents;

/// Stories in which everything is done that the operator does to a cluster.
const STORIES: [&str; 3] = ["server-web-service-7.5-to-8.0", "drift-corrected", "restore-after-a-failed-upgrade"];

/// Verb, group and resource.
type Right = (String, String, String);

#[test]
fn every_right_that_is_granted_is_used() {
    let _alone = crate::server::alone();
    let Some(log) = std::env::var_os("CRM_TEST_AUDIT_LOG") else {
        println!("NOT CHECKED: an existing cluster's audit log is not ours to read");
        return;
    };
    let mut log = std::fs::File::open(log).unwrap();
    log.seek(SeekFrom::End(0)).unwrap();
    for story in STORIES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/superoffice/{story}.yaml"));
        let referee = SecondServer::confined();
        let sandbox = Sandbox::new(ScenarioFile::read(&path).unwrap()).unwrap();
        let report = sandbox.refereed(Arc::clone(&referee) as _).run(&Options::default(), &mut |_| {}).unwrap();
        assert!(report.ends_as_announced, "{story}: {}", report.outcome);
        referee.end();
    }
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();

    let rbac =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/plain/rbac.yaml")).unwrap();
    let controller = granted(&documents(&rbac));
    let used = used(&text, |user| user == "system:serviceaccount:crm-operator:crm-operator");
    assert_eq!(
        controller.difference(&used).collect::<Vec<_>>(),
        Vec::<&Right>::new(),
        "rights that the controller never used"
    );

    let node = granted(&node_identity::objects("crm", "contoso-app"));
    let used = self::used(&text, |user| user.starts_with("system:serviceaccount:crm:crm-node-"));
    assert_eq!(node.difference(&used).collect::<Vec<_>>(), Vec::<&Right>::new(), "rights that no agent ever used");
}

/// What the rules of these objects allow.
fn granted(objects: &[Value]) -> BTreeSet<Right> {
    let words = |rule: &Value, field: &str| -> Vec<String> {
        rule[field].as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let mut rights = BTreeSet::new();
    for rule in objects.iter().filter_map(|object| object["rules"].as_array()).flatten() {
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                rights.extend(words(rule, "verbs").into_iter().map(|verb| (verb, group.clone(), resource.clone())));
            }
        }
    }
    rights
}

/// What somebody has asked for and got.
fn used(log: &str, is_meant: impl Fn(&str) -> bool) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for entry in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let user = entry["impersonatedUser"]["username"].as_str().or(entry["user"]["username"].as_str());
        let code = entry["responseStatus"]["code"].as_u64().unwrap_or(0);
        if !user.is_some_and(&is_meant) || code >= 400 {
            continue;
        }
        let text = |place: &Value| place.as_str().unwrap_or_default().to_owned();
        let mut resource = text(&entry["objectRef"]["resource"]);
        if let Some(subresource) = entry["objectRef"]["subresource"].as_str() {
            resource = format!("{resource}/{subresource}");
        }
        rights.insert((text(&entry["verb"]), text(&entry["objectRef"]["apiGroup"]), resource));
    }
    rights
}
