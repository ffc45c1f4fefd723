//! Components and nodes that are taken out of the declaration: named, looked at, never uninstalled.

use crm_api::change::ChangePhase;
use crm_api::probe::{Answer, Probe, RunState, StartType};
use crm_api::site::{Component, Finding, Orphan, Severity};

use super::fixture::Site;
use crate::intent::{Intent, Standing};

const CS2: &str = "contoso-cs2";
const WEB2: &str = "contoso-web2";

/// Two Web and two Service nodes, adopted.
fn two_of_each() -> Site {
    Site::with_placement(&[
        (Component::CrmServer, &["contoso-app"]),
        (Component::Web, &["contoso-app", WEB2]),
        (Component::Service, &["contoso-cs", CS2]),
    ])
}

fn take_out(site: &mut Site, name: Component, node: &str) {
    let placed = site.spec().components.iter_mut().find(|placed| placed.name == name).unwrap();
    placed.nodes.retain(|other| other != node);
    site.spec().components.retain(|placed| !placed.nodes.is_empty());
    let version = site.spec().version.clone();
    site.declare(&version);
}

fn orphaned(site: &Site) -> Vec<Orphan> {
    site.snapshot.site.status.clone().unwrap().orphaned
}

fn blocking(site: &Site) -> Vec<Finding> {
    let Standing::Refused { findings } = site.plan().standing else { return Vec::new() };
    findings.into_iter().filter(|finding| finding.severity == Severity::Block).collect()
}

fn asked(site: &mut Site, node: &str) -> usize {
    site.node(node).node.spec.asked_by("contoso").map_or(0, |asked| asked.probes.len())
}

#[test]
fn what_is_taken_out_is_named_with_what_it_leaves_and_nothing_is_done_to_it() {
    let mut site = two_of_each();
    take_out(&mut site, Component::Web, WEB2);
    let plan = site.turn();
    assert_eq!(plan.standing, Standing::Settled, "no change, and so no step");
    let told: Vec<&str> = plan
        .intents
        .iter()
        .filter_map(|intent| match intent {
            Intent::Announce(told) if told.reason == "Orphaned" => Some(told.message.as_str()),
            _ => None,
        })
        .collect();
    assert!(told.len() == 1 && told[0].contains("nothing was uninstalled"), "{told:?}");
    site.turn();
    let left = orphaned(&site);
    assert_eq!((left[0].component, left[0].node.as_str()), (Component::Web, WEB2));
    for name in
        [r"C:\SuperOffice\SuperOffice Web", "application pool SuperOffice Web, running", "SuperOfficeSoBatchServer"]
    {
        assert!(left[0].left.iter().any(|text| text.contains(name)), "{name}: {left:?}");
    }
    let status = site.snapshot.site.status.clone().unwrap();
    assert!(crm_api::condition::is_true(&status.conditions, crm_api::condition::Kind::Orphaned));
    assert!(status.findings.iter().any(|finding| finding.check == "Orphaned" && !finding.remedy.is_empty()));
    assert_eq!(status.drift, "none", "the site is as it is declared");
    let since = left[0].since.clone();
    site.wait(60);
    site.turn();
    assert_eq!(orphaned(&site)[0].since, since);
}

#[test]
fn an_orphan_that_is_declared_again_or_uninstalled_is_none_any_more() {
    let mut site = two_of_each();
    take_out(&mut site, Component::Web, WEB2);
    site.turn();
    site.turn();
    assert!(asked(&mut site, WEB2) > 0, "it is looked at");
    let web = site.spec().components.iter_mut().find(|placed| placed.name == Component::Web).unwrap();
    web.nodes.push(WEB2.to_owned());
    site.turn();
    assert_eq!(orphaned(&site), []);
    assert_eq!(site.plan().standing, Standing::Settled, "it was there all the time");
    take_out(&mut site, Component::Web, WEB2);
    site.turn();
    site.answer(WEB2, &Probe::Program { name: "SuperOffice Web".to_owned() }, Answer::Absent {});
    let library = r"C:\SuperOffice\SuperOffice Web\bin\SoCore.dll".to_owned();
    site.answer(WEB2, &Probe::FileVersion { path: library }, Answer::Absent {});
    site.turn();
    site.turn();
    assert_eq!(orphaned(&site), []);
    assert_eq!(asked(&mut site, WEB2), 0, "a server that carries nothing of the site is asked nothing");
}

