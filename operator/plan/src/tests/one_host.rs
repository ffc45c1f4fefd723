//! Web and Service go to one host with the hop to 8.1 or later: three ways, told by what is seen today.

mod instances;
mod net_servers;
mod proxy;

use std::collections::BTreeMap;

use crm_api::change::{ChangePhase, CrmChangeSpec, Executor, Step, Task};
use crm_api::database::superoffice;
use crm_api::evidence::{Expected, Source};
use crm_api::order::Action;
use crm_api::probe::{Answer, Probe};
use crm_api::site::{Component, Finding, ReverseProxy, Severity, SuperOfficeSpec};

use super::fixture::{Site, whole_catalogue};
use crate::intent::Standing;

const NODE: &str = "contoso-app";
const NEW_FOLDER: &str = r"C:\SuperOffice\Service 8.5";

/// A site at 8.0 SR6 with all on one server, Web at one host and Service at another.
fn two_hosts() -> Site {
    two_hosts_of(&[(Component::CrmServer, &[NODE]), (Component::Web, &[NODE]), (Component::Service, &[NODE])])
}

fn two_hosts_of(placement: &[(Component, &[&str])]) -> Site {
    let mut site = Site::with_placement(placement);
    site.snapshot.releases = whole_catalogue();
    site.snapshot.site.status = None;
    site.spec().version = "8.0 SR6".to_owned();
    block(&mut site).web.host_name = Some("sales.contoso.example".to_owned());
    site.move_to("8.0.6465");
    site.turn();
    assert_eq!(site.plan().standing, Standing::Settled);
    site
}

fn block(site: &mut Site) -> &mut SuperOfficeSpec {
    site.spec().super_office.as_mut().unwrap()
}

/// One host is declared, with 8.5; Web is on an IIS site of its own, and answers at its own host only.
fn declare(site: &mut Site, host: &str, more: impl FnOnce(&mut SuperOfficeSpec)) {
    block(site).web.host_name = None;
    block(site).host_name = host.to_owned();
    more(block(site));
    site.declare("8.5 R17");
    site.turn();
    site.machine(NODE, |machine| machine.dot_net = Some("4.8".to_owned()));
    let web = Probe::SitesServing { folder: r"C:\SuperOffice\SuperOffice Web".to_owned() };
    site.answer(NODE, &web, Answer::Names { names: vec!["Default Web Site".to_owned()] });
    let url = Probe::Url { url: format!("http://{host}/sales") };
    let status = if host.starts_with("sales") { 200 } else { 404 };
    site.answer(NODE, &url, Answer::Url { status });
}

fn findings(site: &Site) -> Vec<Finding> {
    match site.plan().standing {
        Standing::Refused { findings } | Standing::Proposed { findings, .. } => {
            findings.into_iter().filter(|finding| finding.severity == Severity::Block).collect()
        }
        other => unreachable!("{other:?}"),
    }
}

fn plan(site: &Site) -> CrmChangeSpec {
    match site.plan().standing {
        Standing::Proposed { change, .. } => *change,
        other => unreachable!("{other:?}"),
    }
}

fn place(change: &CrmChangeSpec, kind: &str) -> usize {
    let at = change.steps.iter().position(|step| step.id.split('@').next() == Some(kind));
    at.unwrap_or_else(|| {
        unreachable!("no step {kind} among {:?}", change.steps.iter().map(|s| &s.id).collect::<Vec<_>>())
    })
}

fn step<'a>(change: &'a CrmChangeSpec, kind: &str) -> &'a Step {
    &change.steps[place(change, kind)]
}

fn has(change: &CrmChangeSpec, kind: &str) -> bool {
    change.steps.iter().any(|step| step.id.split('@').next() == Some(kind))
}

fn told(step: &Step) -> String {
    match &step.executor {
        Executor::Attended { instructions } => instructions.join("\n"),
        other => format!("{other:?}"),
    }
}

fn in_order(change: &CrmChangeSpec, kinds: &[&str]) {
    for pair in kinds.windows(2) {
        assert!(place(change, pair[0]) < place(change, pair[1]), "{} comes before {}", pair[0], pair[1]);
    }
}

