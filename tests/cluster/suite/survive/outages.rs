//! API server and etcd go away and come back: killed, stopped in order, or with the state of a while ago.

use std::cell::RefCell;

use crm_sandbox::run::Entrance;

use super::{MAIN, Trial, differences, in_midst_of, minutes_pass, phase, told};
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

#[test]
fn etcd_is_set_back_in_mid_change() {
    let _alone = crate::server::alone();
    let Some(plane) = ControlPlane::of_our_own("etcd set back to an older copy") else { return };
    let trial = Trial::on(MAIN, plane.server());
    let plane = RefCell::new(plane);
    let undisturbed = trial.undisturbed();
    // What is forgotten: a schema change and the upgrade of Web.
    let (kept, lost) = ("back-up-files", "upgrade-service");
    let what = format!("etcd set back from {lost} to {kept}");
    let report = trial.play(&what, &crm_sandbox::run::Options::default(), |entrance: Entrance| {
        let plane = &plane;
        Box::pin(async move {
            in_midst_of(&entrance, kept, 0).await;
            plane.borrow_mut().stop();
            plane.borrow().keep_etcd();
            plane.borrow_mut().start();
            entrance.cluster().break_watches();
            entrance.until(|entrance| phase(entrance, lost) == "Started").await;
            minutes_pass(1).await;
            plane.borrow_mut().kill();
            plane.borrow().put_etcd_back();
            plane.borrow_mut().start();
            entrance.cluster().look_again().unwrap();
        })
    });
    let different = differences(&undisturbed, &report);
    println!("{}\n{}", different.join("\n"), told(&report));
}
