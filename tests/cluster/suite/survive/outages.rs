//! API server and etcd go away and come back: killed, stopped in order, or with the state of a while ago.

use std::cell::RefCell;

use crm_sandbox::report::{Outcome, RunReport};
use crm_sandbox::run::{Entrance, Options};
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use serde_json::json;

use super::{MAIN, Trial, differences, in_midst_of, minutes_pass, told};
use crate::control_plane::ControlPlane;

/// Where in the main story nobody answers, how long after the beginning of the step, and for how many minutes.
const OUTAGES: [(&str, u64, u64); 2] = [("upgrade-database", 5, 10), ("upgrade-web", 2, 30)];

#[test]
fn control_plane_killed_and_stopped_in_mid_change() {
    let _alone = crate::server::alone();
    let Some(plane) = ControlPlane::of_our_own("outages of API server and etcd") else { return };
    let trial = Trial::on(MAIN, plane.server());
    let plane = RefCell::new(plane);
    let [(first, after, minutes), (second, later, long)] = OUTAGES;
    let what = format!("control plane killed during {first} for {minutes} min, stopped during {second} for {long} min");
    let report = trial.ends_the_same(&what, |entrance: Entrance| {
        let plane = &plane;
        Box::pin(async move {
            in_midst_of(&entrance, first, after).await;
            plane.borrow_mut().kill();
            minutes_pass(minutes).await;
            plane.borrow_mut().start();
            in_midst_of(&entrance, second, later).await;
            plane.borrow_mut().stop();
            minutes_pass(long).await;
            plane.borrow_mut().start();
        })
    });
    assert!(report.waits.lost > 0 && report.waits.broken > 0, "everybody has met the outage");
}

/// The step of which the state that etcd is set back to does not know.
const FORGOTTEN: &str = "upgrade-web@contoso-app";

/// Plays the main story; at the beginning of the step `to` etcd is copied, and in the midst of `from` it is set back to that.
/// Then somebody may do something about it.
fn set_back(
    trial: &Trial,
    plane: &RefCell<ControlPlane>,
    (from, to): (&'static str, &'static str),
    then: impl AsyncFnOnce(&Entrance),
) -> RunReport {
    let what = format!("etcd set back from {from} to {to}");
    trial.play(&what, &Options::default(), |entrance: Entrance| {
        Box::pin(async move {
            in_midst_of(&entrance, to, 0).await;
            plane.borrow_mut().stop();
            plane.borrow().keep_etcd();
            plane.borrow_mut().start();
            in_midst_of(&entrance, from, 0).await;
            plane.borrow_mut().kill();
            plane.borrow().put_etcd_back();
            plane.borrow_mut().start();
            entrance.cluster().look_again().unwrap();
            then(&entrance).await;
        })
    })
}

/// Says that the step which the change waits for was done before the cluster was set back.
async fn a_person_lets_it_go_on(entrance: &Entrance) {
    entrance.until(|entrance| entrance.change()["status"]["phase"] == "Halted").await;
    let site = entrance.site().to_string();
    assert!(site.contains("should show 7.5.5885 and shows"), "{site}");
    assert!(site.contains(&format!("with word Retry, step {FORGOTTEN}")), "{site}");
    let decision = json!({
        "apiVersion": crm_api::API_VERSION, "kind": "CrmDecision",
        "metadata": {"generateName": "go-on-"},
        "spec": {
            "site": "contoso", "word": "Retry", "step": FORGOTTEN, "user": "kari",
            "planHash": entrance.change()["spec"]["planHash"], "reason": "it was done before the cluster was set back",
        },
    });
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(crm_api::GROUP, "v1alpha1", "CrmDecision"));
    let decisions: Api<DynamicObject> = Api::namespaced_with(entrance.client("kari"), "crm", &kind);
    decisions.create(&PostParams::default(), &serde_json::from_value(decision).unwrap()).await.unwrap();
}

/// To a state that knows of the schema change, and not of the upgrade of Web that followed: it stops there, a person's word
/// lets it go on, nothing is repeated, and the end is the same. To one from before the schema change: a halt that says so (`SURVIVE_ALL=1`; the sandbox plays it on its model in every check).
#[test]
fn etcd_is_set_back_in_mid_change() {
    let _alone = crate::server::alone();
    let Some(plane) = ControlPlane::of_our_own("etcd set back to an older copy") else { return };
    let trial = Trial::on(MAIN, plane.server());
    let plane = RefCell::new(plane);
    let undisturbed = trial.undisturbed();
    let report = set_back(&trial, &plane, ("start-netserver", "upgrade-database"), a_person_lets_it_go_on);
    let different = differences(&undisturbed, &report).into_iter().filter(|line| !line.contains("a person allowed"));
    let different: Vec<String> = different.collect();
    assert!(different.is_empty(), "{}\n{}", different.join("\n"), told(&report));
    assert_eq!(report.human_retries, [FORGOTTEN]);
    if std::env::var_os("SURVIVE_ALL").is_none() {
        println!("etcd set back to before the schema change: played with SURVIVE_ALL=1");
        return;
    }
    let report = set_back(&trial, &plane, ("upgrade-service", "back-up-files"), async |_| {});
    let Outcome::Halted { reason, .. } = &report.outcome else { panic!("{}", told(&report)) };
    assert!(reason.contains("no step that leads it there is recorded"), "{reason}");
    assert_eq!(report.happened.backups, 1, "the backup of the old release is not taken again: {}", told(&report));
}