fn to_sales(site: &mut Site) {
    declare(site, "sales.contoso.example", |block| {
        block.service.path = Some(NEW_FOLDER.to_owned());
        block.service.application = Some("/service".to_owned());
    });
}

/// The installer has registered the new instance beside the former one.
fn register_new(site: &mut Site) {
    let at = |path: &str| BTreeMap::from([("basePath".to_owned(), path.to_owned())]);
    let host = block(site).host_name.clone();
    let former = ("crm.contoso.example".to_owned(), at(r"C:\SuperOffice\Customer Service"));
    let subkeys = BTreeMap::from([former, (host, at(NEW_FOLDER))]);
    let key = r"HKLM\SOFTWARE\Wow6432Node\SuperOffice Customer Service".to_owned();
    site.answer(NODE, &Probe::RegistrySubkeys { key }, Answer::Subkeys { subkeys });
}

fn to_new(site: &mut Site) {
    declare(site, "socrm.contoso.example", |block| {
        block.service.path = Some(NEW_FOLDER.to_owned());
        block.service.iis_site = Some("SuperOffice".to_owned());
    });
}

/// A site that is to move: to the host of Service, to that of Web, to a new one.
pub(super) fn on_the_way(way: usize) -> Site {
    let mut site = two_hosts();
    match way {
        0 => declare(&mut site, "crm.contoso.example", |_| {}),
        1 => to_sales(&mut site),
        _ => to_new(&mut site),
    }
    site
}

