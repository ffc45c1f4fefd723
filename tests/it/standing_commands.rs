//! `kubectl crm` where a site is held, stopped, let through outside its windows, or brought back.

use crm_sandbox::report::Outcome;
use crm_sandbox::run::{Entrance, Options};
use kubectl_crm::Exit;

use crate::cluster_commands::{answer, call, decisions, played, visited, waits_for, with_fault};

#[test]
fn a_hold_keeps_a_change_from_beginning_until_somebody_resumes() {
    let outcome = visited(&Options::default(), async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        call(&entrance, "anna", "resume contoso --yes").await.ends(Exit::No, &["nothing is held"]);
        call(&entrance, "anna", "hold contoso --yes").await.ends(Exit::BadInput, &["--reason"]);
        call(&entrance, "anna", "hold contoso --until 2020-01-01T00:00:00Z --reason closing")
            .await
            .ends(Exit::BadInput, &["that is over"]);
        call(&entrance, "anna", "hold contoso --for soon").await.ends(Exit::BadInput, &["2h30m"]);
        let hold = "hold contoso --for 90m --reason closing";
        answer(&entrance, "anna", hold, Some("n\n")).await.ends(Exit::No, &["does not begin", "nothing was said"]);
        call(&entrance, "anna", &format!("{hold} --yes"))
            .await
            .ends(Exit::Good, &["says Hold, by anna", "kubectl crm resume contoso -n crm", "contoso-hold-1 created"]);
        call(&entrance, "bert", &format!("{hold} --yes")).await.ends(Exit::Good, &["held already, by anna"]);
        assert_eq!(decisions(&entrance, "Hold").len(), 1, "one decision for one word");
        waits_for(&entrance, "Hold").await;
        call(&entrance, "bert", "explain contoso")
            .await
            .ends(Exit::Good, &["held by anna: closing", "kubectl crm resume contoso -n crm"]);
        call(&entrance, "bert", "resume contoso --yes").await.ends(Exit::Good, &["by anna: closing", "created"]);
        call(&entrance, "bert", "resume contoso --yes").await.ends(Exit::No, &["nothing is held"]);
        waits_for(&entrance, "Window").await;
    });
    assert_eq!(outcome, Outcome::Reached);
}

#[test]
fn a_plan_is_let_through_outside_the_windows_once() {
    let outcome = visited(&Options::default(), async |entrance: Entrance| {
        waits_for(&entrance, "Window").await;
        let explained = call(&entrance, "anna", "explain contoso -o json").await.json();
        let command = explained["blockedBy"][0]["command"].as_str().unwrap();
        assert!(command.starts_with("kubectl crm override contoso -n crm --plan "), "{command}");
        call(&entrance, "anna", "override contoso --reason closed --yes")
            .await
            .ends(Exit::BadInput, &["--for or --until"]);
        call(&entrance, "anna", "override contoso --for 1h --yes").await.ends(Exit::BadInput, &["--reason"]);
        let said = "override contoso --for 1h --reason closed --yes";
        call(&entrance, "anna", said).await.ends(
            Exit::Good,
            &["begins outside the windows", "users are out for about", "Sat 2026-11-28 22:00", "created"],
        );
        call(&entrance, "anna", said).await.ends(Exit::Good, &["anna has said so before"]);
        assert_eq!(decisions(&entrance, "Override").len(), 1);
        entrance.until(|entrance| entrance.change()["status"]["phase"] == "Changing").await;
        assert!(entrance.change()["status"]["overriddenBy"].as_str().unwrap().contains("anna"));
        call(&entrance, "anna", said).await.ends(Exit::No, &["nothing waits for a window"]);
    });
    assert_eq!(outcome, Outcome::Reached);
}

