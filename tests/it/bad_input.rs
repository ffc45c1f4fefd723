//! What a person reads who has written something wrong. The answers of the API, those of `kubectl crm plan -f` to the same
//! mistakes, and the words in a site's conditions stand together in `tests/golden/bad-input.txt`. Each has to name the field,
//! the value and what to write instead; what an API server says by itself of a wrong schema has no remedy, and that is why
//! `plan -f` says it again.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::sync::Arc;

use crm_sandbox::clock::SimClock;
use crm_sandbox::cluster::{Cluster, Kinds};
use crm_tests::mistakes::{answer, apply, cases, cases_of_an_existing_site, site, with};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::Value;

use kubectl_crm::{Exit, Screen, Streams, run};

use crate::bad_sites;
use crate::files::{golden, repository};

const START: &str = "2026-11-28T19:00:00Z";

fn sites(cluster: &Cluster) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("crm-operator.io", "v1alpha1", "CrmSite"));
    Api::namespaced_with(cluster.client("a-person"), "crm", &kind)
}

fn cluster(kinds: Kinds) -> Cluster {
    let cluster = Cluster::new(SimClock::starting_at(START.parse().unwrap()).for_cluster(), Arc::new(kinds));
    cluster.add_namespace("crm");
    cluster
}

/// What `kubectl crm plan -f` says of the same object, one line per mistake.
fn answer_of_plan(title: &str, object: &Value) -> String {
    let text = object.to_string();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams =
        Streams { input: &mut text.as_bytes(), out: &mut out, err: &mut err, screen: Screen::Pipe, attended: false };
    let exit = run(["kubectl-crm", "plan", "-f", "-"].map(OsString::from), &mut streams);
    let said = String::from_utf8(err).unwrap();
    assert_eq!(exit, Exit::BadInput, "{title}: {said}{}", String::from_utf8_lossy(&out));
    said.lines().fold(String::new(), |all, line| {
        let (_, what) = line.split_once(", CrmSite ").unwrap_or(("", line));
        let (_, what) = what.split_once(": ").unwrap_or(("", what));
        assert!(what.contains("; ") || what.contains("did you mean"), "{title}: no remedy in {line:?}");
        for kind in ["\"object\"", "\"string\""] {
            assert!(!what.contains(kind), "{title}: a type where the value should stand: {line:?}");
        }
        format!("{all}  plan -f: {what}\n")
    })
}

async fn answers_of_the_api() -> String {
    let cluster = cluster(Kinds::from_crds(crm_api::crds()).unwrap());
    let api = sites(&cluster);
    let mut told = String::new();
    for (title, pointer, value) in cases() {
        let object = with(pointer, value);
        match apply(&api, &object).await {
            Ok(_) => panic!("{title}: the API has taken it"),
            Err(error) => {
                let planned = answer_of_plan(title, &object);
                write!(told, "{title} ({pointer})\n{}{planned}\n", answer(&error)).unwrap();
            }
        }
    }
    assert_eq!(api.list(&kube::api::ListParams::default()).await.unwrap().items.len(), 0, "nothing was stored");
    // The same site without the mistakes is taken, with its names that are not ASCII.
    apply(&api, &site()).await.unwrap();
    for (title, pointer, value) in cases_of_an_existing_site() {
        let refused = apply(&api, &with(pointer, value)).await.unwrap_err();
        write!(told, "{title} ({pointer})\n{}\n", answer(&refused)).unwrap();
    }
    told
}

#[tokio::test(start_paused = true)]
async fn every_mistake_is_answered_with_field_value_and_remedy() {
    let of_the_api = answers_of_the_api().await;
    let of_the_site = std::thread::spawn(bad_sites::words_of_the_site).join().unwrap();
    let all =
        format!("ANSWERS OF THE API, AND OF kubectl crm plan -f\n\n{of_the_api}WORDS OF THE SITE\n\n{of_the_site}");
    golden(&repository().join("tests/golden/bad-input.txt"), &all);
}
