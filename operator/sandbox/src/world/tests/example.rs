//! The example that ships with the project: its catalogue must fit this world.

use crm_api::release::Method;
use crm_api::{CrmRelease, CrmSite};

use super::credentials;
use crate::world::assumptions::Assumptions;
use crate::world::{Scenario, World};

const CATALOGUE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/superoffice/catalogue.yaml"));
const STORY: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/superoffice/server-web-service-7.5-to-8.0.yaml"));

fn documents<'text>(text: &'text str, kind: &str) -> Vec<&'text str> {
    let kind = format!("\nkind: {kind}\n");
    text.split("\n---\n").filter(|document| document.contains(&kind)).collect()
}

fn releases() -> Vec<CrmRelease> {
    documents(CATALOGUE, "CrmRelease").iter().map(|text| serde_saphyr::from_str(text).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn it_makes_a_world_at_one_release() {
    let site: CrmSite = serde_saphyr::from_str(documents(STORY, "CrmSite")[0]).unwrap();
    let scenario: Scenario = serde_saphyr::from_str(documents(STORY, "Scenario")[0]).unwrap();
    let world = World::new(&scenario, &site, &releases(), credentials(), 1).unwrap();
    assert!(world.versions().iter().all(|row| row.version.as_deref() == Some("7.5.5885")));
}

#[test]
fn its_command_lines_are_silent_and_its_answers_meet_every_question() {
    let assumptions = Assumptions::default();
    for release in releases().iter().filter(|release| !release.spec.packages.is_empty()) {
        for package in &release.spec.packages {
            if let Method::CommandLine { arguments, .. } = &package.method {
                assert!(arguments.iter().any(|argument| assumptions.silent_switches.contains(argument)), "{package:?}");
            }
        }
        let answers = &release.spec.super_office.as_ref().unwrap().upgrade_questions;
        for question in [
            &assumptions.question_confirm,
            &assumptions.question_site,
            &assumptions.question_fast_cgi,
            &assumptions.question_attachments,
            &assumptions.question_abort,
        ] {
            let meets = |words: &str| question.to_lowercase().contains(&words.to_lowercase());
            assert!(answers.iter().any(|answer| meets(&answer.question)), "{question}");
        }
    }
}
