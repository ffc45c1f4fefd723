//! The CRM Server's setup: program files, then the schema of the database, part by part.

use crate::world::ghost::Change;
use crate::world::layout::SERVER_PATH;
use crate::world::state::State;
use crate::world::vendor::{Over, Run, at_least};

/// What the setup asks about, as a person calls it.
pub(crate) const REPORTS: &str = "standard reports";
/// In how many parts the schema changes.
const SCHEMA_PARTS: u32 = 4;

/// Runs the setup.
pub(super) async fn install(run: &Run, seconds: u64) -> Result<(), Over> {
    run.say("SuperOffice CRM Server setup");
    run.work(seconds * 5 / 100).await?;
    if let Some(reason) = run.world.with(|state| refusal(run, state)) {
        return Err(run.refuse(&reason));
    }
    run.work(seconds * 15 / 100).await?;
    if !run.world.with(|state| is_crm_setup(run, state)) {
        run.effect(Change::ServerFiles, |state| write_server_files(state, &run.node, &run.number));
    }
    if run.world.with(|state| state.database.fits(&run.number)) {
        run.say("The database is up to date.");
        return run.work(seconds * 10 / 100).await;
    }
    for part in 1..=SCHEMA_PARTS {
        run.work(seconds * 15 / 100).await?;
        let already = run.world.with(|state| state.database.partial.as_ref().map_or(0, |(_, done)| *done));
        if part <= already {
            continue;
        }
        run.effect(Change::SchemaPart { part, of: SCHEMA_PARTS }, |state| {
            state.database.partial = Some((run.number.clone(), part));
            state.database.modified_at = state.now;
            state.database.lsn += 100;
            state.crash_old_net_servers();
            true
        });
        if part == SCHEMA_PARTS / 2 {
            run.middle()?;
        }
    }
    run.work(seconds * 15 / 100).await?;
    run.effect(Change::Schema, |state| {
        let crm_setup = is_crm_setup(run, state);
        let database = &mut state.database;
        database.partial = None;
        run.number.clone_into(&mut database.version);
        if !crm_setup {
            database.server_setup.push(run.number.clone());
        }
        database.modified_at = state.now;
        database.lsn += 1;
        state.crash_old_net_servers();
        true
    });
    if run.world.with(|state| replaces_reports(run, state)) {
        run.effect(Change::Reports, |state| std::mem::take(&mut state.database.edited_reports) > 0);
    }
    // vendor: install/database, crmsetup-and-crmtask
    let crm_setup = run.world.with(|state| is_crm_setup(run, state));
    run.say(if crm_setup { "Upgrade completed successfully" } else { "Upgrade of the database is complete." });
    run.work(seconds * 5 / 100).await
}

/// Whether this is CrmSetup, which installs nothing (vendor: install/database, crmsetup-and-crmtask).
fn is_crm_setup(run: &Run, state: &State) -> bool {
    state.release(&run.number).and_then(|release| release.super_office.as_ref()).is_some_and(|block| block.crm_setup)
}

/// Whether standard reports that people edited are replaced: the setup's own default, where nobody chooses new ones only
/// (vendor: upgrade/75-to-8/crm-server).
fn replaces_reports(run: &Run, state: &State) -> bool {
    let block = state.release(&run.number).and_then(|release| release.super_office.as_ref());
    let Some(asked) = block.and_then(|block| block.standard_reports.as_ref()) else { return false };
    match &run.person {
        Some(answers) => !answers.iter().any(|answer| answer.question == REPORTS && answer.answer == asked.new_only),
        None => !run.arguments.contains(&asked.new_only),
    }
}

/// What is wrong with the file of arguments that CrmSetup is given.
fn no_arguments(run: &Run, state: &State) -> Option<String> {
    if run.arguments.first().map(String::as_str) != Some("upgrade-existing") {
        return Some("Expected a command.".to_owned());
    }
    let place = run.arguments.iter().position(|argument| argument == "--arg-file")?;
    let path = run.arguments.get(place + 1).cloned().unwrap_or_default();
    let text = state.machines.get(&run.node)?.files.text(&path).ok();
    let named = text.is_some_and(|text| text.split_whitespace().any(|word| word == state.layout.database));
    (!named).then(|| format!("{path}: no argument file for this database."))
}

/// Why the setup refuses, before it has changed anything.
fn refusal(run: &Run, state: &State) -> Option<String> {
    let database = &state.database;
    let release = state.release(&run.number)?;
    let machine = state.machines.get(&run.node)?;
    if !run.elevated {
        return Some("You need administrator rights to run this setup.".to_owned());
    }
    // vendor: includes/dotnet-requirements
    if let Some(least) = &release.requires.dot_net
        && !at_least(machine.facts.dot_net.as_deref(), least)
    {
        return Some(format!("Microsoft .NET Framework {least} is required."));
    }
    if is_crm_setup(run, state)
        && let Some(problem) = no_arguments(run, state)
    {
        return Some(problem);
    }
    // vendor: upgrade/75-to-8/crm-server
    if database.travellers_out > 0 {
        return Some("There are active travellers. All travellers must be home before the upgrade.".to_owned());
    }
    // vendor: database/tables/moduleowner
    let today = state.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    if database.maintenance_to < today {
        return Some("The maintenance agreement of this licence has expired.".to_owned());
    }
    if database.fits(&run.number) {
        return None;
    }
    if let Some((to, _)) = &database.partial {
        // vendor: install/database/dbsetup-exe, "no recovery from a crash half-way"
        let resumes = state.assumptions.crm_server_resumes_schema && *to == run.number;
        return (!resumes).then(|| "The database is in an inconsistent state. Restore it from a backup.".to_owned());
    }
    let from = state.release(&database.version);
    let allowed = from.is_some_and(|from| release.may_follow(from, &state.releases));
    (!allowed).then(|| format!("An upgrade from version {} is not supported.", database.version))
}

/// Installs the program files of a release; whether they were of another one.
pub(crate) fn write_server_files(state: &mut State, node: &str, number: &str) -> bool {
    let ini = state.layout.server_ini();
    let Some(machine) = state.machines.get_mut(node) else {
        return false;
    };
    let program = ("SuperOffice Server".to_owned(), (number.to_owned(), SERVER_PATH.to_owned()));
    let changed = machine.programs.get(&program.0) != Some(&program.1);
    machine.programs.insert(program.0, program.1);
    let text = format!(
        "[SuperOffice]\r\nGlobalPrefix=SuperOffice\r\n\r\n[ServerSetup installation]\r\nVersion={number}\r\nFolder={SERVER_PATH}\r\n"
    );
    machine.files.put_text(&ini, text);
    let server_setup = crate::world::files::Content::Program { version: number.to_owned(), role: super::Role::Plain };
    machine.files.put(&format!("{SERVER_PATH}\\ServerSetup.exe"), server_setup);
    state.fill_client_share(node, number);
    changed
}
