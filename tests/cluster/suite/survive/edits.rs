//! People edit or delete what a change stands on, while it is under way.

use crm_sandbox::report::{Outcome, RunReport};
use crm_sandbox::run::{Entrance, Options};
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use super::{MAIN, Trial, differences, in_midst_of, minutes_pass, told};
use crate::control_plane::ControlPlane;

#[test]
fn operator_upgraded_and_catalogue_edited_in_mid_change() {
    let _alone = crate::server::alone();
    let trial = Trial::of(MAIN);
    let what =
        "every release of the catalogue edited during upgrade-database, and a new version of the operator rolled out";
    trial.ends_the_same(what, |entrance: Entrance| {
        Box::pin(async move {
            in_midst_of(&entrance, "upgrade-database", 5).await;
            let releases: Api<DynamicObject> = Api::all_with(entrance.client("catalogue-keeper"), &kind("CrmRelease"));
            for release in entrance.cluster().list("CrmRelease") {
                let name = release["metadata"]["name"].as_str().unwrap();
                let edited = Patch::Merge(edited(&release));
                let after = releases.patch(name, &PatchParams::default(), &edited).await.unwrap();
                assert_eq!(after.metadata.generation, Some(2), "{name} was edited");
            }
            let before = entrance.leader();
            entrance.roll_out();
            entrance.until(|entrance| entrance.leader().is_some_and(|leader| Some(leader) != before)).await;
        })
    });
}

/// Other packages, other durations, other demands: whatever a plan is made of.
fn edited(release: &Value) -> Value {
    let mut packages = release["spec"]["packages"].as_array().cloned().unwrap_or_default();
    for package in &mut packages {
        package["file"] = json!(format!("other-{}", package["file"].as_str().unwrap_or_default()));
        package["minutes"] = json!(7);
    }
    let requires = json!({"windows": ["Windows Server 2099"], "freeDiskMebibytes": 1_000_000});
    json!({"spec": {"packages": packages, "requires": requires}})
}

fn kind(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(crm_api::GROUP, "v1alpha1", kind))
}

#[test]
fn site_deleted_in_mid_change() {
    let _alone = crate::server::alone();
    let trial = Trial::of(MAIN);
    let undisturbed = trial.undisturbed();
    let report = trial.play("site deleted during upgrade-database", &Options::default(), |entrance: Entrance| {
        Box::pin(async move {
            in_midst_of(&entrance, "upgrade-database", 5).await;
            sites(&entrance).delete("contoso", &DeleteParams::default()).await.unwrap();
        })
    });
    // The finalizer has held it until its users were back; only the record and the site itself stand otherwise.
    assert_eq!(report.outcome, Outcome::Gone, "{}", told(&report));
    let of_servers = |difference: &String| {
        let fact = difference.trim_start();
        fact.starts_with("version ") || fact.starts_with("users ") || fact.contains('@') && !fact.starts_with("change ")
    };
    let different: Vec<String> = differences(&undisturbed, &report).into_iter().filter(of_servers).collect();
    assert!(different.is_empty(), "{}\n{}", different.join("\n"), told(&report));
}

fn sites(entrance: &Entrance) -> Api<DynamicObject> {
    Api::namespaced_with(entrance.client("gitops"), "crm", &kind("CrmSite"))
}

#[test]
fn definition_deleted_in_mid_change() {
    let _alone = crate::server::alone();
    let Some(plane) = ControlPlane::of_our_own("a definition deleted in mid-change") else { return };
    let trial = Trial::on(MAIN, plane.server());
    let api = std::sync::Arc::clone(&trial.api);
    let what = "definition of changes deleted during upgrade-database";
    let report = trial.play(what, &Options::default(), |entrance: Entrance| {
        Box::pin(async move {
            in_midst_of(&entrance, "upgrade-database", 5).await;
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/crmchanges.crm-operator.io";
            api.server().expect(200..=200, "DELETE", path, &Value::Null);
            api.server().until(404, || api.server().plain("GET", path, Value::Null));
            entrance.cluster().look_again().unwrap();
            minutes_pass(20).await;
            api.server().with_definitions();
        })
    });
    // The records of all changes are gone with it. What was begun is found as a half-done site, and nothing is done about it
    // before a person has chosen.
    let Outcome::Halted { reason, remedy } = &report.outcome else { panic!("{}", told(&report)) };
    assert!(reason.contains("ComponentsBehind") && remedy.contains("Forward"), "{reason} {remedy}");
    let done = |report: &RunReport| (report.happened.programs, report.happened.backups);
    assert_eq!(done(&report), (1, 1), "the database alone was upgraded: {}", told(&report));
}
