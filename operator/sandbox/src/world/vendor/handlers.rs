//! FastCGI in IIS, as `upgrade.exe` sets it up: every program in `www\scripts` is mapped to a `.fcgi` placeholder, at
//! the level of the site (vendor: upgrade/service, "FastCGI").

use crate::world::iis::Handler;
use crate::world::state::State;
use crate::world::vendor::at_least;

/// Ending of links while FastCGI is in use.
pub(crate) const FCGI: &str = "fcgi";
/// The update that makes FastCGI of IIS 7.0 correct (Microsoft KB 980363).
pub(super) const HOTFIX: &str = "KB980363";

/// Whether IIS on a machine carries FastCGI: 7.5 or later, or a patched 7.0.
pub(super) fn iis_suits(state: &State, node: &str) -> bool {
    let Some(machine) = state.machines.get(node) else {
        return false;
    };
    at_least(machine.facts.iis.as_deref(), "7.5") || machine.facts.hotfixes.iter().any(|hotfix| hotfix == HOTFIX)
}

/// How much of the handlers to set up: a crash in between leaves the first half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Half,
    All,
}

/// Maps the programs that have no handler yet, and lets those that are there accept `OPTIONS`; whether there were any.
/// Time-outs that people set stay (vendor: upgrade/service, "FastCGI").
pub(crate) fn map_programs(state: &mut State, node: &str, site: &str, extent: Extent) -> bool {
    let scripts = state.layout.scripts();
    let Some(machine) = state.machines.get_mut(node) else {
        return false;
    };
    let mut programs = machine.programs_in(&scripts);
    if extent == Extent::Half {
        programs.truncate(programs.len() / 2);
    }
    let Some(site) = machine.iis.sites.get_mut(site) else {
        return false;
    };
    let mut changed = false;
    for program in programs {
        let handler = site.handlers.entry(program).or_insert_with(|| {
            changed = true;
            Handler::default()
        });
        changed |= !handler.options;
        handler.options = true;
    }
    if changed {
        state.database.registry.insert("AddedOptionsFcgi".to_owned(), "1".to_owned());
    }
    changed
}
