//! What a person at a command line does about a site that other hands left half done.

use crm_sandbox::report::Outcome;
use crm_sandbox::run::{Entrance, Options};
use kubectl_crm::Exit;

use crate::cluster_commands::{call, played, visited};
use crate::files::repository;

#[test]
fn what_is_half_done_is_explained_and_finished_on_one_word_about_one_plan() {
    let file = repository().join("examples/superoffice/half-upgraded-nobody-chooses.yaml");
    let outcome = played(&file, &Options::default(), async |entrance: Entrance| {
        let is_declared = |entrance: &Entrance| entrance.site()["spec"]["version"] == "8.0 SR6";
        let is_found = |entrance: &Entrance| {
            let site = entrance.site();
            let generation = &site["metadata"]["generation"];
            site["status"]["halfDone"].is_object() && site["status"]["observedGeneration"] == *generation
        };
        // What was edited makes another plan of it: a word about the former one would say nothing.
        entrance.until(|entrance| is_declared(entrance) && is_found(entrance)).await;
        call(&entrance, "frida", "explain contoso").await.ends(
            Exit::Good,
            &["HalfDone", "nothing is touched before a person chooses", "kubectl crm forward contoso -n crm --plan "],
        );
        call(&entrance, "frida", "forward contoso --yes").await.ends(Exit::BadInput, &["--reason"]);
        call(&entrance, "frida", "forward contoso --plan 0123456 --reason gone --yes")
            .await
            .ends(Exit::No, &["is not current"]);
        call(&entrance, "frida", "forward contoso --reason gone --dry-run=client").await.ends(
            Exit::Good,
            &["forward to 8.0 SR6", "ComponentsBehind: Web@contoso-web2 is at 7.5 SR2", "no verified backup set"],
        );
        assert!(entrance.cluster().list("CrmDecision").is_empty());
        call(&entrance, "frida", "forward contoso --reason gone --yes").await.ends(Exit::Good, &["created"]);
        entrance.until(|entrance| entrance.site()["status"]["halfDone"].is_null()).await;
    });
    assert_eq!(outcome, Outcome::Reached);
}

#[test]
fn where_nothing_is_half_done_there_is_nothing_to_finish() {
    let _ = visited(&Options::default(), async |entrance: Entrance| {
        entrance.until(|entrance| entrance.site()["status"]["verified"].is_object()).await;
        call(&entrance, "frida", "forward contoso --reason gone --yes")
            .await
            .ends(Exit::No, &["nothing was found half done"]);
    });
}
