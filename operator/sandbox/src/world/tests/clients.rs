//! People's own machines and phones, and what a person chooses in the setups.

use crm_agent::host::Host;
use crm_api::order::PromptAnswer;
use crm_api::probe::RunState;
use crm_api::release::{ClientUsers, ReportsChoice, WindowsClient};
use crm_api::site::Component;

use super::story::whole_story;
use super::{APP, CS, NEW, count, credentials, fetch, host, minutes, releases, scenario, site};
use crate::world::scenario::{Client, User};
use crate::world::{Change, Happening, REPORTS, UNTICKED, World};

const BOX: &str = "Install/overwrite customer center templates";
const PROPERTIES: &str = "C:\\Program Files (x86)\\SuperOffice Pocket CRM\\Tomcat 6.0\\webapps\\pocketcrm\\WEB-INF\\classes\\server.properties";

/// A world in which Per works with a Windows client, twelve reports were edited, and Pocket Server runs beside Web.
fn world() -> World {
    let mut scenario = scenario();
    scenario.spec.users.push(User { name: "per".to_owned(), client: Client::Win, leaves_after_minutes: 5 });
    scenario.spec.database.edited_reports = 12;
    scenario.spec.servers.iter_mut().find(|server| server.name == APP).unwrap().pocket_server = true;
    let mut releases = releases();
    for release in &mut releases {
        let block = release.spec.super_office.as_mut().unwrap();
        let setup = Some("SuperOffice8.exe".to_owned());
        block.windows_client =
            Some(WindowsClient { setup, session: "SuperOffice CRM".to_owned(), users: ClientUsers::Everybody });
        block.standard_reports = Some(ReportsChoice { new_only: "new".to_owned(), upgrade_all: "all".to_owned() });
        block.customer_centre_box = Some(BOX.to_owned());
    }
    let world = World::new(&scenario, &site(), &releases, credentials(), 7).unwrap();
    world.start();
    world
}

fn connected(world: &World) -> bool {
    world.with(|state| state.sessions().iter().any(|(host, _, _)| host == "PC-PER"))
}

#[tokio::test(start_paused = true)]
async fn an_old_client_that_comes_back_connects_and_is_given_up_for_web() {
    let world = world();
    whole_story(&world).await;
    assert!(connected(&world), "it says that it is too old");
    assert!(!world.users_at_work().contains(&"per".to_owned()));
    minutes(20).await;
    assert!(!connected(&world));
    assert_eq!(world.users_at_work(), ["kari", "ola", "per"]);
    assert_eq!(world.clients_rolled_out("contoso"), 0);
    assert_eq!(count(&world, |what| matches!(what, Happening::WrongSchemaTouched { .. })), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_the_share_offers_is_installed_and_works_on() {
    let world = world();
    whole_story(&world).await;
    assert!(world.make_transform("contoso", APP));
    minutes(3).await;
    assert!(connected(&world) && world.users_at_work().contains(&"per".to_owned()));
    assert_eq!(world.clients_rolled_out("contoso"), 1);
}

#[tokio::test(start_paused = true)]
async fn the_setup_replaces_edited_reports_unless_it_is_told_not_to() {
    let answer = |word: &str| vec![PromptAnswer { question: REPORTS.to_owned(), answer: word.to_owned() }];
    for (answers, left) in [(Vec::new(), "0"), (answer("all"), "0"), (answer("new"), "12")] {
        let world = world();
        host(&world, APP).set_pool_state("SuperOffice Web", RunState::Stopped).await.unwrap();
        let setup = fetch(&world, APP, Component::CrmServer).await;
        assert_eq!(world.run_attended(APP, &setup, &[], answers.clone()).await, Ok(Some(0)));
        assert_eq!(world.digest_facts()["edited reports"], left, "{answers:?}");
    }
    for (arguments, left) in [(["-s", "all"], "0"), (["-s", "new"], "12")] {
        let world = world();
        let app = host(&world, APP);
        app.set_pool_state("SuperOffice Web", RunState::Stopped).await.unwrap();
        let setup = fetch(&world, APP, Component::CrmServer).await;
        assert_eq!(super::run(&app, &setup, &arguments).await.0, Some(0));
        assert_eq!(world.digest_facts()["edited reports"], left, "{arguments:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn templates_stay_where_the_box_of_the_installer_is_left_without_a_tick() {
    for (answers, renewed) in
        [(Vec::new(), 1), (vec![PromptAnswer { question: BOX.to_owned(), answer: UNTICKED.to_owned() }], 0)]
    {
        let world = world();
        let setup = fetch(&world, CS, Component::Service).await;
        assert_eq!(world.run_attended(CS, &setup, &[], answers).await, Ok(Some(0)));
        let is_renewed = |what: &Happening| matches!(what, Happening::Effect { change: Change::Templates, .. });
        assert_eq!(count(&world, is_renewed), renewed);
    }
}

#[tokio::test(start_paused = true)]
async fn pocket_server_is_a_service_with_a_file_until_somebody_uninstalls_it() {
    let world = world();
    let app = host(&world, APP);
    assert!(app.service("PocketCRM").await.is_ok());
    assert!(app.read_text(PROPERTIES).await.unwrap().contains("#CLIENT_CONFIGURE="));
    world.uninstall_pocket_server("contoso", "bjarne");
    world.uninstall_pocket_server("contoso", "bjarne");
    assert!(app.service("PocketCRM").await.is_err() && app.read_text(PROPERTIES).await.is_err());
    assert_eq!(count(&world, |what| matches!(what, Happening::ByHand { .. })), 1, "once");
    assert!(!world.digest_facts().values().any(|value| value.contains(NEW)));
}
