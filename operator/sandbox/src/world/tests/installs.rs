//! Components that come to a server for the first time, and what they find there.

use crm_agent::host::{Host, HostError};
use crm_api::order::PromptAnswer;
use crm_api::probe::RunState;
use crm_api::site::Component;

use super::{APP, BIN, CONFIG, CS, NEW, SCHEDULER, count, fetch, host, run, scenario, world_of};
use crate::world::scenario::{DataSource, MailServer, Scenario};
use crate::world::{Change, Happening, World};

/// Database and Web at 8.0 SR6; no Service, but everything that a first one needs.
fn without_service() -> Scenario {
    let mut scenario = scenario();
    let spec = &mut scenario.spec;
    spec.database.version = NEW.to_owned();
    for server in &mut spec.servers {
        server.components.retain(|installed| installed.component != Component::Service);
        server.components.iter_mut().for_each(|installed| NEW.clone_into(&mut installed.number));
    }
    let source =
        DataSource { name: "CRM7".to_owned(), server: "sql1.contoso.example".to_owned(), database: "CRM7".to_owned() };
    spec.servers[1].data_sources.push(source);
    let relays_for = vec![CS.to_owned()];
    spec.mail_servers.push(MailServer { name: "mail.contoso.example".to_owned(), port: 25, relays_for });
    spec.names.insert("crm.contoso.example".to_owned(), vec![[192, 0, 2, 20].into()]);
    scenario
}

fn answer(question: &str, answer: &str) -> PromptAnswer {
    PromptAnswer { question: question.to_owned(), answer: answer.to_owned() }
}

/// What a person answers `ejTermSetup`; the rest is typed from memory.
fn answers() -> Vec<PromptAnswer> {
    vec![
        answer("hostname", "crm.contoso.example"),
        answer("database type", "mssql"),
        answer("DSN", "CRM7"),
        answer("NetServer endpoint", "http://contoso-app/sales/Remote/Services82"),
        answer("base path", "C:\\SuperOffice\\Customer Service"),
        answer("SMTP host", "mail.contoso.example"),
        answer("SMTP port", "25"),
        answer("start ejScheduler", "no"),
        answer(": ", "from memory"),
        answer("?", "yes"),
    ]
}

async fn installed() -> World {
    let world = world_of(&without_service());
    let installer = fetch(&world, CS, Component::Service).await;
    assert_eq!(world.run_attended(CS, &installer, &[], Vec::new()).await, Ok(Some(0)));
    world
}

async fn set_up(world: &World, answers: Vec<PromptAnswer>) -> Option<i32> {
    world.run_attended(CS, &format!("{BIN}\\ejTermSetup.exe"), &[], answers).await.unwrap()
}

fn service_versions(world: &World) -> usize {
    count(world, |what| matches!(what, Happening::Effect { change: Change::ServiceVersion, .. }))
}

#[tokio::test(start_paused = true)]
async fn the_service_installer_brings_files_and_a_site_and_no_instance() {
    let world = installed().await;
    let cs = host(&world, CS);
    assert_eq!(cs.file_version(&format!("{BIN}\\upgrade.exe")).await, Ok(NEW.to_owned()));
    let sites = cs.sites_serving("C:\\SuperOffice\\Customer Service\\www\\scripts").await;
    assert_eq!(sites, Ok(vec!["SuperOffice Service".to_owned()]));
    assert!(matches!(cs.read_text(CONFIG).await, Err(HostError::NotFound(_))));
    assert!(matches!(cs.service(SCHEDULER).await, Err(HostError::NotFound(_))));
    let facts = world.with(|state| state.database.service_version.clone());
    assert_eq!(facts, None, "the database knows nothing of it");
}

#[tokio::test(start_paused = true)]
async fn a_site_that_is_there_already_must_not_be_created_again() {
    let world = installed().await;
    world.delete_file(CS, "C:\\SuperOffice\\Customer Service\\www\\scripts\\rms.exe");
    let installer = fetch(&world, CS, Component::Service).await;
    assert_eq!(world.run_attended(CS, &installer, &[], Vec::new()).await, Ok(Some(1)), "the box is ticked");
    let unticked = vec![answer(crate::world::CREATE_SITE, "no")];
    assert_eq!(world.run_attended(CS, &installer, &[], unticked).await, Ok(Some(0)));
}

