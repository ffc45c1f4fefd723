//! Every check passes, fails and cannot tell: one row each.

use crm_api::database::{DATABASE_BYTES, SQL_SERVER_VERSION, superoffice};
use crm_api::probe::{Answer, Probe, RunState, StartType};
use crm_api::site::{Finding, Severity};

use super::fixture::Site;
use crate::intent::Standing;

fn findings(change: &dyn Fn(&mut Site)) -> Vec<Finding> {
    let mut site = Site::at_rest();
    site.declare("8.0 SR6");
    change(&mut site);
    match site.plan().standing {
        Standing::Refused { findings } | Standing::Proposed { findings, .. } => findings,
        other => unreachable!("{other:?}"),
    }
}

/// The check finds nothing at rest, something when it fails, and something when it cannot tell.
fn check(name: &str, fails: &dyn Fn(&mut Site), unknown: &dyn Fn(&mut Site)) {
    assert!(!findings(&|_| {}).iter().any(|finding| finding.check == name), "{name} finds something at rest");
    for (case, change) in [("failing", fails), ("unknown", unknown)] {
        let found: Vec<Finding> = findings(change).into_iter().filter(|finding| finding.check == name).collect();
        assert!(!found.is_empty(), "{name}: {case} was not found");
        assert!(found.iter().all(|finding| !finding.remedy.is_empty()), "{name}: {case} has no remedy");
    }
}

fn unreadable() -> Answer {
    Answer::Unreadable { reason: "access denied".to_owned() }
}

fn blind(site: &mut Site) {
    site.answer("contoso-cs", &Probe::Machine {}, unreadable());
}

#[test]
fn machine_checks() {
    check("Elevated", &|site| site.machine("contoso-cs", |machine| machine.elevated = false), &blind);
    check("RebootPending", &|site| site.machine("contoso-cs", |machine| machine.reboot_pending = true), &blind);
    check("DotNet", &|site| site.machine("contoso-cs", |machine| machine.dot_net = Some("4.5".to_owned())), &blind);
    check("IisFeatures", &|site| site.machine("contoso-cs", |machine| machine.features.clear()), &blind);
    let old =
        |site: &mut Site| site.machine("contoso-cs", |machine| machine.windows = "Windows Server 2003".to_owned());
    check("WindowsVersion", &old, &blind);
    check("FastCgiSupport", &|site| site.machine("contoso-cs", |machine| machine.iis = Some("7.0".to_owned())), &blind);
}

#[test]
fn iis_7_0_with_the_hotfix_and_fast_cgi_declared_disabled_are_ways_out() {
    let old_iis = |site: &mut Site, patched: bool| {
        site.machine("contoso-cs", |machine| {
            machine.iis = Some("7.0".to_owned());
            if patched {
                machine.hotfixes = vec!["KB980363".to_owned()];
            }
        });
    };
    assert!(!findings(&|site| old_iis(site, true)).iter().any(|finding| finding.check == "FastCgiSupport"));
    let disabled = |site: &mut Site| {
        old_iis(site, false);
        site.spec().fast_cgi = Some(crm_api::site::FastCgi::Disabled);
    };
    assert!(!findings(&disabled).iter().any(|finding| finding.check == "FastCgiSupport"));
}

#[test]
fn database_checks() {
    let set = |name: &'static str, value: Option<&'static str>| move |site: &mut Site| site.fact(name, value);
    check("Licence", &set(superoffice::MAINTENANCE_TO, Some("2026-11-27")), &set(superoffice::MAINTENANCE_TO, None));
    check("TravellersHome", &set(superoffice::TRAVELLERS_OUT, Some("2")), &set(superoffice::TRAVELLERS_OUT, None));
    check("Satellites", &set(superoffice::SATELLITES, Some("1")), &set(superoffice::SATELLITES, None));
    check("SqlServerVersion", &set(SQL_SERVER_VERSION, Some("9.0.1399")), &set(SQL_SERVER_VERSION, None));
    check("BackupRoom", &set(DATABASE_BYTES, Some("9000000000000")), &set(DATABASE_BYTES, None));
}

#[test]
fn satellites_warn_and_do_not_block() {
    let found = findings(&|site| site.fact(superoffice::SATELLITES, Some("1")));
    assert!(found.iter().all(|finding| finding.severity == Severity::Warn), "{found:?}");
}

