//! Pocket Server 7: phones are redirected once the site is open, and it stands until somebody has uninstalled it.

use crm_api::change::{ChangePhase, CrmChangeSpec, Executor};
use crm_api::condition::find;
use crm_api::order::Action;
use crm_api::probe::{Answer, Probe, RunState, StartType};
use crm_api::site::{Finding, PocketServerSpec, PocketServerThen, Severity};

use super::fixture::{Site, whole_catalogue};
use crate::intent::Standing;

const NODE: &str = "contoso-app";

fn service() -> Probe {
    Probe::Service { name: "PocketCRM".to_owned() }
}

/// A site with Pocket Server on a node, which is to go to 8.0 SR6.
fn site(declared: Option<PocketServerSpec>) -> Site {
    let mut site = Site::at_rest();
    site.spec().super_office.as_mut().unwrap().pocket_server = declared;
    site.answer(NODE, &service(), Answer::Service { state: RunState::Running, start: StartType::Automatic });
    site.turn();
    site.declare("8.0 SR6");
    site
}

fn to(net_server: Option<&str>, then: PocketServerThen) -> Option<PocketServerSpec> {
    let net_server = net_server.map(str::to_owned);
    Some(PocketServerSpec { then, net_server, ..PocketServerSpec::default() })
}

const ADDRESS: Option<&str> = Some("https://crm.contoso.example/netserver/");

fn change(site: &Site) -> CrmChangeSpec {
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("{:?}", site.plan().standing) };
    *change
}

fn blocking(site: &Site) -> Vec<Finding> {
    let Standing::Refused { findings } = site.plan().standing else { return Vec::new() };
    findings.into_iter().filter(|found| found.check == "PocketServer" && found.severity == Severity::Block).collect()
}

#[test]
fn phones_are_sent_to_the_new_net_server_once_the_site_is_proven() {
    let change = change(&site(to(ADDRESS, PocketServerThen::RedirectThenRemove)));
    let last = change.steps.last().unwrap();
    assert_eq!(last.id, "redirect-phones@contoso-app");
    assert!(last.rules.iter().any(|rule| rule.contains("rule 24")), "{:?}", last.rules);
    let Executor::Agent { actions } = &last.executor else { unreachable!("the agent does it") };
    let [Action::StopService { .. }, set, Action::StartService { .. }] = &actions[..] else {
        unreachable!("{actions:?}")
    };
    let Action::SetConfigValue { path, key, value } = set else { unreachable!("{actions:?}") };
    assert!(path.ends_with("server.properties"));
    assert_eq!(key, "CLIENT_CONFIGURE");
    assert_eq!(value, "soprotocol://?netserverUrl=https://crm.contoso.example/netserver/services82");
    assert!(change.notices.iter().any(|notice| notice.contains("sent to NetServer")), "{:?}", change.notices);
}

#[test]
fn without_an_address_or_an_answer_it_is_refused_before_anything_is_touched() {
    let found = blocking(&site(None));
    assert!(found[0].remedy.contains("superOffice.pocketServer.netServer"), "{found:?}");
    let mut unread = site(to(ADDRESS, PocketServerThen::RedirectThenRemove));
    unread.answer("contoso-cs", &service(), Answer::Unreadable { reason: "access denied".to_owned() });
    assert!(blocking(&unread)[0].message.contains("not read"));
}

#[test]
fn a_pocket_server_that_is_kept_stays_as_it_is_and_blocks_only_where_no_phone_gets_in() {
    let mut kept = site(to(None, PocketServerThen::Keep));
    let plan = change(&kept);
    assert!(!plan.steps.iter().any(|step| step.id.starts_with("redirect-phones")));
    assert!(plan.notices.iter().any(|notice| notice.contains("stays, as declared")), "{:?}", plan.notices);
    kept.snapshot.releases = whole_catalogue();
    kept.declare("10.5.4");
    kept.turn();
    let found = blocking(&kept);
    assert!(found[0].message.contains("Pocket Server 7 is kept there"), "{found:?}");
    assert!(found[0].message.starts_with("a later hop"), "the first hop is refused already: {}", found[0].message);
}

#[test]
fn it_is_a_debt_until_its_service_is_gone() {
    let mut site = site(to(ADDRESS, PocketServerThen::RedirectThenRemove));
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Succeeded);
    site.turn();
    site.turn();
    let debt = |site: &Site| {
        let conditions = site.snapshot.site.status.clone().unwrap().conditions;
        find(&conditions, crate::products::superoffice::pocket::REMOVED)
            .filter(|found| found.status == "False")
            .cloned()
    };
    let found = debt(&site).unwrap();
    assert_eq!(found.reason, "Redirected");
    let expected =
        "on contoso-app, whose phones are sent to https://crm.contoso.example/netserver/services82 since Sat";
    assert!(found.message.contains(expected), "{}", found.message);
    site.answer(NODE, &service(), Answer::Absent {});
    site.turn();
    assert_eq!(debt(&site), None, "nothing had to be reported");
}