#[tokio::test(start_paused = true)]
async fn ej_term_setup_makes_an_instance_whose_scheduler_does_not_run_yet() {
    let world = installed().await;
    assert_eq!(set_up(&world, answers()).await, Some(0));
    let cs = host(&world, CS);
    assert!(cs.read_text(CONFIG).await.unwrap().contains("nsEndPoint = http://contoso-app/sales/Remote/Services82"));
    assert_eq!(cs.service(SCHEDULER).await.unwrap().0, RunState::Stopped);
    let keys = cs.registry_subkeys(crate::world::layout::SERVICE_REGISTRY).await.unwrap();
    assert!(keys.contains_key("crm.contoso.example"), "{keys:?}");
    assert_eq!(world.with(|state| state.database.service_version.clone()).as_deref(), Some(NEW));
    assert_eq!(service_versions(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn ej_term_setup_gives_up_before_it_changes_anything() {
    for (question, wrong) in [
        ("DSN", "CRM8"),
        ("NetServer endpoint", "http://contoso-app/sales/Remote/Services75"),
        ("SMTP host", "post.contoso.example"),
        ("base path", "D:\\Service"),
    ] {
        let world = installed().await;
        let mut all = answers();
        all.insert(0, answer(question, wrong));
        assert_eq!(set_up(&world, all).await, Some(1), "{question}");
        assert_eq!(service_versions(&world), 0, "{question}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_of_ej_term_setup_does_damage_or_is_refused() {
    let world = installed().await;
    set_up(&world, answers()).await;
    assert_eq!(set_up(&world, answers()).await, Some(0), "nothing stops whoever starts it again");
    assert_eq!(service_versions(&world), 2, "what stood in the database is overwritten");
    let mut scenario = without_service();
    scenario.spec.assumptions.set_up_refuses_second_run = true;
    let world = world_of(&scenario);
    let installer = fetch(&world, CS, Component::Service).await;
    world.run_attended(CS, &installer, &[], Vec::new()).await.unwrap();
    set_up(&world, answers()).await;
    assert_eq!(set_up(&world, answers()).await, Some(1));
    assert_eq!(service_versions(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_web_needs_the_iis_6_metabase_and_brings_its_pool() {
    for metabase in [false, true] {
        let mut scenario = without_service();
        if !metabase {
            scenario.spec.servers[1].features.retain(|feature| feature != "Web-Metabase");
        }
        let world = world_of(&scenario);
        let installer = fetch(&world, CS, Component::Web).await;
        let cs = host(&world, CS);
        let (exit, output) = run(&cs, &installer, &["/quiet"]).await;
        assert_eq!(
            (exit, cs.pool("SuperOffice Web").await.is_ok()),
            (Some(i32::from(!metabase)), metabase),
            "{output}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_server_relays_for_those_whom_it_knows() {
    let world = world_of(&without_service());
    let envelope = ["MAIL FROM:<a@contoso.example>".to_owned(), "RCPT TO:<nobody@example.com>".to_owned()];
    let last = |replies: Result<Vec<String>, HostError>| replies.unwrap().pop().unwrap();
    assert!(last(host(&world, CS).mail_replies("mail.contoso.example", 25, &envelope).await).starts_with("250"));
    assert!(last(host(&world, APP).mail_replies("mail.contoso.example", 25, &envelope).await).starts_with("550"));
    assert!(host(&world, CS).mail_replies("mail.contoso.example", 587, &envelope).await.is_err());
    assert_eq!(host(&world, CS).addresses("CRM.contoso.example").await, Ok(vec![[192, 0, 2, 20].into()]));
    assert!(matches!(host(&world, CS).addresses("other.example").await, Err(HostError::NotFound(_))));
}
