//! Web's setup: files with NetServer inside, and the entry in the list of installed programs.

use crm_api::probe::RunState;

use crate::world::files::Content;
use crate::world::ghost::Change;
use crate::world::http::NetServer;
use crate::world::install::configure_web;
use crate::world::moving::Choices;
use crate::world::state::State;
use crate::world::vendor::{Over, Role, Run, at_least};

/// Runs the setup.
pub(super) async fn install(run: &Run, seconds: u64) -> Result<(), Over> {
    run.say("SuperOffice Web setup");
    run.work(seconds * 5 / 100).await?;
    if let Some(reason) = run.world.with(|state| refusal(run, state)) {
        return Err(run.refuse(&reason));
    }
    let pool = run.world.with(|state| {
        let pool = state.layout.web_pool.clone();
        if state.assumptions.web_installer_stops_pool
            && let Some(machine) = run.machine(state)
        {
            let _ = machine.iis.turn(&pool, RunState::Stopped);
        }
        state.touched = true;
        pool
    });
    run.work(seconds * 45 / 100).await?;
    run.effect(Change::WebFiles, |state| {
        let first = state.net_server(&run.node, NetServer::InWeb).is_none();
        let changed = write_web_files(state, &run.node, &run.number);
        if first {
            // The product configuration follows the wizard (vendor: install/web-client).
            configure_web(state, &run.node);
        }
        changed
    });
    run.middle()?;
    let choices = Choices(run.person.as_deref().unwrap_or_default());
    run.world.with(|state| state.move_web(&run.node, &choices)).map_err(|reason| run.refuse(&reason))?;
    run.work(seconds * 40 / 100).await?;
    run.effect(Change::WebProgram, |state| write_web_program(state, &run.node, &run.number));
    run.world.with(|state| {
        if state.assumptions.web_installer_starts_pool
            && let Some(machine) = run.machine(state)
        {
            let _ = machine.iis.turn(&pool, RunState::Running);
        }
        // A NetServer that was running meanwhile meets the database now.
        state.net_server_works(&run.node);
        state.touched = true;
    });
    run.work(seconds * 10 / 100).await
}

pub(super) fn refusal(run: &Run, state: &State) -> Option<String> {
    let machine = state.machines.get(&run.node)?;
    let release = state.release(&run.number)?;
    if !run.elevated {
        return Some("You need administrator rights to run this setup.".to_owned());
    }
    if let Some(least) = &release.requires.dot_net
        && !at_least(machine.facts.dot_net.as_deref(), least)
    {
        return Some(format!("Microsoft .NET Framework {least} is required."));
    }
    // vendor: install/web-client, the list of sites is empty without IIS 6 compatibility
    let metabase = machine.facts.features.iter().any(|feature| feature == "Web-Metabase");
    (!metabase).then(|| "No web site was found. Is IIS 6 Metabase Compatibility installed?".to_owned())
}

/// Installs the files of a release; whether they were of another one.
pub(crate) fn write_web_files(state: &mut State, node: &str, number: &str) -> bool {
    let (so_core, web, batch) = (state.layout.so_core(), state.layout.web_path.clone(), batch_program(state));
    let prefix = state.layout.table_prefix.clone();
    let Some(machine) = state.machines.get_mut(node) else {
        return false;
    };
    let changed = machine.files.version(&so_core).ok().as_deref() != Some(number);
    for path in [so_core, format!("{web}\\bin\\SoDataBase.dll"), batch] {
        machine.files.put(&path, Content::Program { version: number.to_owned(), role: Role::Plain });
    }
    machine.files.put_text(&format!("{web}\\Default.aspx"), format!("<!-- {number} -->\r\n"));
    let config = format!("{web}\\web.config");
    if machine.files.get(&config).is_none() {
        let text = format!(
            "<configuration>\r\n  <SuperOffice>\r\n    <Data><Database><add key=\"TablePrefix\" value=\"{prefix}\"/>\
             </Database></Data>\r\n    <Services><add key=\"DefaultMode\" value=\"Local\"/></Services>\r\n  \
             </SuperOffice>\r\n</configuration>\r\n"
        );
        machine.files.put_text(&config, text);
    }
    changed
}

/// The batch task server's program (vendor: batch-task-server).
pub(crate) fn batch_program(state: &State) -> String {
    format!("{}\\bin\\SoBatchService.exe", state.layout.web_path)
}

/// Enters a release into the list of installed programs; whether it was another one.
pub(crate) fn write_web_program(state: &mut State, node: &str, number: &str) -> bool {
    let entry = (number.to_owned(), state.layout.web_path.clone());
    let Some(machine) = state.machines.get_mut(node) else {
        return false;
    };
    machine.programs.insert("SuperOffice Web".to_owned(), entry.clone()) != Some(entry)
}