#[test]
fn the_host_of_service_is_declared_and_web_is_installed_on_its_site() {
    let mut site = two_hosts();
    declare(&mut site, "crm.contoso.example", |_| {});
    let change = plan(&site);
    assert!(!has(&change, "upgrade-web") && !has(&change, "move-service") && !has(&change, "replace-addresses"));
    in_order(&change, &["upgrade-database", "move-web", "upgrade-service", "move-config", "reach-netserver"]);
    in_order(&change, &["set-base-url", "run-upgrade-exe", "start-service-pool"]);
    let web = step(&change, "move-web");
    assert!(
        told(web).contains(r#"on the IIS site "SuperOffice Service", as the application "/sales""#),
        "{}",
        told(web)
    );
    assert!(told(web).contains("Expose NetServer web services"));
    let only = Expected::OnlyName { is: "SuperOffice Service".to_owned() };
    assert!(web.evidence.iter().any(|one| one.expected == only));
    let config = told(step(&change, "move-config"));
    assert!(config.contains(r#"set nsEndPoint to "http://crm.contoso.example/sales/Remote/Services88""#), "{config}");
    assert!(change.notices.iter().any(|notice| notice.contains("Web moves to crm.contoso.example")));
}

#[test]
fn the_host_of_web_is_declared_and_service_gets_a_new_instance_below_its_site() {
    let mut site = two_hosts();
    to_sales(&mut site);
    let change = plan(&site);
    assert!(!has(&change, "upgrade-service") && !has(&change, "move-web"));
    in_order(&change, &["consider-redirects", "notice", "stop-scheduler", "freeze", "upgrade-database", "upgrade-web"]);
    in_order(&change, &["upgrade-web", "move-service", "move-config", "move-paths", "run-upgrade-exe"]);
    in_order(&change, &["set-address", "replace-addresses", "run-upgrade-exe", "verify-versions", "unfreeze"]);
    let service = told(step(&change, "move-service"));
    assert!(
        service.contains(r#"Untick "Create IIS web site""#) && service.contains(r#"application "/service""#),
        "{service}"
    );
    let address = Task::SetDatabaseSetting {
        setting: superoffice::CGI_URL.to_owned(),
        value: "http://sales.contoso.example/service/scripts/".to_owned(),
    };
    assert_eq!(step(&change, "set-address").executor, Executor::Controller { task: address });
    let www = Task::SetDatabaseSetting { setting: superoffice::WWW_PATH.to_owned(), value: "/service/".to_owned() };
    assert_eq!(step(&change, "set-www-path").executor, Executor::Controller { task: www });
    let paths = told(step(&change, "move-paths"));
    assert!(
        paths.contains(&format!(r"[template_path] = N'{NEW_FOLDER}\templates'")) && !paths.contains("Logs"),
        "{paths}"
    );
    let texts = told(step(&change, "replace-addresses"));
    assert!(
        texts.contains("N'://crm.contoso.example', N'://sales.contoso.example'") && texts.contains("KB_ENTRY"),
        "{texts}"
    );
    let Executor::Agent { actions } = &step(&change, "run-upgrade-exe").executor else { unreachable!() };
    let console = actions.iter().find_map(|action| match action {
        Action::RunConsole { program, arguments, .. } => Some((program.clone(), arguments.clone())),
        _ => None,
    });
    let (program, arguments) = console.unwrap();
    assert_eq!(
        (program.as_str(), arguments.as_slice()),
        (r"C:\SuperOffice\Service 8.5\bin\upgrade.exe", &["-d".to_owned(), "sales.contoso.example".to_owned()][..])
    );
    assert!(change.notices.iter().any(|notice| notice.contains("Tracked links")), "{:?}", change.notices);
}

#[test]
fn the_former_scheduler_never_starts_again() {
    let mut site = two_hosts();
    to_sales(&mut site);
    let change = plan(&site);
    let old = Probe::Service { name: "ejSchedule crm.contoso.example".to_owned() };
    assert!(step(&change, "stop-scheduler").evidence.iter().any(|one| one.source == node(&old)));
    let started = told(step(&change, "start-scheduler"));
    assert!(
        started.contains("ejSchedule sales.contoso.example") && !started.contains("crm.contoso.example"),
        "{started}"
    );
    let proof = &step(&change, "verify-site").evidence;
    let stopped = Expected::State { is: crm_api::probe::RunState::Stopped };
    assert!(proof.iter().any(|one| one.source == node(&old) && one.expected == stopped), "{proof:?}");
}

fn node(probe: &Probe) -> Source {
    Source::Node { node: NODE.to_owned(), probe: probe.clone() }
}

#[test]
fn a_new_host_gets_a_site_by_the_installer_of_service_and_then_web() {
    let mut site = two_hosts();
    to_new(&mut site);
    let change = plan(&site);
    assert!(!has(&change, "upgrade-service") && !has(&change, "upgrade-web"));
    in_order(&change, &["upgrade-database", "move-service", "move-web", "start-netserver", "set-base-url"]);
    let service = told(step(&change, "move-service"));
    assert!(
        service.contains(r#"create the IIS site "SuperOffice" with the host name "socrm.contoso.example""#),
        "{service}"
    );
    assert!(told(step(&change, "move-web")).contains(r#"off the IIS site "Default Web Site""#));
    let web = Probe::JsonValue {
        url: "http://socrm.contoso.example/sales/api".to_owned(),
        key: "NetServerVersion".to_owned(),
    };
    assert!(step(&change, "verify-site").evidence.iter().any(|one| one.source == node(&web)));
}

#[test]
fn each_way_is_carried_out_to_its_end() {
    for way in [|site: &mut Site| declare(site, "crm.contoso.example", |_| {}), to_sales, to_new] {
        let mut site = two_hosts();
        way(&mut site);
        let installs = has(&plan(&site), "move-service");
        site.turn();
        if installs {
            site.run_to("move-service@contoso-app");
            register_new(&mut site);
        }
        site.run_to("never");
        let change = site.snapshot.changes.last().unwrap();
        assert_eq!(change.status.as_ref().unwrap().phase, ChangePhase::Succeeded, "{:?}", change.status);
    }
}

#[test]
fn a_move_is_the_work_of_the_hop_that_demands_it_whatever_is_wished_for() {
    let mut site = two_hosts();
    to_sales(&mut site);
    block(&mut site).argument_file = Some(r"C:\CRMSetupUpgrade.txt".to_owned());
    site.declare("11.13");
    site.turn();
    site.machine(NODE, |machine| {
        machine.dot_net = Some("4.8".to_owned());
        machine.windows = "Windows Server 2019".to_owned();
    });
    site.fact(crm_api::database::SQL_SERVER_VERSION, Some("15.0.2000"));
    let change = plan(&site);
    assert_eq!((change.from.as_str(), change.to.as_str()), ("8.0 SR6", "8.5 R17"));
    assert!(has(&change, "move-service"));
    let view = crate::view::View::new(&site.snapshot, site.now);
    let later = crate::path::later_steps(&view, "8.5 R17");
    assert!(
        !later.is_empty() && later.iter().all(|(_, _, steps)| steps.iter().all(|step| !step.id.starts_with("move-")))
    );
    block(&mut site).web.host_name = Some("web.contoso.example".to_owned());
    assert!(
        one_domain(&site).iter().any(|finding| finding.remedy.contains("three ways")),
        "two hosts block the first hop"
    );
}

#[test]
fn until_its_move_the_site_is_looked_after_where_it_is() {
    let mut site = two_hosts();
    to_new(&mut site);
    let change = plan(&site);
    let stop = told(step(&change, "stop-scheduler"));
    assert!(stop.contains("ejSchedule crm.contoso.example"), "{stop}");
    let backup = told(step(&change, "back-up-files"));
    assert!(backup.contains(r"C:\\SuperOffice\\Customer Service") && !backup.contains("Service 8.5"), "{backup}");
}

#[test]
fn what_a_move_needs_is_declared_or_refused_with_a_remedy() {
    let mut site = two_hosts();
    to_sales(&mut site);
    block(&mut site).service.path = None;
    block(&mut site).service.application = None;
    let remedies: Vec<String> = one_domain(&site).into_iter().map(|finding| finding.remedy).collect();
    assert!(remedies.iter().any(|text| text.contains("superOffice.service.path")), "{remedies:?}");
    assert!(remedies.iter().any(|text| text.contains("superOffice.service.application")), "{remedies:?}");

    let mut site = two_hosts();
    to_new(&mut site);
    site.answer(NODE, &Probe::Url { url: "http://socrm.contoso.example/".to_owned() }, Answer::Url { status: 0 });
    assert!(one_domain(&site).iter().any(|finding| finding.remedy.contains("DNS record")));
    site.fact(superoffice::CGI_URL, None);
    assert!(one_domain(&site).iter().any(|finding| finding.message.contains("was not read")));
}

fn one_domain(site: &Site) -> Vec<Finding> {
    let found: Vec<Finding> = findings(site).into_iter().filter(|finding| finding.check == "OneDomain").collect();
    assert!(!found.is_empty() && found.iter().all(|finding| !finding.remedy.is_empty()));
    found
}

#[test]
fn a_host_changes_nowhere_else() {
    let mut site = two_hosts();
    block(&mut site).web.host_name = None;
    block(&mut site).host_name = "socrm.contoso.example".to_owned();
    site.turn();
    let found = findings(&site);
    let finding = found.iter().find(|finding| finding.check == "HostName").unwrap();
    assert!(finding.remedy.contains("declare crm.contoso.example again"), "{}", finding.remedy);
    site.fact(superoffice::CGI_URL, Some("http://socrm.contoso.example/scripts/"));
    assert_eq!(site.plan().standing, Standing::Settled, "a person has moved it");
}

/// Passing, failing, unknown: a row each.
#[test]
fn a_failed_move_comes_back_to_the_former_instance() {
    let mut site = two_hosts();
    to_sales(&mut site);
    site.turn();
    site.run_to("run-upgrade-exe@contoso-app");
    register_new(&mut site);
    let restore = (0..6).find_map(|_| {
        site.end_order(crm_api::order::Outcome::Partial);
        site.turn();
        site.wait(30);
        match site.turn().standing {
            Standing::Halted { restore, .. } => restore,
            _ => None,
        }
    });
    let restore = restore.unwrap();
    let files = told(step(&restore, "restore-files"));
    assert!(files.contains(r#"to: "C:\\SuperOffice\\Customer Service""#) && !files.contains("Service 8.5"), "{files}");
    let schedulers = told(step(&restore, "stop-scheduler"));
    for host in ["crm.contoso.example", "sales.contoso.example"] {
        assert!(schedulers.contains(&format!("ejSchedule {host}")), "both stop: {schedulers}");
    }
    let started = told(step(&restore, "start-scheduler"));
    assert!(started.contains("ejSchedule crm.contoso.example") && !started.contains("sales"), "{started}");
}
