//! Rows of checks that a later release, or attachments that are still to be moved, bring: passing, failing, unknown.

use crm_api::database::superoffice;
use crm_api::probe::{Answer, Probe};
use crm_api::site::{Attachments, Finding};

use super::fixture::Site;
use super::paths::{ask, at, blocking};

fn found(site: &Site, check: &str) -> Option<Finding> {
    blocking(site).into_iter().find(|finding| finding.check == check)
}

/// A site at 8.0 SR6 that is to go to a release whose `upgrade.exe` asks for keys.
fn before_keys() -> Site {
    let mut site = at("8.0.6465");
    for node in ["contoso-app", "contoso-cs"] {
        site.machine(node, |machine| machine.dot_net = Some("4.8".to_owned()));
    }
    ask(&mut site, "8.5 R17");
    site
}

#[test]
fn whether_there_is_a_symmetric_key_is_read_before_anybody_is_asked_for_it() {
    let key =
        Probe::Word { path: r"C:\SuperOffice\Customer Service\config".to_owned(), word: "SymmetricKey".to_owned() };
    let mut site = before_keys();
    for there in [Answer::Flag { set: true }, Answer::Flag { set: false }] {
        site.answer("contoso-cs", &key, there);
        assert_eq!(
            found(&site, "SymmetricKeys"),
            None,
            "with a key upgrade.exe runs alone, without one a person does it"
        );
    }
    // No file to look into, and one that nobody may read.
    for not_told in [Answer::Absent {}, Answer::Unreadable { reason: "access denied".to_owned() }] {
        site.answer("contoso-cs", &key, not_told);
        let finding = found(&site, "SymmetricKeys").unwrap();
        assert_eq!(finding.node.as_deref(), Some("contoso-cs"));
        assert!(finding.message.contains("was not read") && !finding.remedy.is_empty(), "{finding:?}");
    }
    site.declare("8.0 SR6");
    assert_eq!(found(&site, "SymmetricKeys"), None, "8.0 asks for no key");
}

/// Its answers are data of the release: they are there or they are not, and nothing has to be read.
#[test]
fn a_release_without_answers_to_upgrade_exe_is_refused_with_the_field_to_fill() {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    assert_eq!(found(&site, "UpgradeAnswers"), None);
    for release in site.snapshot.releases.iter_mut().filter(|release| release.spec.is_called("8.0 SR6")) {
        release.spec.super_office.as_mut().unwrap().upgrade_questions.clear();
    }
    let finding = found(&site, "UpgradeAnswers").unwrap();
    assert!(finding.message.contains("8.0 SR6") && finding.remedy.contains("upgradeQuestions"), "{finding:?}");
    site.spec().components.retain(|placed| placed.name != crm_api::site::Component::Service);
    site.turn();
    assert_eq!(found(&site, "UpgradeAnswers"), None, "where no upgrade.exe runs, nobody is asked");
}

#[test]
fn attachments_are_counted_before_they_are_moved() {
    let moving = |known: Option<&str>| {
        let mut site = Site::at_rest();
        site.spec().super_office.as_mut().unwrap().attachments = Some(Attachments::WhileOpen);
        site.fact(superoffice::ATTACHMENTS, known);
        found(&site, "AttachmentsCounted")
    };
    assert_eq!(moving(Some("41250")), None);
    // Not read, and no number.
    for not_told in [None, Some("many")] {
        let finding = moving(not_told).unwrap();
        assert!(finding.message.contains("was not read from the database"), "{finding:?}");
        assert!(!finding.remedy.is_empty());
    }
}