#[test]
fn a_stop_names_the_sites_that_it_leaves_closed_and_ends_by_the_same_command() {
    let outcome = visited(&Options::default(), async |entrance: Entrance| {
        waits_for(&entrance, "Person").await;
        call(&entrance, "anna", "stop --off --yes").await.ends(Exit::Good, &["no stop stands in namespace crm"]);
        call(&entrance, "anna", "stop --yes").await.ends(Exit::BadInput, &["--reason"]);
        call(&entrance, "anna", "stop --reason fire --yes").await.ends(
            Exit::Good,
            &["every site of namespace crm", "closed crm/contoso: its users stay out", "crmdecision/stop created"],
        );
        call(&entrance, "bert", "stop --reason fire --yes").await.ends(Exit::Good, &["stopped already, by anna"]);
        call(&entrance, "bert", "stop --reason fire --yes -n crm-operator --dry-run=server")
            .await
            .ends(Exit::Good, &["1 site, the operator's own namespace: every site of the cluster"]);
        assert_eq!(decisions(&entrance, "Stop").len(), 1);
        waits_for(&entrance, "Stop").await;
        call(&entrance, "bert", "explain contoso")
            .await
            .ends(Exit::Good, &["stopped by anna: fire", "kubectl crm stop --off -n crm"]);
        answer(&entrance, "bert", "stop --off", Some("n\n"))
            .await
            .ends(Exit::No, &["by anna: fire", "nothing was ended"]);
        let looked = call(&entrance, "bert", "stop --off --dry-run=server -o json").await;
        let object: serde_json::Value = serde_json::from_str(&looked.out).unwrap();
        assert_eq!((&object["metadata"]["name"], &object["spec"]["word"]), (&"stop".into(), &"Stop".into()));
        call(&entrance, "bert", "stop --off --yes").await.ends(Exit::Good, &["crmdecision/stop deleted"]);
        assert_eq!(decisions(&entrance, "Stop").len(), 0);
    });
    assert_eq!(outcome, Outcome::Reached);
}

#[test]
fn a_restore_is_shown_with_what_comes_back_and_what_is_lost_before_it_is_said() {
    let outcome = visited(&with_fault("reboot-in-mid-step"), async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        call(&entrance, "rita", "restore contoso --reason lost --yes").await.ends(Exit::No, &["no restore is offered"]);
        entrance.until(|entrance| entrance.site()["status"]["restore"].is_object()).await;
        let explained = call(&entrance, "rita", "explain contoso").await;
        explained.ends(Exit::Good, &["kubectl crm retry contoso -n crm", "kubectl crm restore contoso -n crm --plan "]);
        call(&entrance, "rita", "restore contoso --yes").await.ends(Exit::BadInput, &["--reason"]);
        call(&entrance, "rita", "restore contoso --plan 0123456 --reason lost --yes")
            .await
            .ends(Exit::No, &["is not current"]);
        call(&entrance, "rita", "restore contoso --reason lost --dry-run=client").await.ends(
            Exit::Good,
            &[
                "back to 7.5 SR2",
                "comes back database CRM7, 23 GiB",
                "of contoso-cs: program files, configuration, registry and IIS",
                "no work of users is lost",
                "nothing was sent",
            ],
        );
        assert_eq!(decisions(&entrance, "Restore").len(), 0);
        call(&entrance, "rita", "restore contoso --reason lost --yes").await.ends(Exit::Good, &["created"]);
        assert_eq!(decisions(&entrance, "Restore").len(), 1);
        entrance.until(|entrance| entrance.site()["status"]["restore"].is_null()).await;
    });
    assert!(matches!(outcome, Outcome::BackedOut(_)), "{outcome:?}");
}

#[test]
fn what_people_were_told_stands_in_the_history_however_often_it_had_to_be_posted() {
    let file = crate::files::repository().join("examples/superoffice/notices.yaml");
    let outcome = played(&file, &Options::default(), async |entrance: Entrance| {
        waits_for(&entrance, "Window").await;
        let is_delivered = |entrance: &Entrance| entrance.change()["status"]["told"][0]["delivery"] == "Delivered";
        let is_refused = |entrance: &Entrance| {
            let site = entrance.site();
            let conditions = site["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().any(|one| one["type"] == "NoticesDelivered" && one["reason"] == "Retrying")
        };
        entrance.until(is_refused).await;
        call(&entrance, "anna", "history contoso").await.ends(Exit::Good, &["Notice", "not delivered yet, 1 tries"]);
        entrance.until(is_delivered).await;
        call(&entrance, "anna", "history contoso")
            .await
            .ends(Exit::Good, &["Planned: contoso: 7.5 SR2 will be upgraded", "(delivered at try 3)"]);
        let history = call(&entrance, "anna", "history contoso -o json").await;
        assert!(!history.out.contains("made-up-for-the-sandbox"), "no address stands in an object");
    });
    assert_eq!(outcome, Outcome::Reached);
}
