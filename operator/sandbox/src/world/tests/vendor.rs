//! The installers.

use crm_agent::host::{Host, ProcessState};
use crm_api::probe::RunState;
use crm_api::site::Component;
use crm_database::facts::read;

use super::{APP, CONFIG, CS, NEW, OLD, count, fetch, host, minutes, run, scenario, site, sql, wait, world, world_of};
use crate::world::{Change, Happening, WorldFault};

fn version(world: &crate::world::World, part: &str, source: &str) -> String {
    let rows = world.versions();
    let row = rows.into_iter().find(|row| row.part == part && row.source == source).unwrap();
    row.version.unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_server_setup_changes_the_schema_in_parts_and_says_so_at_the_end_only() {
    let world = world();
    let app = host(&world, APP);
    app.set_pool_state("SuperOffice Web", RunState::Stopped).await.unwrap();
    let program = fetch(&world, APP, Component::CrmServer).await;
    let id = app.start_process(&program, &["-s".to_owned()]).await.unwrap();
    minutes(18).await;
    let sql = sql(&world).await;
    let facts = read(&sql, &site().spec, world.now()).await.unwrap();
    assert_eq!(facts.value("databaseVersion"), Some(OLD));
    assert!(facts.value("schemaModifiedAt").unwrap() > "2026-11-28", "the schema has changed already");
    assert_eq!(wait(&app, &id).await.0, Some(0));
    let facts = read(&sql, &site().spec, world.now()).await.unwrap();
    assert_eq!(facts.value("databaseVersion"), Some(NEW));
    assert_eq!(facts.value("serverSetupVersion"), Some(NEW));
    assert_eq!(count(&world, |what| matches!(what, Happening::Effect { change: Change::Schema, .. })), 1);
    let (exit, output) = run(&app, &program, &["-s"]).await;
    assert_eq!(exit, Some(0));
    assert!(output.contains("up to date"), "{output}");
    assert_eq!(count(&world, |what| matches!(what, Happening::Effect { change: Change::Schema, .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn the_server_setup_refuses_while_travellers_are_out_or_maintenance_is_over() {
    for travelling in [true, false] {
        let mut scenario = scenario();
        if travelling {
            scenario.spec.database.travellers_out = 1;
        } else {
            scenario.spec.database.maintenance_to = "2026-11-27".parse().unwrap();
        }
        let world = world_of(&scenario);
        let program = fetch(&world, APP, Component::CrmServer).await;
        let (exit, output) = run(&host(&world, APP), &program, &["-s"]).await;
        assert_eq!(exit, Some(1));
        assert!(output.contains(if travelling { "travellers" } else { "maintenance" }), "{output}");
        assert_eq!(count(&world, |what| matches!(what, Happening::Effect { .. })), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_net_server_that_still_runs_crashes_on_the_new_schema() {
    let world = world();
    let app = host(&world, APP);
    let program = fetch(&world, APP, Component::CrmServer).await;
    run(&app, &program, &["-s"]).await;
    assert_eq!(app.pool("SuperOffice Web").await, Ok(RunState::Stopped));
    assert!(count(&world, |what| matches!(what, Happening::NetServerCrashed { .. })) > 0);
    assert!(count(&world, |what| matches!(what, Happening::WrongSchemaTouched { .. })) > 0);
    app.set_pool_state("SuperOffice Web", RunState::Running).await.unwrap();
    assert_eq!(app.get_url("http://localhost/sales/").await, Ok(503), "it crashed again as soon as it ran");
}

#[tokio::test(start_paused = true)]
async fn the_web_setup_stops_its_pool_and_leaves_it_so() {
    let world = world();
    let app = host(&world, APP);
    let program = fetch(&world, APP, Component::Web).await;
    assert_eq!(run(&app, &program, &["-s"]).await.0, Some(0));
    assert_eq!(app.pool("SuperOffice Web").await, Ok(RunState::Stopped));
    assert_eq!(version(&world, "Web", "SoCore.dll"), NEW);
    assert_eq!(version(&world, "Web", "installed programs"), NEW);
}

#[tokio::test(start_paused = true)]
async fn the_web_setup_finds_no_site_without_metabase_compatibility() {
    let mut scenario = scenario();
    scenario.spec.servers[0].features.retain(|feature| feature != "Web-Metabase");
    let world = world_of(&scenario);
    let program = fetch(&world, APP, Component::Web).await;
    assert_eq!(run(&host(&world, APP), &program, &["-s"]).await.0, Some(1));
    assert_eq!(version(&world, "Web", "SoCore.dll"), OLD);
}

#[tokio::test(start_paused = true)]
async fn the_service_installer_copies_the_templates_away_and_touches_neither_freeze_nor_scheduler() {
    let world = world();
    let program = fetch(&world, CS, Component::Service).await;
    let cs = host(&world, CS);
    let before = cs.read_text(CONFIG).await.unwrap();
    assert_eq!(world.run_attended(CS, &program, &[], Vec::new()).await, Ok(Some(0)));
    let folders = cs.folders("C:\\SuperOffice\\Customer Service").await.unwrap();
    assert!(folders.iter().any(|name| name.starts_with("templates_20261128_")), "{folders:?}");
    assert_eq!(cs.read_text(CONFIG).await.unwrap(), before);
    assert_eq!(cs.service(super::SCHEDULER).await.unwrap().0, RunState::Running);
    let handlers = cs.handlers("SuperOffice Service", &world.layout().scripts()).await.unwrap();
    assert_eq!(handlers.programs.len(), 9, "this release brings a new program");
    let database = version(&world, "Service", "config.version");
    assert_eq!(database, OLD, "only upgrade.exe says so in the database");
}

#[tokio::test(start_paused = true)]
async fn an_installer_without_a_silent_switch_waits_for_ever_until_somebody_ends_it() {
    let world = world();
    let app = host(&world, APP);
    let program = fetch(&world, APP, Component::Web).await;
    let id = app.start_process(&program, &[]).await.unwrap();
    minutes(600).await;
    assert!(matches!(app.process(&id).await, Ok(ProcessState::Running { .. })));
    assert_eq!(world.end_process(APP, "Setup.exe"), 1);
    assert!(matches!(app.process(&id).await, Ok(ProcessState::Ended { exit_code: Some(1), .. })));
    assert_eq!(version(&world, "Web", "SoCore.dll"), OLD);
}

#[tokio::test(start_paused = true)]
async fn exit_codes_lie_in_both_directions() {
    let world = world();
    let app = host(&world, APP);
    world.arm(WorldFault::ExitZeroWithoutEffect, Some("Web".to_owned()));
    world.arm(WorldFault::ExitOneWithEffect, Some("Setup.exe".to_owned()));
    let program = fetch(&world, APP, Component::Web).await;
    assert_eq!(run(&app, &program, &["-s"]).await.0, Some(0));
    assert_eq!(version(&world, "Web", "SoCore.dll"), OLD);
    assert_eq!(run(&app, &program, &["-s"]).await.0, Some(1));
    assert_eq!(version(&world, "Web", "installed programs"), NEW);
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_of_an_installer_leaves_a_part() {
    let world = world();
    world.arm(WorldFault::RebootInMidStep, Some("Web".to_owned()));
    let program = fetch(&world, APP, Component::Web).await;
    assert_eq!(run(&host(&world, APP), &program, &["-s"]).await.0, None);
    minutes(5).await;
    assert_eq!(version(&world, "Web", "SoCore.dll"), NEW);
    assert_eq!(version(&world, "Web", "installed programs"), OLD);
    assert_eq!(count(&world, |what| matches!(what, Happening::Ended { exit: None, .. })), 1);
    assert_eq!(run(&host(&world, APP), &program, &["-s"]).await.0, Some(0), "it may be run again");
    assert_eq!(version(&world, "Web", "installed programs"), NEW);
}

#[tokio::test(start_paused = true)]
async fn a_schema_cut_off_in_the_middle_cannot_be_recovered_unless_assumed() {
    for resumes in [false, true] {
        let mut scenario = scenario();
        scenario.spec.assumptions.crm_server_resumes_schema = resumes;
        let world = world_of(&scenario);
        world.arm(WorldFault::RebootInMidStep, Some("CrmServer".to_owned()));
        let program = fetch(&world, APP, Component::CrmServer).await;
        run(&host(&world, APP), &program, &["-s"]).await;
        minutes(5).await;
        assert_eq!(version(&world, "Database", "schema"), "7.5.5885 with 2 parts of 8.0.6465");
        let (exit, _) = run(&host(&world, APP), &program, &["-s"]).await;
        assert_eq!(exit, Some(if resumes { 0 } else { 1 }));
        assert_eq!(version(&world, "Database", "company.version"), if resumes { NEW } else { OLD });
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_installer_changes_nothing_and_a_person_can_do_it_over() {
    let world = world();
    world.arm(WorldFault::InstallerHangs, None);
    let app = host(&world, APP);
    let program = fetch(&world, APP, Component::Web).await;
    let id = app.start_process(&program, &["-s".to_owned()]).await.unwrap();
    minutes(300).await;
    assert!(matches!(app.process(&id).await, Ok(ProcessState::Running { .. })));
    assert_eq!(world.end_process(APP, "Setup.exe"), 1);
    let found = world.find_installer(APP, Component::Web, NEW);
    assert_eq!(found.as_deref(), Some("C:\\media\\Web\\Setup.exe"));
    assert_eq!(world.run_attended(APP, &program, &[], Vec::new()).await, Ok(Some(0)));
    assert_eq!(version(&world, "Web", "installed programs"), NEW);
}

#[tokio::test(start_paused = true)]
async fn a_person_unpacks_what_no_agent_has_fetched() {
    let world = world();
    let found = world.find_installer(CS, Component::Service, NEW).unwrap();
    assert_eq!(found, "C:\\Install\\8.0.6465\\CS\\SuperOffice.CustomerService.exe");
    assert!(host(&world, CS).file_version(&found).await.is_ok());
    assert_eq!(world.find_installer(CS, Component::Service, OLD), None, "the catalogue has no package of it");
}
