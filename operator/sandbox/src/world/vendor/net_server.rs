//! Web's setup with its second setup type: NetServer web services of their own, with an application and a pool in IIS
//! (vendor: install/netserver).

use crm_api::probe::RunState;
use crm_api::site::Component;

use crate::world::assumptions::Assumptions;
use crate::world::files::Content;
use crate::world::ghost::Change;
use crate::world::http::NetServer;
use crate::world::state::State;
use crate::world::vendor::{Over, Role, Run, Starter, web};

/// What Web's setup is told to install.
pub(super) fn setup_type(role: Role, arguments: &[String], starter: &Starter, assumptions: &Assumptions) -> Role {
    let by_argument = arguments.iter().any(|argument| argument.eq_ignore_ascii_case(&assumptions.argument_net_server));
    let by_person = match starter {
        Starter::Person(answers) => answers.iter().any(|answer| answer.answer == assumptions.setup_type_net_server),
        Starter::Agent(_) => false,
    };
    match role {
        Role::Setup(Component::Web) if by_argument || by_person => Role::Setup(Component::NetServer),
        role => role,
    }
}

/// Runs the setup.
pub(super) async fn install(run: &Run, seconds: u64) -> Result<(), Over> {
    run.say("SuperOffice NetServer setup");
    run.work(seconds * 5 / 100).await?;
    if let Some(reason) = run.world.with(|state| web::refusal(run, state)) {
        return Err(run.refuse(&reason));
    }
    let pool = run.world.with(|state| {
        let pool = state.layout.net_server_pool.clone();
        if state.assumptions.web_installer_stops_pool
            && let Some(machine) = run.machine(state)
        {
            let _ = machine.iis.turn(&pool, RunState::Stopped);
        }
        state.touched = true;
        pool
    });
    run.work(seconds * 45 / 100).await?;
    run.effect(Change::NetServerFiles, |state| write_net_server_files(state, &run.node, &run.number));
    run.middle()?;
    run.work(seconds * 40 / 100).await?;
    run.effect(Change::NetServerProgram, |state| write_net_server_program(state, &run.node, &run.number));
    run.world.with(|state| {
        if run.machine(state).is_some_and(|machine| machine.iis.pool(&pool).is_none()) {
            serve_net_server(state, &run.node);
        } else if state.assumptions.web_installer_starts_pool
            && let Some(machine) = run.machine(state)
        {
            let _ = machine.iis.turn(&pool, RunState::Running);
        }
        // One that was running meanwhile meets the database now.
        state.works(&run.node, NetServer::Own);
        state.touched = true;
    });
    run.work(seconds * 10 / 100).await
}

/// Installs the files of a release; whether they were of another one.
pub(crate) fn write_net_server_files(state: &mut State, node: &str, number: &str) -> bool {
    let (library, folder) = (state.layout.own_so_core(), state.layout.net_server_path.clone());
    let prefix = state.layout.table_prefix.clone();
    let Some(machine) = state.machines.get_mut(node) else {
        return false;
    };
    let changed = machine.files.version(&library).ok().as_deref() != Some(number);
    for path in [library, format!("{folder}\\bin\\SoDataBase.dll")] {
        machine.files.put(&path, Content::Program { version: number.to_owned(), role: Role::Plain });
    }
    let config = format!("{folder}\\web.config");
    if machine.files.get(&config).is_none() {
        let text = format!(
            "<configuration>\r\n  <SuperOffice>\r\n    <Data><Database><add key=\"TablePrefix\" value=\"{prefix}\"/>\
             </Database></Data>\r\n  </SuperOffice>\r\n</configuration>\r\n"
        );
        machine.files.put_text(&config, text);
    }
    changed
}

/// Enters a release into the list of installed programs; whether it was another one.
pub(crate) fn write_net_server_program(state: &mut State, node: &str, number: &str) -> bool {
    let entry = (number.to_owned(), state.layout.net_server_path.clone());
    let name = state.assumptions.net_server_program.clone();
    let Some(machine) = state.machines.get_mut(node) else {
        return false;
    };
    machine.programs.insert(name, entry.clone()) != Some(entry)
}

/// Gives it an application and a pool in IIS.
pub(crate) fn serve_net_server(state: &mut State, node: &str) {
    let layout = state.layout.clone();
    if let Some(machine) = state.machines.get_mut(node) {
        machine.iis.add_pool(&layout.net_server_pool);
        machine.iis.add_application(&layout.net_server_application, &layout.net_server_path);
    }
}
