//! The Service installer: it maintains or upgrades one existing instance (vendor: upgrade/service, step 1), or brings the
//! files of a new one (vendor: install/service).

use crm_api::probe::RunState;

use crate::world::files::Content;
use crate::world::ghost::Change;
use crate::world::install::new_instance;
use crate::world::layout::{SCHEDULED_PROGRAMS, SERVICE_PROGRAMS};
use crate::world::moving::Choices;
use crate::world::state::State;
use crate::world::vendor::{Over, Role, Run};

/// The box in the wizard by which it makes the IIS site.
pub(crate) const CREATE_SITE: &str = "Create IIS web site";
/// What a person does with a box that they leave without a tick.
pub(crate) const UNTICKED: &str = "no tick";

/// Runs the installer.
pub(super) async fn install(run: &Run, seconds: u64) -> Result<(), Over> {
    let choices = Choices(run.person.as_deref().unwrap_or_default());
    // Beside an instance that is there, a person chooses the folder of the new one.
    let beside = choices.of("folder").is_some();
    let first = !beside && run.world.with(|state| state.service_number(&run.node).is_none());
    run.say(if first || beside {
        "SuperOffice Service: create a new instance"
    } else {
        "SuperOffice Service: maintain or upgrade an existing instance"
    });
    run.work(seconds * 5 / 100).await?;
    if !run.elevated {
        return Err(run.refuse("You need administrator rights to run this installer."));
    }
    if beside {
        run.world.with(|state| state.instance_beside(&run.node, &choices)).map_err(|reason| run.refuse(&reason))?;
    } else {
        if first && run.world.with(|state| fails_on_site(run, state)) {
            return Err(run.refuse("The web site exists already."));
        }
        run.world.with(|state| prepare(run, state));
    }
    run.work(seconds * 40 / 100).await?;
    run.effect(Change::ServiceFiles, |state| {
        if first {
            new_instance(state, &run.node);
        }
        write_service_files(state, &run.node, &run.number)
    });
    run.middle()?;
    run.work(seconds * 25 / 100).await?;
    if !run.world.with(|state| keeps_templates(run, state)) {
        run.effect(Change::Templates, |state| renew_templates(state, &run.node, &run.number));
    }
    run.work(seconds * 25 / 100).await?;
    run.effect(Change::ServiceProgram, |state| write_service_program(state, &run.node, &run.number));
    run.say("When the installer finishes, you will need to run upgrade.exe.");
    run.work(seconds * 5 / 100).await
}

/// Only the installer can make the IIS site; where the site is there already it has to be told not to, or it fails
/// (vendor: install/service, manual-steps).
fn fails_on_site(run: &Run, state: &mut State) -> bool {
    let site = state.layout.iis_site.clone();
    run.is_ticked(CREATE_SITE) && run.machine(state).is_some_and(|machine| machine.iis.sites.contains_key(&site))
}

/// Whether a person has left the box about the customer centre's templates without a tick (vendor: install/service).
fn keeps_templates(run: &Run, state: &State) -> bool {
    let block = state.release(&run.number).and_then(|release| release.super_office.as_ref());
    let Some(tick) = block.and_then(|block| block.customer_centre_box.as_ref()) else { return false };
    let answers = run.person.as_deref().unwrap_or_default();
    answers.iter().any(|answer| answer.question == *tick && answer.answer == UNTICKED)
}

fn prepare(run: &Run, state: &mut State) {
    let bin = state.layout.bin();
    let busy = !state.running_below(&run.node, &bin).is_empty();
    let (pends, stops) =
        (state.assumptions.service_installer_pends_restart, state.assumptions.service_installer_stops_scheduler);
    let scheduler = state.layout.scheduler.clone();
    if let Some(machine) = run.machine(state) {
        if busy && pends {
            machine.facts.reboot_pending = true;
        }
        if stops && let Ok(service) = machine.service_mut(&scheduler) {
            service.state = RunState::Stopped;
        }
    }
    if state.assumptions.service_installer_freezes && !state.frozen(&run.node) {
        let path = state.layout.config();
        let text = state.machines.get(&run.node).and_then(|machine| machine.files.text(&path).ok()).map(str::to_owned);
        if let Some(text) = text {
            let _ = state.replace_text(&run.node, &path, format!("{text}frozen\r\n"));
        }
    }
}

/// Installs the programs of a release; whether they were of another one. Later releases may bring new ones (vendor:
/// install/iis).
pub(crate) fn write_service_files(state: &mut State, node: &str, number: &str) -> bool {
    let (bin, scripts) = (state.layout.bin(), state.layout.scripts());
    let before = state.service_number(node);
    let added = if before.is_some() { state.assumptions.service_programs_added.clone() } else { Vec::new() };
    let Some(machine) = state.machines.get_mut(node) else {
        return false;
    };
    let mut put = |path: String, role: Role| {
        machine.files.put(&path, Content::Program { version: number.to_owned(), role });
    };
    put(format!("{bin}\\upgrade.exe"), Role::Upgrade);
    put(format!("{bin}\\ejTermSetup.exe"), Role::TermSetup);
    for program in SCHEDULED_PROGRAMS.into_iter().chain(["ejSchedule.exe", "ejSender.exe", "ejOutbox.exe"]) {
        put(format!("{bin}\\{program}"), Role::Plain);
    }
    for program in SERVICE_PROGRAMS.into_iter().chain(added.iter().map(String::as_str)) {
        put(format!("{scripts}\\{program}"), Role::Plain);
    }
    before.as_deref() != Some(number)
}

/// Copies the customer centre's templates away and installs the standard ones (vendor: upgrade/service, "Customer
/// center"). A second run of the same release finds them standard and leaves them.
fn renew_templates(state: &mut State, node: &str, number: &str) -> bool {
    let folder = format!("{}\\templates", state.layout.service_path);
    let stamp = state.now.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y%m%d_%H%M").to_string();
    let Some(machine) = state.machines.get_mut(node) else {
        return false;
    };
    let standard = format!("standard design of {number}\r\n");
    if machine.files.text(&format!("{folder}\\index.html")) == Ok(standard.as_str()) {
        return false;
    }
    for (relative, blob) in machine.files.below(&folder) {
        machine.files.put_blob(&format!("{folder}_{stamp}\\{relative}"), blob);
    }
    machine.files.put_text(&format!("{folder}\\index.html"), standard);
    true
}

/// Enters a release into the list of installed programs; whether it was another one.
pub(crate) fn write_service_program(state: &mut State, node: &str, number: &str) -> bool {
    let entry = (number.to_owned(), state.layout.service_path.clone());
    let Some(machine) = state.machines.get_mut(node) else {
        return false;
    };
    machine.programs.insert("SuperOffice Customer Service".to_owned(), entry.clone()) != Some(entry)
}
