//! `upgrade.exe` of Service: it asks on its console, prepares IIS, transforms data, and may be run again at any time
//! (vendor: upgrade/service step 2, automated-tasks/upgrade, config/service).

use crm_api::probe::{RunState, StartType};

use crate::world::faults::WorldFault;
use crate::world::files::Content;
use crate::world::ghost::Change;
use crate::world::layout::SERVICE_REGISTRY;
use crate::world::state::State;
use crate::world::vendor::handlers::{Extent, map_programs};
use crate::world::vendor::questions::{Answers, ask_all, read_options};
use crate::world::vendor::{FCGI, Over, Run};

/// Most attachments in one sub-folder (vendor: upgrade/service, "Attachments").
const ATTACHMENTS_PER_FOLDER: i64 = 10_000;

/// Where attachments are moved, the middle of the work is before this folder: some lie in folders, some do not.
const MIDDLE_FOLDER: i64 = 2;

/// Runs `upgrade.exe`.
pub(super) async fn upgrade(run: &Run) -> Result<(), Over> {
    run.say(&format!("SuperOffice Service upgrade {}", run.number));
    run.work(2).await?;
    if !run.elevated {
        return Err(run.refuse("Access denied. Run upgrade.exe with elevated rights."));
    }
    let options = read_options(run)?;
    let answers = ask_all(run, &options).await?;
    let seconds = run.world.with(|state| {
        let block = state.release(&run.number).and_then(|release| release.super_office.as_ref());
        let minutes = block.map_or(10, |block| block.upgrade_minutes);
        let percent = state.roll(state.assumptions.duration_percent_min, state.assumptions.duration_percent_max);
        u64::try_from(minutes).unwrap_or(1) * 60 * u64::from(percent) / 100
    });
    if answers.fast_cgi {
        set_up_handlers(run, &answers.site, seconds * 20 / 100).await?;
    }
    if options.only_handlers {
        run.say("Done.");
        return Ok(());
    }
    transform(run, &answers, seconds).await
}

async fn set_up_handlers(run: &Run, site: &str, seconds: u64) -> Result<(), Over> {
    run.say("Configuring FastCGI...");
    run.work(seconds / 2).await?;
    run.world.with(|state| map_programs(state, &run.node, site, Extent::Half));
    run.work(seconds / 2).await?;
    run.effect(Change::Handlers, |state| map_programs(state, &run.node, site, Extent::All));
    run.world.with(|state| {
        if state.assumptions.upgrade_sets_use_extension {
            state.database.registry.insert("UseExtension".to_owned(), FCGI.to_owned());
            state.database_write("upgrade.exe");
        }
    });
    Ok(())
}

async fn transform(run: &Run, answers: &Answers, seconds: u64) -> Result<(), Over> {
    run.say("Resetting postponed date for non-postponed tickets...");
    run.work(seconds * 20 / 100).await?;
    if !run.world.with(|state| net_server_answers(run, state)) || run.strikes(WorldFault::ExceptionInMain) {
        return Err(exception(run));
    }
    run.say("Enabling custom notify for users...");
    run.effect(Change::ServiceData, |state| {
        let done = format!("UpgradeDone {}", run.number);
        let first = state.database.registry.insert(done, "1".to_owned()).is_none();
        if first {
            state.database_write("upgrade.exe");
        }
        first
    });
    if !answers.attachments {
        run.middle()?;
    }
    run.work(seconds * 30 / 100).await?;
    run.say("Upgrading eMarketing templates...");
    if answers.attachments {
        move_attachments(run).await?;
    }
    run.effect(Change::Endpoint, |state| write_endpoint(run, state));
    run.work(seconds * 20 / 100).await?;
    // vendor: install/iis/reverse-proxy, it fails late where the domain has no sub-key in the registry
    if !run.world.with(|state| has_registry_key(run, state, &answers.domain)) {
        return Err(exception(run));
    }
    run.say("Stopping old/crashed mailings");
    run.effect(Change::ServiceVersion, |state| {
        state.database.service_installed_at = state.now;
        state.database_write("upgrade.exe");
        state.database.service_version.replace(run.number.clone()).as_ref() != Some(&run.number)
    });
    start_scheduler(run)?;
    run.work(seconds * 10 / 100).await?;
    run.say("Done.");
    Ok(())
}

