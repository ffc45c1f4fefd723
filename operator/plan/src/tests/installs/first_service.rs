//! What the first Service of a site needs of its server.

use super::*;

/// Gives the site's own release the packages of 8.0 SR6.
/// Each passes, fails and cannot tell.
#[test]
fn what_a_first_service_needs_is_asked_on_its_own_node_and_blocks() {
    let relay = Probe::MailRelay {
        host: "mail.contoso.example".to_owned(),
        port: 25,
        from: "support@contoso.example".to_owned(),
        to: "nobody@example.com".to_owned(),
    };
    let host = Probe::HostAddresses { name: "crm.contoso.example".to_owned() };
    let source = Probe::DataSource { name: "CRM7".to_owned() };
    let elsewhere = Answer::DataSource { server: "sql2".to_owned(), database: "CRM7".to_owned() };
    let refused = Answer::Relay { accepted: false, reply: "550 relaying denied".to_owned() };
    let other = Answer::Names { names: vec!["192.0.2.99".to_owned()] };
    let unknown = || Answer::Unreadable { reason: "no answer within 60 s".to_owned() };
    for (check, probe, wrong, says) in [
        ("MailRelay", &relay, vec![refused, unknown()], ["550 relaying denied", "was not asked"]),
        ("HostAddress", &host, vec![other, unknown()], ["resolves to 192.0.2.99", "was not asked"]),
        ("HostAddress", &host, vec![Answer::Absent {}], ["does not resolve", ""]),
        ("DataSource", &source, vec![elsewhere, unknown()], ["names CRM7 on sql2", "was not asked"]),
        ("DataSource", &source, vec![Answer::Absent {}], ["no 32-bit system DSN", ""]),
    ] {
        let mut site = with_new_service();
        site.snapshot.changes.clear();
        assert!(findings(&site).is_empty(), "{check} passes");
        for (answer, words) in wrong.into_iter().zip(says) {
            site.answer(CS, probe, answer);
            let finding = found(&site, check);
            assert_eq!(finding.node.as_deref(), Some(CS));
            assert!(finding.message.contains(words), "{}", finding.message);
        }
    }
}

#[test]
fn nothing_of_a_first_service_is_asked_where_there_is_one() {
    let mut site = Site::at_rest();
    site.spec().super_office.as_mut().unwrap().service.setup = Some(setup());
    site.turn();
    let asked = site.node(CS).node.spec.asked_by("contoso").unwrap().probes.clone();
    assert!(!asked.iter().any(|probe| matches!(probe, Probe::MailRelay { .. } | Probe::HostAddresses { .. })));
}