#[test]
fn service_checks() {
    let answer =
        |probe: Probe, answer: Answer| move |site: &mut Site| site.answer("contoso-cs", &probe, answer.clone());
    let sites = Probe::SitesServing { folder: r"C:\SuperOffice\Customer Service\www\scripts".to_owned() };
    let two = Answer::Names { names: vec!["A".to_owned(), "B".to_owned()] };
    check("SiteName", &answer(sites.clone(), two), &answer(sites, unreadable()));
    let key = r"HKLM\SOFTWARE\Wow6432Node\SuperOffice Customer Service".to_owned();
    let instances = Probe::RegistrySubkeys { key };
    let none = Answer::Subkeys { subkeys: std::collections::BTreeMap::new() };
    check("Instance", &answer(instances.clone(), none), &answer(instances, unreadable()));
    let frozen =
        Probe::FlagLine { path: r"C:\SuperOffice\Customer Service\config".to_owned(), line: "frozen".to_owned() };
    let somebody = |site: &mut Site| {
        let bin = Probe::Processes { folder: r"C:\SuperOffice\Customer Service\bin".to_owned() };
        site.answer("contoso-cs", &bin, Answer::Processes { running: vec!["upgrade.exe".to_owned()] });
    };
    // With nobody at work it is no refusal but a site that was left half done.
    let set = |site: &mut Site| {
        somebody(site);
        site.answer("contoso-cs", &frozen, Answer::Flag { set: true });
    };
    check("NotFrozen", &set, &answer(frozen.clone(), unreadable()));
    let bin = Probe::Processes { folder: r"C:\SuperOffice\Customer Service\bin".to_owned() };
    check("NobodyAtWork", &somebody, &answer(bin, unreadable()));
    let scheduler = Probe::Service { name: "ejSchedule crm.contoso.example".to_owned() };
    let stopped = Answer::Service { state: RunState::Stopped, start: StartType::Automatic };
    check("SchedulerRunning", &answer(scheduler.clone(), stopped), &answer(scheduler, unreadable()));
    let disk = Probe::DiskFree { path: r"C:\".to_owned() };
    check("DiskRoom", &answer(disk.clone(), Answer::DiskFree { free_bytes: 1 }), &answer(disk, unreadable()));
}

#[test]
fn a_declared_iis_site_must_be_the_one_that_serves_the_instance() {
    let found = findings(&|site| {
        let block = site.spec().super_office.as_mut().unwrap();
        block.service.iis_site = Some("crm.contoso.example".to_owned());
        site.turn();
    });
    assert!(found.iter().any(|finding| finding.check == "SiteName"), "the host name is not the name in IIS manager");
}

#[test]
fn configuration_file_checks() {
    let table = Probe::Word {
        path: r"C:\SuperOffice\Customer Service\ejCrontab.txt".to_owned(),
        word: "crm.contoso.example".to_owned(),
    };
    let answer = |node: &'static str, probe: &Probe, answer: Answer| {
        let probe = probe.clone();
        move |site: &mut Site| site.answer(node, &probe, answer.clone())
    };
    check(
        "SchedulerTable",
        &answer("contoso-cs", &table, Answer::Flag { set: false }),
        &answer("contoso-cs", &table, unreadable()),
    );
    check(
        "SchedulerTable",
        &answer("contoso-cs", &table, Answer::Absent {}),
        &answer("contoso-cs", &table, unreadable()),
    );
    let prefix = Probe::XmlValue {
        path: r"C:\SuperOffice\SuperOffice Web\web.config".to_owned(),
        section: "SuperOffice/Data/Database".to_owned(),
        key: "TablePrefix".to_owned(),
    };
    let other = answer("contoso-app", &prefix, Answer::Value { value: "CRM8".to_owned() });
    let found = findings(&other);
    let web_config = found.iter().find(|finding| finding.check == "WebConfig").unwrap();
    assert_eq!((web_config.severity, web_config.node.as_deref()), (Severity::Block, Some("contoso-app")));
    assert_eq!(web_config.message, r#"web.config of Web names table prefix "CRM8", superOffice.tablePrefix is "CRM7""#);
    let spelt = answer("contoso-app", &prefix, Answer::Value { value: "crm7".to_owned() });
    assert!(findings(&spelt).iter().all(|finding| !finding.check.starts_with("WebConfig")), "names have no case");
    let encrypted = Answer::Unreadable { reason: "web.config: line 12: section Database is encrypted".to_owned() };
    for cannot_tell in [encrypted, Answer::Absent {}] {
        let found = findings(&answer("contoso-app", &prefix, cannot_tell.clone()));
        let web_config = found.iter().find(|finding| finding.check == "WebConfigRead").unwrap();
        assert_eq!(web_config.severity, Severity::Warn, "it is no reason to stop");
        assert!(!found.iter().any(|finding| finding.check == "WebConfig"), "nothing is concluded");
        if let Answer::Unreadable { reason } = cannot_tell {
            assert!(web_config.message.contains(&reason), "{}", web_config.message);
            assert!(web_config.remedy.contains("CRM7"), "{}", web_config.remedy);
        }
    }
}

#[test]
fn satellites_are_generated_anew_from_a_site_that_is_proven() {
    let last = |satellites: &str| {
        let mut site = Site::at_rest();
        site.fact(superoffice::SATELLITES, Some(satellites));
        site.declare("8.0 SR6");
        let Standing::Proposed { change, .. } = site.plan().standing else { unreachable!("a plan") };
        change.steps.last().unwrap().id.clone()
    };
    assert_eq!(last("2"), "generate-satellites@contoso-app");
    assert_eq!(last("0"), "verify-site");
}