#[test]
fn an_orphan_is_stopped_by_a_person_before_the_next_version() {
    let mut site = two_of_each();
    take_out(&mut site, Component::Service, CS2);
    site.turn();
    site.declare("8.0 SR6");
    site.turn();
    let found = blocking(&site);
    let orphan = found.iter().find(|finding| finding.check == "OrphansStopped").unwrap();
    assert_eq!(orphan.node.as_deref(), Some(CS2));
    assert!(orphan.message.contains("ejSchedule crm.contoso.example"), "{}", orphan.message);
    let pool = Probe::Pool { name: "SuperOffice Service".to_owned() };
    let scheduler = Probe::Service { name: "ejSchedule crm.contoso.example".to_owned() };
    site.answer(CS2, &scheduler, Answer::Service { state: RunState::Stopped, start: StartType::Disabled });
    site.answer(CS2, &pool, Answer::Unreadable { reason: "access denied".to_owned() });
    assert!(blocking(&site).iter().any(|finding| finding.check == "OrphansStopped"), "it cannot be told");
    site.answer(CS2, &pool, Answer::Pool { state: RunState::Stopped });
    let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("{:?}", site.plan().standing) };
    assert!(change.steps.iter().all(|step| step.node.as_deref() != Some(CS2)), "nothing is done to it");
}

#[test]
fn a_node_taken_out_while_it_is_frozen_is_opened_before_it_is_left() {
    let mut site = two_of_each();
    site.declare("8.0 SR6");
    site.run_to("stop-writers@contoso-cs");
    take_out(&mut site, Component::Service, CS2);
    site.run_to("never");
    assert_eq!(site.status().phase, ChangePhase::Superseded, "{:?}", site.status().backing_out);
    let frozen =
        Probe::FlagLine { path: r"C:\SuperOffice\Customer Service\config".to_owned(), line: "frozen".to_owned() };
    let status = site.node(CS2).node.status.clone().unwrap();
    assert_eq!(status.answer(&frozen), Some(&Answer::Flag { set: false }), "it was opened again");
    site.turn();
    assert_eq!(orphaned(&site)[0].node, CS2);
}

#[test]
fn a_changed_host_name_is_refused_with_the_reason_and_the_old_host_goes_on() {
    let mut site = Site::at_rest();
    site.spec().super_office.as_mut().unwrap().host_name = "service.contoso.example".to_owned();
    site.declare("7.5 SR2");
    site.turn();
    site.turn();
    let found = blocking(&site);
    assert_eq!(found[0].check, "HostName");
    assert!(found[0].message.contains("set up for crm.contoso.example"), "{}", found[0].message);
    assert!(found[0].remedy.contains("declare crm.contoso.example again"), "{}", found[0].remedy);
    let status = site.snapshot.site.status.clone().unwrap();
    assert_eq!(status.drift, "none", "the scheduler of the old host is the right one: {:?}", status.findings);
}

#[test]
fn behind_a_proxy_either_registered_host_may_be_declared() {
    let mut site = Site::at_rest();
    let key = r"HKLM\SOFTWARE\Wow6432Node\SuperOffice Customer Service".to_owned();
    let instance = |path: &str| std::collections::BTreeMap::from([("basePath".to_owned(), path.to_owned())]);
    let subkeys = [
        ("crm.contoso.example", instance(r"C:\SuperOffice\Customer Service")),
        ("support.contoso.example", instance(r"c:\superoffice\customer service\")),
        ("other.contoso.example", instance(r"D:\Other")),
    ];
    let subkeys = subkeys.map(|(name, values)| (name.to_owned(), values)).into();
    site.answer("contoso-cs", &Probe::RegistrySubkeys { key }, Answer::Subkeys { subkeys });
    for (host, is_fine) in [("support.contoso.example", true), ("other.contoso.example", false)] {
        site.spec().super_office.as_mut().unwrap().host_name = host.to_owned();
        site.turn();
        assert_eq!(blocking(&site).is_empty(), is_fine, "{host}");
    }
}
