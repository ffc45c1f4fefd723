//! `ejTermSetup.exe`: makes an instance of freshly installed files, once (vendor: automated-tasks/ejtermsetup,
//! install/service). It asks for everything on its console.

use crm_agent::host::HostError;
use crm_api::probe::{RunState, StartType};

use crate::world::files::Content;
use crate::world::ghost::Change;
use crate::world::install::{DATA_SOURCES, service_config};
use crate::world::layout::SERVICE_REGISTRY;
use crate::world::moving::{addresses, numbered};
use crate::world::services::Service;
use crate::world::state::State;
use crate::world::vendor::{Over, Run, flat_attachments};

/// Words by which an answer is known, in the documented order of the questions.
const HOST: &str = "hostname";
const DATABASE_TYPE: &str = "database type";
const DSN: &str = "DSN";
const END_POINT: &str = "NetServer endpoint";
const BASE_PATH: &str = "base path";
const SMTP_HOST: &str = "SMTP host";
const SMTP_PORT: &str = "SMTP port";
const START: &str = "start ejScheduler";

/// Runs it.
pub(super) async fn set_up(run: &Run) -> Result<(), Over> {
    run.say("SuperOffice Service setup");
    run.work(2).await?;
    if !run.elevated {
        return Err(run.refuse("Access denied. Run ejTermSetup.exe with elevated rights."));
    }
    let (questions, refuses) = run.world.with(|state| {
        let again = state.database.service_version.is_some();
        (state.assumptions.questions_set_up.clone(), again && state.assumptions.set_up_refuses_second_run)
    });
    if refuses {
        return Err(run.refuse("This database has been set up already."));
    }
    let mut answers: Vec<(String, String)> = Vec::new();
    for question in questions {
        let Some(answer) = run.ask(&question).await? else { return Err(run.refuse("Setup aborted.")) };
        answers.push((question.to_lowercase(), answer));
    }
    let told = |word: &str| {
        let word = word.to_lowercase();
        let found = answers.iter().find(|(question, _)| question.contains(&word));
        found.map(|(_, answer)| answer.clone()).unwrap_or_default()
    };
    if let Some(problem) = run.world.with(|state| problem(run, state, &told)) {
        return Err(run.refuse(&problem));
    }
    run.work(90).await?;
    run.effect(Change::Endpoint, |state| write_instance(run, state, &told(HOST), &told(END_POINT)));
    run.work(60).await?;
    run.effect(Change::ServiceVersion, |state| {
        fill_database(run, state);
        add_scheduler(run, state, &told(START));
        true
    });
    run.say("Setup is complete.");
    Ok(())
}

/// Why it gives up, before it has changed anything.
fn problem(run: &Run, state: &mut State, told: &impl Fn(&str) -> String) -> Option<String> {
    if told(HOST).is_empty() {
        return Some("A hostname is required.".to_owned());
    }
    if told(DATABASE_TYPE) != "mssql" {
        return Some("Unknown database type.".to_owned());
    }
    let source = state.machines.get(&run.node)?.registry.get(&format!("{DATA_SOURCES}\\{}", told(DSN))).cloned();
    if source.is_none_or(|source| source.get("Database") != Some(&state.layout.database)) {
        return Some(format!("Cannot open the data source {}.", told(DSN)));
    }
    if told(BASE_PATH) != state.layout.service_path {
        return Some("There is no installation in this base path.".to_owned());
    }
    let contact = format!("{}/Contact.svc", told(END_POINT));
    let answers = matches!(state.get_url(&run.node, &contact), Ok(200));
    let number = state.service_number(&run.node).unwrap_or_default();
    if !answers || !state.database.fits(&number) {
        return Some(format!("Cannot connect to NetServer at {}.", told(END_POINT)));
    }
    let port = told(SMTP_PORT).parse().unwrap_or_default();
    let mail: Result<Vec<String>, HostError> = state.mail_replies(&run.node, &told(SMTP_HOST), port, &[]);
    mail.err().map(|error| error.to_string())
}

/// The instance on its machine: configuration, the scheduler's table, its key in the registry, its store of attachments.
fn write_instance(run: &Run, state: &mut State, host: &str, end_point: &str) -> bool {
    let layout = state.layout.clone();
    let config = service_config(state, end_point);
    let store = Content::Numbered { first: 1, last: 0, size_bytes: 0 };
    if let Some(files) = state.files_mut(&run.node, &layout.attachments) {
        files.put(&flat_attachments(&layout.attachments), store);
    }
    let Some(machine) = run.machine(state) else { return false };
    let path = &layout.service_path;
    machine.files.put_text(&layout.config(), config);
    machine.files.put_text(&format!("{path}\\ejCrontab.txt"), format!("* * * * * ejournalCron {host}\r\n"));
    let key = format!("{SERVICE_REGISTRY}\\{host}");
    machine.registry.set(&key, &[("basePath", path), ("instanceId", "1")]);
    true
}

/// What Service keeps in the database. A second run overwrites all of it.
fn fill_database(run: &Run, state: &mut State) {
    let now = state.now;
    let database = &mut state.database;
    database.addresses = addresses(&state.layout);
    database.numbered = numbered(&state.layout);
    database.service_version = Some(run.number.clone());
    database.service_installed_at = now;
    for (name, value) in [("UseExtension", "exe".to_owned()), ("EjournalCronNow", now.to_string())] {
        database.registry.insert(name.to_owned(), value);
    }
    database.registry.insert(format!("UpgradeDone {}", run.number), "1".to_owned());
    state.database_write("ejTermSetup.exe");
}

/// The scheduler's service: not started, and started by the next boot (vendor: install/service).
fn add_scheduler(run: &Run, state: &mut State, start: &str) {
    let (name, program) = (state.layout.scheduler.clone(), format!("{}\\ejSchedule.exe", state.layout.bin()));
    let started = if start == "yes" { RunState::Running } else { RunState::Stopped };
    let Some(machine) = run.machine(state) else { return };
    if machine.service(&name).is_none() {
        machine.services.push(Service { name, program, state: started, start: StartType::Automatic });
    }
}
