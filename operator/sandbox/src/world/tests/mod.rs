//! The main story's world, and what each test needs to act in it.

mod clients;
mod example;
mod installs;
mod machine;
mod net_server;
mod orders;
mod sites;
mod sql;
mod story;
mod upgrade;
mod vendor;

use std::sync::Arc;
use std::time::Duration;

use crm_agent::host::{Host, ProcessId, ProcessState};
use crm_api::site::Component;
use crm_api::{CrmRelease, CrmSite};
use crm_database::{Connect, Credentials, SqlServer, Target};

use crate::world::files::sha256;
use crate::world::{Happening, Scenario, SimHost, World, package_content};

pub(super) const OLD: &str = "7.5.5885";
pub(super) const NEW: &str = "8.0.6465";
pub(super) const APP: &str = "contoso-app";
pub(super) const CS: &str = "contoso-cs";
pub(super) const BIN: &str = "C:\\SuperOffice\\Customer Service\\bin";
pub(super) const CONFIG: &str = "C:\\SuperOffice\\Customer Service\\config";
pub(super) const SCHEDULER: &str = "ejSchedule crm.contoso.example";
pub(super) const PASSWORD: &str = "correct horse";

pub(super) fn scenario() -> Scenario {
    serde_saphyr::from_str(include_str!("scenario.yaml")).unwrap()
}

pub(super) fn site() -> CrmSite {
    serde_saphyr::from_str(include_str!("site.yaml")).unwrap()
}

fn package(component: &str, file: &str, program: &str, minutes: i32) -> String {
    let hash = sha256(&package_content(file, NEW));
    format!(
        "    - {{component: {component}, file: {file}, sha256: {hash}, program: {program}, minutes: {minutes}, \
         limitMinutes: 240, method: {{attended: {{instructions: [Run it.]}}}}}}\n"
    )
}

pub(super) fn releases() -> Vec<CrmRelease> {
    let head = |name: &str, version: &str, number: &str, rank: i32, from: &str, services: &str| {
        format!(
            "apiVersion: crm-operator.io/v1alpha1\nkind: CrmRelease\nmetadata: {{name: {name}}}\nspec:\n  \
             product: SuperOffice\n  version: {version}\n  number: {number}\n  rank: {rank}\n  from: [{from}]\n  \
             requires: {{dotNet: 4.5.1}}\n  superOffice: {{servicesEndpoint: {services}, upgradeMinutes: 10}}\n"
        )
    };
    let old = head("so-75-sr2", "7.5 SR2", OLD, 75, "", "services75");
    let new = head("so-80-sr6", "8.0 SR6", NEW, 80, "7.5 SR2", "services82")
        + "  packages:\n"
        + &package("CrmServer", "8.0SR6\\SnMWin_ADMIN.zip", "SetupExe.exe", 40)
        + &package("Web", "8.0SR6\\SnMWeb.zip", "Setup.exe", 15)
        + &package("Service", "8.0SR6\\CS.zip", "CS\\SuperOffice.CustomerService.exe", 10);
    [old, new].iter().map(|text| serde_saphyr::from_str(text).unwrap()).collect()
}

pub(super) fn credentials() -> Credentials {
    Credentials::new("crm7".to_owned(), PASSWORD.to_owned())
}

pub(super) fn world_of(scenario: &Scenario) -> World {
    let world = World::new(scenario, &site(), &releases(), credentials(), 7).unwrap();
    world.start();
    world
}

pub(super) fn world() -> World {
    world_of(&scenario())
}

pub(super) fn host(world: &World, node: &str) -> SimHost {
    world.host(node).unwrap()
}

pub(super) async fn sql(world: &World) -> Arc<dyn SqlServer> {
    let target = Target { server: "sql1.contoso.example".to_owned(), database: "CRM7".to_owned() };
    world.sql().connect(target, credentials()).await.unwrap()
}

pub(super) async fn minutes(minutes: u64) {
    tokio::time::sleep(Duration::from_secs(minutes * 60)).await;
}

/// Fetches the package of a component as an agent would; gives the path of its program.
pub(super) async fn fetch(world: &World, node: &str, component: Component) -> String {
    let releases = releases();
    let package = releases[1].spec.package(component).unwrap();
    let host = host(world, node);
    let from = format!("\\\\files.contoso.example\\superoffice\\{}", package.file);
    let to = format!("C:\\media\\{component:?}");
    host.copy_file(&from, &format!("{to}.zip")).await.unwrap();
    host.unpack(&format!("{to}.zip"), &to).await.unwrap();
    format!("{to}\\{}", package.program)
}

/// Runs a program to its end as an agent would, answering nothing.
pub(super) async fn run(host: &SimHost, program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let id = host.start_process(program, &arguments).await.unwrap();
    wait(host, &id).await
}

pub(super) async fn wait(host: &SimHost, id: &ProcessId) -> (Option<i32>, String) {
    for _ in 0..1000 {
        match host.process(id).await {
            Ok(ProcessState::Ended { exit_code, output }) => return (exit_code, output),
            Ok(ProcessState::Running { .. }) => minutes(1).await,
            Ok(ProcessState::Gone) | Err(_) => return (None, String::new()),
        }
    }
    (None, "still running".to_owned())
}

pub(super) fn count(world: &World, is: impl Fn(&Happening) -> bool) -> usize {
    world.history().iter().filter(|event| is(&event.what)).count()
}

/// Runs `upgrade.exe` with these answers, in the order of the questions.
pub(super) async fn upgrade(host: &SimHost, arguments: &[&str], answers: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let id = host.start_process(&format!("{BIN}\\upgrade.exe"), &arguments).await.unwrap();
    for answer in answers {
        tokio::time::sleep(Duration::from_secs(5)).await;
        if host.type_line(&id, answer).await.is_err() {
            break;
        }
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let _ = host.close_console(&id).await;
    wait(host, &id).await
}

/// Brings the site to the state in which `upgrade.exe` is due: everybody out, schema, Web and Service files new.
pub(super) async fn up_to_upgrade(world: &World) {
    use crm_api::probe::{RunState, StartType};
    let (app, cs) = (host(world, APP), host(world, CS));
    let setup = fetch(world, APP, Component::CrmServer).await;
    let web = fetch(world, APP, Component::Web).await;
    let service = fetch(world, CS, Component::Service).await;
    cs.set_service_start(SCHEDULER, StartType::Disabled).await.unwrap();
    cs.set_service_state(SCHEDULER, RunState::Stopped).await.unwrap();
    minutes(1).await;
    let config = cs.read_text(CONFIG).await.unwrap().replace("# frozen", "frozen");
    cs.replace_text(CONFIG, config).await.unwrap();
    cs.set_pool_state("SuperOffice Service", RunState::Stopped).await.unwrap();
    app.set_service_state("SuperOfficeSoBatchServer", RunState::Stopped).await.unwrap();
    app.set_pool_state("SuperOffice Web", RunState::Stopped).await.unwrap();
    let sql = sql(world).await;
    sql.run(crm_database::backup::back_up("CRM7", "\\\\backup.contoso.example\\crm\\one.bak")).await.unwrap();
    assert_eq!(run(&app, &setup, &["-s"]).await.0, Some(0));
    assert_eq!(run(&app, &web, &["-s"]).await.0, Some(0));
    app.set_pool_state("SuperOffice Web", RunState::Running).await.unwrap();
    assert_eq!(world.run_attended(CS, &service, &[], Vec::new()).await, Ok(Some(0)));
    cs.set_service_start(SCHEDULER, StartType::Manual).await.unwrap();
}
