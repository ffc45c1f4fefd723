//! Questions about what a new component will need: a mail server, a name, a data source.

use crm_api::probe::{Answer, Probe};

use super::world::World;
use crate::observe::ask;

fn relay(from: &str) -> Probe {
    let (host, to) = ("mail.contoso.example".to_owned(), "nobody@example.com".to_owned());
    Probe::MailRelay { host, port: 25, from: from.to_owned(), to }
}

#[tokio::test]
async fn a_mail_server_relays_or_says_why_not() {
    let world = World::new(|_| {});
    let accepted = Answer::Relay { accepted: true, reply: "250 ok".to_owned() };
    assert_eq!(ask(&*world, &relay("support@contoso.example")).await, accepted);
    let world = World::new(|inner| inner.refuse = Some("550 relaying denied"));
    let refused = Answer::Relay { accepted: false, reply: "550 relaying denied".to_owned() };
    assert_eq!(ask(&*world, &relay("support@contoso.example")).await, refused);
    let Answer::Relay { accepted, .. } = ask(&*world, &relay("a@b>\r\nDATA")).await else { panic!("a relay") };
    assert!(!accepted, "what is no address is never said to a server");
}

#[tokio::test]
async fn a_name_has_its_addresses_in_order() {
    let answer = ask(&*World::new(|_| {}), &Probe::HostAddresses { name: "crm.contoso.example".to_owned() }).await;
    assert_eq!(answer, Answer::Names { names: vec!["192.0.2.20".to_owned(), "192.0.2.3".to_owned()] });
}

#[tokio::test]
async fn of_a_data_source_only_server_and_database_are_told() {
    let world = World::new(|inner| {
        let key = r"HKLM\SOFTWARE\Wow6432Node\ODBC\ODBC.INI\Accounts".to_owned();
        inner.registry.insert(key, "SERVER=sql1\nDatabase=Accounts\nLastUser=sa\nPWD=secret".to_owned());
    });
    let ask_for = |name: &str| Probe::DataSource { name: name.to_owned() };
    let answer = Answer::DataSource { server: "sql1".to_owned(), database: "Accounts".to_owned() };
    assert_eq!(ask(&*world, &ask_for("accounts")).await, answer);
    assert_eq!(ask(&*world, &ask_for("other")).await, Answer::Absent {});
}
