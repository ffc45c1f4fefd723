//! A NetServer of its own: served by IIS, crashing on a newer schema, upgraded, installed and uninstalled.

use crm_agent::host::Host;
use crm_api::order::PromptAnswer;
use crm_api::probe::RunState;
use crm_api::site::{Component, Placement};

use super::{APP, CONFIG, CS, NEW, OLD, count, credentials, fetch, host, releases, run, scenario, site};
use crate::world::scenario::Installed;
use crate::world::{Happening, World};

const POOL: &str = "SuperOfficeNetServer";
const LIBRARY: &str = "C:\\SuperOffice\\SuperOfficeNetServer\\bin\\SoCore.dll";

/// The main story's world with a NetServer of its own beside Web, or with room for one.
fn world(installed: bool) -> World {
    let (mut scenario, mut site) = (scenario(), site());
    site.spec.components.push(Placement { name: Component::NetServer, nodes: vec![APP.to_owned()] });
    if installed {
        let own = Installed { component: Component::NetServer, number: OLD.to_owned(), site: None };
        scenario.spec.servers[0].components.push(own);
    }
    World::new(&scenario, &site, &releases(), credentials(), 7).unwrap()
}

fn address(services: &str) -> String {
    format!("http://{APP}/SuperOfficeNetServer/Remote/{services}/Contact.svc")
}

#[tokio::test(start_paused = true)]
async fn service_works_through_it_and_it_crashes_on_a_new_schema() {
    let world = world(true);
    let (app, cs) = (host(&world, APP), host(&world, CS));
    assert!(cs.read_text(CONFIG).await.unwrap().contains("/SuperOfficeNetServer/Remote/Services75"));
    assert_eq!(cs.get_url(&address("Services75")).await, Ok(200));
    let program = fetch(&world, APP, Component::CrmServer).await;
    run(&app, &program, &["-s"]).await;
    assert_eq!(app.pool(POOL).await, Ok(RunState::Stopped));
    assert!(count(&world, |what| matches!(what, Happening::NetServerCrashed { .. })) > 1, "so does Web's");
    app.set_pool_state(POOL, RunState::Running).await.unwrap();
    assert_eq!(cs.get_url(&address("Services75")).await, Ok(500), "it crashes again as soon as it is asked");
    assert_eq!(cs.get_url(&address("Services75")).await, Ok(503), "and its pool has stopped");
    let web = fetch(&world, APP, Component::Web).await;
    run(&app, &web, &["-s", "/type=NetServer"]).await;
    assert_eq!(app.file_version(LIBRARY).await, Ok(NEW.to_owned()));
    app.set_pool_state(POOL, RunState::Running).await.unwrap();
    assert_eq!(cs.get_url(&address("Services82")).await, Ok(200));
    assert_eq!(app.get_url("http://localhost/sales/").await, Ok(503), "Web itself is still the old one");
}

#[tokio::test(start_paused = true)]
async fn a_person_installs_it_by_its_setup_type_and_uninstalls_it_without_a_trace() {
    let world = world(false);
    let app = host(&world, APP);
    assert!(app.pool(POOL).await.is_err());
    let program = fetch(&world, APP, Component::Web).await;
    let chosen = PromptAnswer { question: "setup type".to_owned(), answer: "NetServer web services".to_owned() };
    assert_eq!(world.run_attended(APP, &program, &[], vec![chosen]).await, Ok(Some(0)));
    assert_eq!(app.file_version(LIBRARY).await, Ok(NEW.to_owned()));
    assert!(app.pool(POOL).await.is_ok());
    assert!(world.uninstall_net_server("contoso", APP));
    assert!(app.file_version(LIBRARY).await.is_err() && app.pool(POOL).await.is_err());
    assert!(app.installed_program("SuperOffice NetServer").await.is_err());
    assert_eq!(app.get_url("http://localhost/sales/").await, Ok(200), "Web goes on");
}
