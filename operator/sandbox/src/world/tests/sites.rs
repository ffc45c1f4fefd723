//! Two sites in one world: what belongs to one leaves the other as it is.

use crm_api::CrmSite;
use crm_api::site::Component;
use crm_database::{Connect as _, Credentials, DatabaseError, Target};

use super::{APP, CS, NEW, OLD, credentials, fetch, host, minutes, releases, scenario, site};
use crate::world::{BuildError, Change, Happening, Scenario, World};
use crm_agent::host::Host as _;

const OTHER: &str = "adatum";
const OTHER_PATH: &str = "C:\\SuperOffice\\Adatum Service";
const OTHER_APP: &str = "adatum-app";

/// The other site: on servers of its own but for Service, which it shares.
fn other_site() -> CrmSite {
    let mut other = site();
    other.metadata.name = Some(OTHER.to_owned());
    other.spec.database.name = "ADATUM".to_owned();
    for placed in other.spec.components.iter_mut().filter(|placed| placed.name != Component::Service) {
        placed.nodes = vec![OTHER_APP.to_owned()];
    }
    let block = other.spec.super_office.as_mut().unwrap();
    block.host_name = "crm.adatum.example".to_owned();
    block.service.path = Some(OTHER_PATH.to_owned());
    block.service.iis_site = Some("Adatum Service".to_owned());
    other
}

fn two() -> (Scenario, Scenario) {
    let mut first = scenario();
    let mut app = first.spec.servers[0].clone();
    app.name = OTHER_APP.to_owned();
    app.components.clear();
    first.spec.servers.push(app);
    let mut other = first.clone();
    other.spec.servers[2].components = scenario().spec.servers[0].components.clone();
    other.spec.servers[0].components.clear();
    (first, other)
}

fn login() -> Credentials {
    Credentials::new("adatum".to_owned(), "another password".to_owned())
}

fn shared() -> World {
    let (first, other) = two();
    let world = World::new(&first, &site(), &releases(), credentials(), 7).unwrap();
    world.add_site(&other, &other_site(), &releases(), login()).unwrap();
    world.start();
    world
}

fn effects(world: &World, site: &str) -> Vec<Change> {
    let events = world.history();
    let of = events.iter().filter(|event| event.site == site).filter_map(|event| match &event.what {
        Happening::Effect { change, .. } => Some(change.clone()),
        _ => None,
    });
    of.collect()
}

fn service_version(world: &World, site: &str) -> Option<String> {
    let rows = world.versions_of(site);
    rows.into_iter().find(|row| row.part == "Service" && row.source == "rms.exe").and_then(|row| row.version)
}

#[tokio::test(start_paused = true)]
async fn an_installer_that_nobody_tells_which_takes_the_first_instance_of_the_registry() {
    let world = shared();
    let setup = fetch(&world, CS, Component::Service).await;
    // crm.adatum.example comes before crm.contoso.example.
    assert_eq!(world.run_attended(CS, &setup, &[], Vec::new()).await, Ok(Some(0)));
    assert_eq!(
        (service_version(&world, OTHER), service_version(&world, "contoso")),
        (Some(NEW.into()), Some(OLD.into()))
    );
    assert!(effects(&world, OTHER).contains(&Change::ServiceFiles) && effects(&world, "contoso").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_installer_takes_the_instance_whose_path_it_is_told() {
    let world = shared();
    let setup = fetch(&world, CS, Component::Service).await;
    let own = world.layout().service_path;
    assert_eq!(world.run_attended(CS, &setup, &[own], Vec::new()).await, Ok(Some(0)));
    assert_eq!(
        (service_version(&world, OTHER), service_version(&world, "contoso")),
        (Some(OLD.into()), Some(NEW.into()))
    );
}

#[tokio::test(start_paused = true)]
async fn each_scheduler_writes_to_its_own_database_and_a_freeze_closes_one_instance() {
    let world = shared();
    minutes(3).await;
    for site in ["contoso", OTHER] {
        let events = world.history();
        let beats = |event: &&crate::world::GhostEvent| {
            event.site == site && event.what == Happening::DatabaseWrite { by: format!("ejournalCron@{CS}") }
        };
        assert!(events.iter().filter(beats).count() >= 2, "{site}");
    }
    let (cs, config) = (host(&world, CS), format!("{OTHER_PATH}\\config"));
    let text = cs.read_text(&config).await.unwrap().replace("# frozen", "frozen");
    cs.replace_text(&config, text).await.unwrap();
    assert!(!world.is_frozen(CS), "the first site's instance is open");
    let frozen = world.history().into_iter().find(|event| matches!(event.what, Happening::Frozen { .. })).unwrap();
    assert_eq!(frozen.site, OTHER);
}

#[tokio::test(start_paused = true)]
async fn a_login_opens_its_own_database_only_and_addresses_lead_to_their_own_site() {
    let world = shared();
    let target = |database: &str| Target { server: "sql1.contoso.example".to_owned(), database: database.to_owned() };
    assert!(world.sql().connect(target("ADATUM"), login()).await.is_ok());
    assert!(world.sql().connect(target("master"), login()).await.is_ok());
    let Err(error) = world.sql().connect(target("CRM7"), login()).await else { panic!("logged in") };
    assert!(matches!(error, DatabaseError::Refused { number: 18456, .. }), "{error:?}");
    let cs = host(&world, CS);
    cs.set_pool_state("Adatum Service", crm_api::probe::RunState::Stopped).await.unwrap();
    assert_eq!(cs.get_url("http://crm.adatum.example/scripts/rms.exe").await, Ok(503));
    assert_eq!(cs.get_url("http://crm.contoso.example/scripts/rms.exe").await, Ok(200));
    assert_eq!(host(&world, APP).get_url(&format!("http://{OTHER_APP}/sales/")).await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn two_sites_cannot_be_in_each_others_place() {
    let (_, other) = two();
    let add = |change: &dyn Fn(&mut CrmSite)| {
        let mut site = other_site();
        change(&mut site);
        let (first, _) = two();
        let world = World::new(&first, &super::site(), &releases(), credentials(), 7).unwrap();
        world.add_site(&other, &site, &releases(), login()).err()
    };
    let what = |error: Option<BuildError>| match error {
        Some(BuildError::InItsPlace { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(add(&|_| {}), None);
    assert!(what(add(&|site| site.spec.database.name = "CRM7".to_owned())).contains("database"));
    let same_folder = |site: &mut CrmSite| site.spec.super_office.as_mut().unwrap().service.path = None;
    assert!(what(add(&same_folder)).contains("folder of Service"));
    assert!(what(add(&|site| site.metadata.name = Some("contoso".to_owned()))).contains("name"));
}
