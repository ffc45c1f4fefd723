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

pub(crate) fn example(name: &str) -> Sandbox {
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

/// Waits until a step of the open change is under way.
async fn in_midst_of(entrance: &Entrance, step: &str) {
    let is_under_way = |entrance: &Entrance| {
        let change = entrance.change();
        let steps = change["status"]["steps"].as_array().cloned().unwrap_or_default();
        let is_it = |one: &&Value| one["id"].as_str().is_some_and(|id| id.split('@').next() == Some(step));
        steps.iter().find(is_it).is_some_and(|one| one["phase"] == "Started")
    };
    entrance.until(is_under_way).await;
}

/// Plays the main story and sets the cluster back from one step to another.
fn set_back(from: &'static str, to: &'static str, then: impl AsyncFnOnce(Entrance) + 'static) -> RunReport {
    let guest = async move |entrance: Entrance| {
        in_midst_of(&entrance, to).await;
        let backup = entrance.cluster().back_up();
        in_midst_of(&entrance, from).await;
        entrance.cluster().set_back(&backup);
        then(entrance).await;
    };
    let guest = Box::new(|entrance: Entrance| Box::pin(guest(entrance)) as _);
    sandbox().run_with(&Options::default(), &mut |_| {}, guest).unwrap()
}

#[test]
fn a_cluster_that_is_set_back_to_the_schema_change_repeats_nothing_and_comes_to_the_same_end() {
    let undisturbed = sandbox().run(&Options::default(), &mut |_| {}).unwrap();
    let report = set_back("upgrade-web", "upgrade-database", async |_| {});
    assert_eq!(report.outcome, Outcome::Reached, "{}", story(&report));
    assert_eq!(report.digest, undisturbed.digest, "{}", story(&report));
    assert_eq!(report.happened.programs, undisturbed.happened.programs, "{}", story(&report));
}

/// A record that does not know of a step that the machines have done stops there, and a person's word lets it go on: the step
/// is proven by what it has left, not done again.
#[test]
fn a_step_that_the_record_has_forgotten_goes_on_at_a_persons_word_without_being_repeated() {
    let undisturbed = sandbox().run(&Options::default(), &mut |_| {}).unwrap();
    let report = set_back("start-netserver", "upgrade-database", async |entrance: Entrance| {
        entrance.until(|entrance| entrance.change()["status"]["phase"] == "Halted").await;
        let (halted, site) = (entrance.change(), entrance.site().to_string());
        assert!(site.contains("should show 7.5.5885 and shows"), "{site}");
        assert!(site.contains("with word Retry, step upgrade-web@contoso-app"), "{site}");
        let decision = |step: &str| {
            json!({
                "apiVersion": crm_api::API_VERSION, "kind": "CrmDecision",
                "metadata": {"generateName": "go-on-"},
                "spec": {
                    "site": "contoso", "word": "Retry", "step": step, "user": "kari",
                    "planHash": halted["spec"]["planHash"], "reason": "Web was upgraded before the cluster was set back",
                },
            })
        };
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(crm_api::GROUP, "v1alpha1", "CrmDecision"));
        let decisions: Api<DynamicObject> = Api::namespaced_with(entrance.client("kari"), "crm", &kind);
        let word = serde_json::from_value(decision("upgrade-web@contoso-app")).unwrap();
        decisions.create(&PostParams::default(), &word).await.unwrap();
    });
    assert_eq!(report.outcome, Outcome::Reached, "{}", story(&report));
    assert_eq!(report.digest, undisturbed.digest, "{}", story(&report));
    assert_eq!(report.happened.programs, undisturbed.happened.programs, "{}", story(&report));
}

/// The backup of the old release is not overwritten, and the site is not opened with old programs on a new schema.
#[test]
fn a_cluster_that_is_set_back_to_before_the_schema_change_does_nothing_more_and_says_so() {
    let report = set_back("upgrade-service", "back-up-files", async |_| {});
    let Outcome::Halted { reason, remedy } = &report.outcome else { panic!("{}\n{}", report.outcome, story(&report)) };
    assert!(reason.contains("no step that leads it there is recorded"), "{reason}");
    assert!(remedy.contains("delete CrmChange contoso-"), "{remedy}");
    assert_eq!(report.happened.backups, 1, "{}", story(&report));
    assert!(
        report.digest.iter().any(|(fact, value)| fact.starts_with("frozen @") && value == "true"),
        "{:?}",
        report.digest
    );
}

