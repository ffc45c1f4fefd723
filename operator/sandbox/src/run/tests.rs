//! Facts about runs.

use std::path::Path;
use std::sync::Arc;

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use super::{Attendance, Entrance, Options, Sandbox};
use crate::cluster::Kinds;
use crate::faults::{ArmedFault, Fault};
use crate::file::ScenarioFile;
use crate::report::{Outcome, RunReport};

pub(crate) fn sandbox() -> Sandbox {
    let path = "../../examples/superoffice/server-web-service-7.5-to-8.0.yaml";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    Sandbox::new(ScenarioFile::read(&path).unwrap()).unwrap()
}

pub(crate) fn story(report: &RunReport) -> String {
    report.story.iter().map(|event| format!("{event}\n")).collect()
}

#[test]
fn the_main_story_reaches_its_goal_and_the_same_seed_tells_it_in_the_same_bytes() {
    let sandbox = sandbox();
    let mut heard = String::new();
    let report = sandbox.run(&Options::default(), &mut |event| heard.push_str(&format!("{event}\n"))).unwrap();
    assert_eq!(report.outcome, Outcome::Reached, "{heard}");
    assert_eq!(heard, story(&report), "the callback hears the whole story");
    let again = sandbox.run(&Options::default(), &mut |_| {}).unwrap();
    assert_eq!(heard, story(&again));
    assert_eq!(report.to_string(), again.to_string());
    let other = sandbox.run(&Options { seed: 1, ..Options::default() }, &mut |_| {}).unwrap();
    assert_eq!(other.outcome, Outcome::Reached);
    assert_ne!(heard, story(&other), "another seed has other delays");
}

#[test]
fn without_people_the_first_wait_stands() {
    let options = Options { people: Attendance::Nobody, ..Options::default() };
    let report = sandbox().run(&options, &mut |_| {}).unwrap();
    let Outcome::Waiting { reason, .. } = &report.outcome else { panic!("{}", report.outcome) };
    assert_eq!(reason, "Approval");
}

