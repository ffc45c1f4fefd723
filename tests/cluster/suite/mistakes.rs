//! A real API server answers to each mistake in a manifest with the words that are recorded of the sandbox's, and stores
//! nothing of it.

use std::collections::BTreeSet;
use std::path::Path;

use crm_tests::mistakes::{answer, apply, cases, cases_of_an_existing_site, site, with};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::Value;

use crate::server::Server;

/// What is recorded under a title, without what our own command says of the same; the order of causes is nobody's promise.
fn recorded(record: &str, title: &str, pointer: &str) -> BTreeSet<String> {
    let head = format!("\n{title} ({pointer})\n");
    let block = record.split_once(&head).unwrap_or_else(|| panic!("bad-input.txt has no {head:?}")).1;
    let lines = block.split("\n\n").next().unwrap_or_default().lines();
    lines.filter(|line| !line.starts_with("  plan -f: ")).map(str::to_owned).collect()
}

/// In the place of an answer: the server's own limit of time was over.
const GAVE_UP: &str = "gave up";

#[test]
fn every_mistake_is_answered_in_the_recorded_words_and_nothing_is_stored() {
    let _alone = crate::server::alone();
    let server = Server::empty();
    server.without_policies();
    let record = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/bad-input.txt")).unwrap();
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("crm-operator.io", "v1alpha1", "CrmSite"));
    let ask = |object: Value| {
        let (client, kind) = (server.client(), kind.clone());
        server.elsewhere(async move {
            let api: Api<DynamicObject> = Api::namespaced_with(client, "crm", &kind);
            match apply(&api, &object).await {
                Ok(_) => Ok(()),
                // A list of 100,000 items is work for minutes to a busy server.
                Err(kube::Error::Api(status)) if status.code == 504 => Err(GAVE_UP.to_owned()),
                Err(error) => Err(answer(&error)),
            }
        })
    };
    let (mut wrong, mut compared) = (String::new(), 0);
    let mut compare = |title: &str, pointer: &str, value: Value| {
        let Err(said) = ask(with(pointer, value)) else { panic!("{title}: the server has taken it") };
        if said == GAVE_UP {
            println!("NOT COMPARED: {title}: the server has given up on it before it had an answer");
            return;
        }
        compared += 1;
        let said: BTreeSet<String> = said.lines().map(str::to_owned).collect();
        let recorded = recorded(&record, title, pointer);
        if said != recorded {
            wrong.push_str(&format!("{title}\n  recorded: {recorded:#?}\n  said: {said:#?}\n"));
        }
    };
    for (title, pointer, value) in cases() {
        compare(title, pointer, value);
    }
    let sites = "/apis/crm-operator.io/v1alpha1/namespaces/crm/crmsites";
    let stored = server.expect(200..=200, "GET", sites, &Value::Null);
    assert_eq!(stored["items"].as_array().map(Vec::len), Some(0), "{stored:.300}");
    ask(site()).unwrap();
    for (title, pointer, value) in cases_of_an_existing_site() {
        compare(title, pointer, value);
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(compared >= cases().len(), "of these, no more than two can be too much for a server");
}
