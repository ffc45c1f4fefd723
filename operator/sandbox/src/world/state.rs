//! The world as a whole: its state behind one lock, its clock, its history.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crm_api::clock::Clock;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::Component;
use crm_database::Credentials;
use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng as _;
use tokio::time::Instant;

use crate::world::assumptions::Assumptions;
use crate::world::faults::{Faults, WorldFault};
use crate::world::files::FileSystem;
use crate::world::ghost::{Ghost, GhostEvent, Happening, Observer};
use crate::world::layout::Layout;
use crate::world::machine::Machine;
use crate::world::network::Network;
use crate::world::routes::Routes;
use crate::world::scratch::Scratch;
use crate::world::sites::SiteParts;
use crate::world::sql::Database;
use crate::world::users::Users;

/// A handle on the world; clones are the same world. Methods that change it in time need a tokio runtime.
#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
}

struct Shared {
    start: Timestamp,
    origin: Instant,
    state: Mutex<State>,
}

/// Everything there is. Reached only through [`World::with`], never held over an await.
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) assumptions: Assumptions,
    /// Names and places of the site at hand; so `former`, `database`, `credentials` and `users` (see `sites`).
    pub(crate) layout: Layout,
    /// The Service instance that a move has left behind.
    pub(crate) former: Option<Layout>,
    pub(crate) routes: Routes,
    pub(crate) releases: Vec<CrmReleaseSpec>,
    /// Packages by the sha256 of their content.
    pub(crate) packages: BTreeMap<String, Package>,
    pub(crate) machines: BTreeMap<String, Machine>,
    pub(crate) shares: FileSystem,
    pub(crate) database: Database,
    /// What each whole backup file holds.
    pub(crate) saved: BTreeMap<String, Database>,
    /// Databases beside the site's own, by name.
    pub(crate) scratch: BTreeMap<String, Scratch>,
    pub(crate) credentials: Credentials,
    pub(crate) network: Network,
    pub(crate) users: Users,
    /// What is their own of the sites that are not at hand.
    pub(crate) aside: Vec<SiteParts>,
    /// Names of all sites, in the order of the scenario.
    pub(crate) site_names: Vec<String>,
    pub(crate) faults: Faults,
    pub(crate) ghost: Ghost,
    pub(crate) dice: ChaCha8Rng,
    /// Something changed that decides whether users can work.
    pub(crate) touched: bool,
}

/// What comes out of a package.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) component: Component,
    pub(crate) number: String,
    pub(crate) program: String,
}

impl State {
    pub(crate) fn write(&mut self, what: Happening) {
        self.ghost.write(self.now, &self.layout.site, what);
    }

    pub(crate) fn release(&self, number: &str) -> Option<&CrmReleaseSpec> {
        self.releases.iter().find(|release| release.number == number)
    }

    /// Name of NetServer's web services at a release, as it stands in addresses: `Services82`.
    pub(crate) fn endpoint(&self, number: &str) -> String {
        let name = self.release(number).and_then(|release| release.super_office.as_ref()?.services_endpoint.clone());
        let name = name.unwrap_or_else(|| "services".to_owned());
        let mut letters = name.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }

    /// The files that a path means on a machine: its own, or those of the shares.
    pub(crate) fn files(&self, node: &str, path: &str) -> Option<&FileSystem> {
        if crate::world::files::is_unc(path) {
            return Some(&self.shares);
        }
        self.machines.get(node).map(|machine| &machine.files)
    }

    pub(crate) fn files_mut(&mut self, node: &str, path: &str) -> Option<&mut FileSystem> {
        if crate::world::files::is_unc(path) {
            return Some(&mut self.shares);
        }
        self.machines.get_mut(node).map(|machine| &mut machine.files)
    }

    /// A number between two others, both included.
    pub(crate) fn roll(&mut self, least: u32, most: u32) -> u32 {
        let span = most.saturating_sub(least).saturating_add(1).max(1);
        least + self.dice.next_u32() % span
    }
}

impl World {
    pub(crate) fn of(state: State) -> Self {
        let shared = Shared { start: state.now, origin: Instant::now(), state: Mutex::new(state) };
        Self { shared: Arc::new(shared) }
    }

    /// Looks at or changes the world; then users notice, and observers hear what happened.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let (result, events, observers) = {
            let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.now = self.now();
            let result = act(&mut state);
            if std::mem::take(&mut state.touched) {
                state.at_each(State::users_look);
            }
            let events = state.ghost.take_new();
            let observers = if events.is_empty() { Vec::new() } else { state.ghost.observers.clone() };
            (result, events, observers)
        };
        for event in &events {
            for observer in &observers {
                observer(event);
            }
        }
        result
    }

    /// The time in the world: its start plus what the runtime's clock has advanced since.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let passed = Instant::now().saturating_duration_since(self.shared.origin);
        self.shared.start.checked_add(passed).unwrap_or(self.shared.start)
    }

    /// Lets the scheduler tick and the users work, every minute for as long as the runtime lives. Call once.
    pub fn start(&self) {
        let world = self.clone();
        tokio::spawn(async move {
            loop {
                let child_seconds = world.with(|state| {
                    state.at_each(State::scheduler_tick);
                    state.at_each(State::users_minute);
                    state.assumptions.scheduler_child_seconds.min(59)
                });
                tokio::time::sleep(Duration::from_secs(child_seconds)).await;
                world.with(|state| state.at_each(State::scheduler_children_end));
                tokio::time::sleep(Duration::from_secs(60 - child_seconds)).await;
            }
        });
    }

    /// Has every event from now on reported. An observer may look at the world; it must not change it.
    pub fn on_event(&self, observer: Observer) {
        self.with(|state| state.ghost.observers.push(observer));
    }

    /// Sets a fault; `at` binds it to a component word (`CrmServer`, `Web`, `Service`), a program's
    /// file name, a machine, or `Web@machine`; for backups to `Database`.
    pub fn arm(&self, fault: WorldFault, at: Option<String>) {
        self.with(|state| {
            if fault == WorldFault::ForeignSession {
                state.database.foreign_session = true;
                state.write(Happening::FaultStruck { fault: fault.name().to_owned(), at: "REPORTSRV".to_owned() });
            } else {
                state.faults.arm(fault, at);
            }
        });
    }

    /// Everything that has happened so far.
    #[must_use]
    pub fn history(&self) -> Vec<GhostEvent> {
        self.with(|state| state.ghost.events.clone())
    }

    /// Names of the machines.
    #[must_use]
    pub fn nodes(&self) -> Vec<String> {
        self.with(|state| state.machines.keys().cloned().collect())
    }

    /// Where things of the first site lie.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.with(|state| state.layout.clone())
    }

    /// What was assumed.
    #[must_use]
    pub fn assumptions(&self) -> Assumptions {
        self.with(|state| state.assumptions.clone())
    }

    /// Says which order a machine's agent is carrying out, so that the history can name it.
    pub fn set_order(&self, node: &str, order: Option<String>) {
        self.with(|state| {
            if let Some(machine) = state.machines.get_mut(node) {
                machine.order = order;
            }
        });
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        World::now(self)
    }
}