#[test]
fn every_fault_ends_as_it_is_documented() {
    let sandbox = sandbox();
    let mut wrong = Vec::new();
    for fault in Fault::all() {
        let options = Options { faults: vec![ArmedFault { fault, step: None }], ..Options::default() };
        let report = sandbox.run(&options, &mut |_| {}).unwrap();
        if report.outcome.word() != fault.ends() {
            wrong.push(format!("{}: {}\n{}", fault.name(), report.outcome, story(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A cluster whose definition of sites is another one than ours: it knows a way of FastCGI that we do not.
fn with_other_definitions(sandbox: &Sandbox) -> Sandbox {
    let others = crm_api::crds().iter().map(|definition| {
        let mut value = serde_json::to_value(definition).unwrap();
        if value["metadata"]["name"] == "crmsites.crm-operator.io" {
            let schema = &mut value["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            let fast_cgi = schema.pointer_mut("/properties/spec/properties/fastCgi").unwrap();
            fast_cgi.as_object_mut().unwrap().remove("enum");
        }
        serde_json::from_value(value).unwrap()
    });
    let kinds = Kinds::from_crds(&others.collect::<Vec<_>>()).unwrap();
    Sandbox { kinds: Arc::new(kinds), ..sandbox.clone() }
}

/// A site of which nothing is there but its declaration.
fn declared(like: &Value, number: usize) -> Value {
    let name = format!("site-{number:03}");
    let mut spec = like["spec"].clone();
    spec["database"]["name"] = name.clone().into();
    for placed in spec["components"].as_array_mut().unwrap() {
        placed["nodes"] = json!([format!("{name}-app")]);
    }
    json!({"apiVersion": crm_api::API_VERSION, "kind": "CrmSite", "metadata": {"name": name}, "spec": spec})
}

#[test]
fn of_300_sites_the_malformed_one_says_so_and_every_other_goes_on() {
    const SITES: usize = 300;
    const MALFORMED: usize = 137;
    let sandbox = with_other_definitions(&sandbox());
    let guest = async |entrance: Entrance| {
        let mut others: Vec<Value> = (0..SITES).map(|number| declared(&entrance.site(), number)).collect();
        others[MALFORMED]["spec"]["fastCgi"] = json!("Sometimes");
        let client = entrance.client("a-person");
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("crm-operator.io", "v1alpha1", "CrmSite"));
        let api: Api<DynamicObject> = Api::namespaced_with(client, sandbox.file.namespace(), &kind);
        for site in &others {
            api.create(&PostParams::default(), &serde_json::from_value(site.clone()).unwrap()).await.unwrap();
        }
        let reason = |site: &Value, kind: &str| {
            let conditions = site["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().find(|one| one["type"] == kind).map(|one| one["reason"].clone())
        };
        let stands = |entrance: &Entrance| {
            entrance.cluster().list("CrmSite").iter().all(|site| reason(site, "UpToDate").is_some())
        };
        entrance.until(stands).await;
        for site in entrance.cluster().list("CrmSite") {
            let (name, why) = (site["metadata"]["name"].clone(), reason(&site, "UpToDate"));
            match name == "site-137" {
                true => assert_eq!(why, Some(json!("Malformed")), "{site}"),
                false => assert_ne!(why, Some(json!("Malformed")), "{name}"),
            }
        }
        let events = entrance.cluster().list("Event");
        let about = |event: &&Arc<Value>| event["reason"] == "Malformed";
        let told: Vec<&str> = events.iter().filter(about).filter_map(|event| event["note"].as_str()).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("site-137 cannot be read") && told[0].contains("Sometimes"), "{told:?}");
        for site in others.iter().filter(|site| site["spec"]["fastCgi"] != "Sometimes") {
            let name = site["metadata"]["name"].as_str().unwrap();
            api.delete(name, &DeleteParams::default()).await.unwrap();
        }
    };
    let report = sandbox.run_with(&Options::default(), &mut |_| {}, Box::new(|entrance| Box::pin(guest(entrance))));
    assert_eq!(report.unwrap().outcome, Outcome::Reached, "and the site that has its servers is upgraded beside it");
}

fn example(name: &str) -> Sandbox {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/superoffice/{name}.yaml"));
    Sandbox::new(ScenarioFile::read(&path).unwrap()).unwrap()
}

#[test]
fn an_installer_that_takes_another_instance_is_caught_and_what_it_touched_is_named() {
    let armed: ArmedFault = "takes-first-instance".parse().unwrap();
    let options = Options { faults: vec![armed], ..Options::default() };
    let report = example("one-of-two-instances").run(&options, &mut |_| {}).unwrap();
    let story = story(&report);
    let halted = story.lines().find(|line| line.contains("halted")).unwrap_or_else(|| panic!("{story}"));
    assert!(halted.contains("upgrade-service@shared-cs ended Partial"), "{halted}");
    assert!(halted.contains(r"C:\SuperOffice\Adatum Service\bin\upgrade.exe"), "{halted}");
    let named = |finding: &String| finding.contains("what must be left alone was touched");
    assert!(report.first.findings.iter().any(named), "the record keeps it: {:?}", report.first.findings);
    assert_eq!(report.human_retries, ["upgrade-service@shared-cs"], "nothing is run again without a person");
}

#[test]
fn two_customers_on_one_server_take_turns_and_each_reaches_its_goal() {
    let sandbox = example("two-customers-one-server");
    let line_of = async |entrance: Entrance| {
        let waits = |entrance: &Entrance| {
            let changes = entrance.cluster().list("CrmChange");
            changes.iter().any(|change| change["status"]["waiting"]["reason"] == "Claim")
        };
        entrance.until(waits).await;
        let site = entrance.cluster().get("CrmSite", "crm", "fabrikam").unwrap_or_default();
        let conditions = site["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let up_to_date = conditions.iter().find(|one| one["type"] == "UpToDate").cloned().unwrap_or_default();
        assert_eq!(up_to_date["reason"], "Queued", "{up_to_date}");
        let message = up_to_date["message"].as_str().unwrap_or_default();
        assert!(message.contains("held by a change of crm/contoso; 1st in line"), "{message}");
    };
    let report =
        sandbox.run_with(&Options::default(), &mut |_| {}, Box::new(|entrance| Box::pin(line_of(entrance)))).unwrap();
    assert_eq!(report.outcome, Outcome::Reached, "{}", story(&report));
    let others: Vec<_> = report.others.iter().map(|other| (other.site.as_str(), other.outcome.clone())).collect();
    assert_eq!(others, [("crm/fabrikam", Some(Outcome::Reached))], "{}", story(&report));
    assert!(report.ends_as_announced);
}
