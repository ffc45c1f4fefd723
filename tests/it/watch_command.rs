//! `kubectl crm status SITE --watch`: it ends where nothing more comes by itself, with a code of its own, and says who can
//! unblock what waits.

use std::cell::Cell;

use crm_sandbox::report::Outcome;
use crm_sandbox::run::{Attendance, Entrance, Options};
use kubectl_crm::Exit;

use crate::cluster_commands::{call, played, visited, waits_for, with_fault};
use crate::files::repository;

const WATCH: &str = "status contoso --watch";
const UNTIL_PERSON: &str = "status contoso --watch --until-person";

fn alone() -> Options {
    Options { people: Attendance::Nobody, ..Options::default() }
}

/// Whether the controller has seen the last declaration and says this about it.
fn stands_at(entrance: &Entrance, reason: &str) -> bool {
    let site = entrance.site();
    let conditions = site["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let has_seen = site["status"]["observedGeneration"] == site["metadata"]["generation"];
    let is_edited = site["metadata"]["generation"].as_i64() > Some(1);
    is_edited && has_seen && conditions.iter().any(|one| one["type"] == "UpToDate" && one["reason"] == reason)
}

#[test]
fn a_refused_site_ends_the_view_with_the_remedy() {
    let file = repository().join("examples/superoffice/two-hosts-8.0-to-8.5.yaml");
    let outcome = played(&file, &Options::default(), async |entrance: Entrance| {
        entrance.until(|entrance| stands_at(entrance, "Refused")).await;
        let watched = call(&entrance, "anna", WATCH).await;
        watched.ends(Exit::No, &["waits for Refused: ", "ended by whoever mends what was found"]);
    });
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
}

#[test]
fn a_halted_change_ends_the_view_with_the_command_that_goes_on() {
    let file = repository().join("examples/superoffice/restore-after-a-failed-upgrade.yaml");
    let seen = Cell::new(0);
    played(&file, &Options::default(), async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        // It is followed from before it halts, and looked at again afterwards.
        for _ in 0..2 {
            call(&entrance, "anna", WATCH).await.ends(
                Exit::Halted,
                &["Halted is ended by a person: kubectl crm retry contoso -n crm", "waits for Halted: "],
            );
            seen.set(seen.get() + 1);
        }
    });
    assert_eq!(seen.get(), 2);
}

#[test]
fn a_site_that_others_left_half_done_ends_the_view_with_the_way_out() {
    let file = repository().join("examples/superoffice/half-upgraded-nobody-chooses.yaml");
    played(&file, &Options::default(), async |entrance: Entrance| {
        entrance.until(|entrance| stands_at(entrance, "HalfDone")).await;
        call(&entrance, "frida", WATCH).await.ends(Exit::Halted, &["kubectl crm forward contoso -n crm --plan "]);
    });
}

#[test]
fn a_change_that_was_taken_back_before_is_told_from_a_refusal() {
    visited(&with_fault("backup-truncated"), async |entrance: Entrance| {
        entrance.until(|entrance| entrance.change()["status"]["phase"] == "Failed").await;
        call(&entrance, "anna", WATCH).await.ends(Exit::BackedOut, &["kubectl crm retry contoso -n crm"]);
    });
}

#[test]
fn a_wait_for_a_person_ends_the_view_only_where_it_is_told_to() {
    let outcome = visited(&alone(), async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        let hash = entrance.change()["spec"]["planHash"].as_str().unwrap()[..6].to_owned();
        let approve = format!("kubectl crm approve contoso -n crm --plan {hash}");
        call(&entrance, "anna", UNTIL_PERSON)
            .await
            .ends(Exit::Waiting, &["Approval is ended by an approver", &approve, "waits for Approval: "]);
        call(&entrance, "anna", "status contoso --until-person").await.ends(Exit::BadInput, &["--watch"]);
        call(&entrance, "anna", "hold contoso --yes --reason closing").await.ends(Exit::Good, &["created"]);
        call(&entrance, "anna", &format!("approve contoso --plan {hash} --yes")).await.ends(Exit::Good, &["created"]);
        waits_for(&entrance, "Hold").await;
        call(&entrance, "anna", UNTIL_PERSON).await.ends(Exit::Waiting, &["kubectl crm resume contoso -n crm"]);
    });
    assert_ne!(outcome, Outcome::Reached);
}

#[test]
fn over_a_hold_and_a_stop_the_view_goes_on_and_says_who_ends_them() {
    let outcome = visited(&Options::default(), async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        call(&entrance, "anna", "hold contoso --yes --reason closing").await.ends(Exit::Good, &["created"]);
        let (watched, ()) = tokio::join!(call(&entrance, "anna", WATCH), async {
            waits_for(&entrance, "Hold").await;
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
            call(&entrance, "bert", "resume contoso --yes").await.ends(Exit::Good, &["created"]);
            waits_for(&entrance, "Window").await;
            call(&entrance, "bert", "stop --yes --reason fire").await.ends(Exit::Good, &["created"]);
            waits_for(&entrance, "Stop").await;
            call(&entrance, "bert", UNTIL_PERSON).await.ends(Exit::Waiting, &["kubectl crm stop --off -n crm"]);
            call(&entrance, "bert", "stop --off --yes").await.ends(Exit::Good, &[]);
        });
        watched.ends(
            Exit::Good,
            &[
                "Hold is ended by",
                "kubectl crm resume contoso -n crm",
                "Stop is ended by",
                "kubectl crm stop --off -n crm",
                "kubectl crm attend contoso -n crm",
            ],
        );
    });
    assert_eq!(outcome, Outcome::Reached);
}

#[test]
fn a_site_that_came_back_from_its_backup_ends_the_view() {
    let file = repository().join("examples/superoffice/restore-after-a-failed-upgrade.yaml");
    played(&file, &Options::default(), async |entrance: Entrance| {
        entrance.until(|entrance| stands_at(entrance, "RestoredAwaitingDecision")).await;
        call(&entrance, "anna", WATCH).await.ends(Exit::BackedOut, &[]);
    });
}