/// Fails the way it does: text follows as if all were well (vendor: media of install/iis/reverse-proxy, regkey.png).
fn exception(run: &Run) -> Over {
    run.say("Exception caught in main()");
    run.say("FHFile::FileException: fopen(\"c:\\ejournal\\config\")");
    run.say("Stopping old/crashed mailings");
    run.say("Done.");
    Over::Exit(run.world.with(|state| state.assumptions.exit_after_exception))
}

fn has_registry_key(run: &Run, state: &State, domain: &str) -> bool {
    let machine = state.machines.get(&run.node);
    machine.is_some_and(|machine| machine.registry.get(&format!("{SERVICE_REGISTRY}\\{domain}")).is_some())
}

/// Service works through NetServer; it must be of this release, and so must the database.
fn net_server_answers(run: &Run, state: &mut State) -> bool {
    let Some(address) = state.service_address(&run.node) else {
        return false;
    };
    let url = format!("{address}/Remote/{}/Contact.svc", state.endpoint(&run.number));
    matches!(state.get_url(&run.node, &url), Ok(200)) && state.database.fits(&run.number)
}

/// Sets the `ServicesNN` of `nsEndPoint` (vendor: config/service).
fn write_endpoint(run: &Run, state: &mut State) -> bool {
    let Some(address) = state.service_address(&run.node) else {
        return false;
    };
    let path = state.layout.config();
    let Some(text) = state.machines.get(&run.node).and_then(|machine| machine.files.text(&path).ok()) else {
        return false;
    };
    let line = format!("nsEndPoint = {address}/Remote/{}", state.endpoint(&run.number));
    let replaced: String = text
        .lines()
        .map(|old| if old.trim_start().starts_with("nsEndPoint") { line.as_str() } else { old })
        .fold(String::new(), |text, line| text + line + "\r\n");
    let changed = replaced != text;
    let _ = state.replace_text(&run.node, &path, replaced);
    changed
}

/// Moves attachments into sub-folders, ten thousand by ten thousand; what is moved stays moved.
async fn move_attachments(run: &Run) -> Result<(), Over> {
    let (folder, seconds) =
        run.world.with(|state| (state.layout.attachments.clone(), state.assumptions.attachment_seconds_per_folder));
    let flat = flat_attachments(&folder);
    run.say("Remapping attachments...");
    loop {
        let left = run.world.with(|state| match state.files(&run.node, &folder).and_then(|files| files.get(&flat)) {
            Some(Content::Numbered { first, last, size_bytes }) if first <= last => Some((*first, *last, *size_bytes)),
            Some(_) | None => None,
        });
        let Some((first, last, size_bytes)) = left else { return Ok(()) };
        run.work(seconds).await?;
        let number = (first - 1) / ATTACHMENTS_PER_FOLDER;
        if number == MIDDLE_FOLDER {
            run.middle()?;
        }
        run.effect(Change::Attachments { folder: usize::try_from(number).unwrap_or(usize::MAX) }, |state| {
            let Some(files) = state.files_mut(&run.node, &folder) else { return false };
            let end = last.min((number + 1) * ATTACHMENTS_PER_FOLDER);
            let moved = size_bytes * (end - first + 1) / (last - first + 1);
            let target = format!("{folder}\\folder{number}\\attachments");
            files.put(&target, Content::Numbered { first, last: end, size_bytes: moved });
            files.put(&flat, Content::Numbered { first: end + 1, last, size_bytes: size_bytes - moved });
            true
        });
    }
}

/// Where attachments that nobody has moved yet are kept in this model.
pub(crate) fn flat_attachments(folder: &str) -> String {
    format!("{folder}\\attachments")
}

fn start_scheduler(run: &Run) -> Result<(), Over> {
    let started = run.world.with(|state| {
        if !state.assumptions.upgrade_starts_scheduler {
            return None;
        }
        let name = state.layout.scheduler.clone();
        let service = run.machine(state)?.service_mut(&name).ok()?;
        if service.start == StartType::Disabled {
            return Some(Err(format!("Could not start {name}: the service is disabled.")));
        }
        service.state = RunState::Running;
        Some(Ok(format!("Starting {name}...")))
    });
    match started {
        None => {}
        Some(Ok(line)) => run.say(&line),
        Some(Err(line)) => {
            run.say(&line);
            if run.world.with(|state| state.assumptions.upgrade_needs_startable_scheduler) {
                return Err(exception(run));
            }
        }
    }
    Ok(())
}
