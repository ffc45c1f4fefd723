//! `kubectl crm approve` where one word covers a path, two people are needed, or a word ends by itself.

use crm_sandbox::report::Outcome;
use crm_sandbox::run::Entrance;
use kubectl_crm::Exit;

use crate::cluster_commands::{call, decisions, visited_with, waits_for};

#[test]
fn two_people_approve_and_one_of_them_twice_is_one() {
    let outcome = visited_with("{scope: Hop, fourEyes: true}", async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        call(&entrance, "anna", "approve contoso --yes")
            .await
            .ends(Exit::Good, &["another person has to approve as well", "created"]);
        call(&entrance, "anna", "approve contoso --yes").await.ends(Exit::Good, &["anna has said so before"]);
        let asks = |entrance: &Entrance| {
            let site = entrance.site();
            site["status"]["waiting"]["endedBy"].as_str().is_some_and(|text| text.contains("(anna has approved)"))
        };
        entrance.until(asks).await;
        call(&entrance, "bert", "approve contoso --yes").await.ends(Exit::Good, &["it begins", "created"]);
        assert_eq!(decisions(&entrance, "Approve").len(), 2);
        entrance.until(|entrance| entrance.change()["status"]["approvedBy"].is_string()).await;
        let by = entrance.change()["status"]["approvedBy"].as_str().unwrap().to_owned();
        assert!(by.contains("anna") && by.contains("bert"), "{by}");
    });
    assert_eq!(outcome, Outcome::Reached);
}

#[test]
fn one_word_covers_a_path_only_where_the_site_declares_it() {
    let outcome = visited_with("{scope: Path, expiresAfterHours: 8}", async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        call(&entrance, "anna", "explain contoso")
            .await
            .ends(Exit::Good, &["kubectl crm approve contoso -n crm --path", "ends about Sat 2026-11-28 23:"]);
        call(&entrance, "anna", "approve contoso --path --yes")
            .await
            .ends(Exit::Good, &["7.5 SR2 -> 8.0 SR6: this word covers every hop", "not begun within 8 h", "created"]);
        let said = decisions(&entrance, "Approve");
        assert_eq!(said[0]["spec"]["planHash"], entrance.change()["spec"]["pathHash"]);
        waits_for(&entrance, "Window").await;
    });
    assert_eq!(outcome, Outcome::Reached);
    visited_with("{scope: Hop, expiresAfterHours: 8}", async |entrance: Entrance| {
        waits_for(&entrance, "Approval").await;
        call(&entrance, "anna", "approve contoso --path --yes").await.ends(Exit::No, &["spec.approval.scope is Hop"]);
    });
}
