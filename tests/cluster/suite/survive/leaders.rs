//! Who leads changes hands without being asked: the lease is stolen or deleted, a second controller is there.

use crm_sandbox::invariants::Invariant;
use crm_sandbox::report::RunReport;
use crm_sandbox::run::{Entrance, Options};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::{MAIN, SHORT, Trial, differences, in_midst_of, minutes_pass, told};

fn lease_of(entrance: &Entrance, who: &str) -> Api<Lease> {
    Api::namespaced(entrance.client(who), "crm-operator")
}

fn fenced(report: &RunReport) -> u32 {
    report.exercised.iter().find(|exercised| exercised.invariant == Invariant::Fencing).map_or(0, |found| found.times)
}

#[test]
fn lease_stolen_and_deleted_in_mid_change() {
    let _alone = crate::server::alone();
    let trial = Trial::of(MAIN);
    let what = "lease stolen during upgrade-database and deleted during upgrade-web";
    let report = trial.ends_the_same(what, |entrance: Entrance| {
        Box::pin(async move {
            in_midst_of(&entrance, "upgrade-database", 5).await;
            let first = entrance.leader();
            let stolen = Patch::Merge(json!({"spec": {"holderIdentity": "thief"}}));
            lease_of(&entrance, "thief").patch(crm_api::CONTROLLER, &PatchParams::default(), &stolen).await.unwrap();
            entrance.until(|entrance| entrance.leader() == first).await;
            in_midst_of(&entrance, "upgrade-web", 2).await;
            lease_of(&entrance, "thief").delete(crm_api::CONTROLLER, &DeleteParams::default()).await.unwrap();
            minutes_pass(1).await;
            entrance
                .until(|entrance| entrance.cluster().get("Lease", "crm-operator", crm_api::CONTROLLER).is_some())
                .await;
        })
    });
    assert!(fenced(&report) > 0, "orders were begun");
}

#[test]
fn two_controllers_of_which_the_leader_is_kept_from_its_lease() {
    let _alone = crate::server::alone();
    let trial = Trial::of(SHORT);
    let undisturbed = trial.undisturbed();
    let fault = "two-controllers@run-upgrade-exe".parse().unwrap();
    let options = Options { faults: vec![fault], ..Options::default() };
    let report = trial.play("two controllers", &options, |_| Box::pin(std::future::ready(())));
    let different = differences(&undisturbed, &report);
    assert!(different.is_empty(), "{}\n{}", different.join("\n"), told(&report));
    assert!(fenced(&report) > 0, "orders were begun");
}