#[test]
fn the_way_out_of_a_record_that_is_too_old_is_a_half_done_site_with_a_plan() {
    let report = set_back("upgrade-service", "back-up-files", async |entrance: Entrance| {
        entrance.until(|entrance| entrance.change()["status"]["phase"] == "Halted").await;
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(crm_api::GROUP, "v1alpha1", "CrmChange"));
        let changes: Api<DynamicObject> = Api::namespaced_with(entrance.client("kari"), "crm", &kind);
        let name = entrance.change()["metadata"]["name"].as_str().unwrap().to_owned();
        changes.delete(&name, &DeleteParams::default()).await.unwrap();
    });
    let Outcome::Halted { remedy, .. } = &report.outcome else { panic!("{}\n{}", report.outcome, story(&report)) };
    assert!(remedy.contains("Forward"), "{remedy}\n{}", story(&report));
}

/// Versions of a cluster that was set back are given out a second time: a watch that goes on from one of the first time is
/// told nothing of them.
#[test]
fn a_site_that_is_declared_after_the_cluster_was_set_back_is_seen() {
    let guest = async |entrance: Entrance| {
        let kind = |kind: &str| ApiResource::from_gvk(&GroupVersionKind::gvk(crm_api::GROUP, "v1alpha1", kind));
        let sites: Api<DynamicObject> = Api::namespaced_with(entrance.client("kari"), "crm", &kind("CrmSite"));
        entrance.until(|entrance| entrance.change()["status"]["waiting"]["reason"] == "Approval").await;
        let backup = entrance.cluster().back_up();
        let site = declared(&entrance.site(), 1);
        for _ in 0..100 {
            let created = sites.create(&PostParams::default(), &serde_json::from_value(site.clone()).unwrap()).await;
            created.unwrap();
            sites.delete("site-001", &DeleteParams::default()).await.unwrap();
        }
        entrance.cluster().set_back(&backup);
        let site = declared(&entrance.site(), 2);
        tokio::time::sleep(std::time::Duration::from_secs(120)).await;
        sites.create(&PostParams::default(), &serde_json::from_value(site).unwrap()).await.unwrap();
        let is_seen = |entrance: &Entrance| {
            entrance.cluster().get("CrmSite", "crm", "site-002").is_some_and(|site| site["status"].is_object())
        };
        let in_time = std::time::Duration::from_secs(600);
        tokio::time::timeout(in_time, entrance.until(is_seen)).await.expect("nobody saw it");
        sites.delete("site-002", &DeleteParams::default()).await.unwrap();
    };
    let guest = Box::new(|entrance: Entrance| Box::pin(guest(entrance)) as _);
    let report = sandbox().run_with(&Options::default(), &mut |_| {}, guest).unwrap();
    assert_eq!(report.outcome, Outcome::Reached, "{}", story(&report));
}

/// The finalizer holds a site while its users are out; its servers are neither left closed nor half upgraded.
#[test]
fn a_site_that_is_deleted_in_mid_change_is_let_go_when_its_users_are_back() {
    let undisturbed = sandbox().run(&Options::default(), &mut |_| {}).unwrap();
    let guest = async |entrance: Entrance| {
        in_midst_of(&entrance, "upgrade-database").await;
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(crm_api::GROUP, "v1alpha1", "CrmSite"));
        let sites: Api<DynamicObject> = Api::namespaced_with(entrance.client("kari"), "crm", &kind);
        sites.delete("contoso", &DeleteParams::default()).await.unwrap();
    };
    let guest = Box::new(|entrance: Entrance| Box::pin(guest(entrance)) as _);
    let report = sandbox().run_with(&Options::default(), &mut |_| {}, guest).unwrap();
    assert_eq!(report.outcome, Outcome::Gone, "{}", story(&report));
    let of_servers = |report: &RunReport| {
        let is_of_servers =
            |fact: &str| fact.starts_with("version ") || fact.contains('@') && !fact.starts_with("change ");
        let facts = report.digest.iter().filter(|(fact, _)| is_of_servers(fact) || *fact == "users at work");
        facts.map(|(fact, value)| (fact.clone(), value.clone())).collect::<Vec<_>>()
    };
    assert_eq!(of_servers(&report), of_servers(&undisturbed), "{}", story(&report));
}
