//! A machine as one start of an agent meets it: silent once that agent is dead, with a seam around every journal write
//! and every deed, and with the journal read along, so that the history can name the order behind a start.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use crm_agent::host::{
    Answered, FileContent, FolderContent, HandlerMap, Host, HostError, Numbered, ProcessId, ProcessState,
};
use crm_api::order::Order;
use crm_api::probe::{Machine, RunState, StartType};
use crm_plan::carry_out::{Memory, Stage};
use serde::Deserialize;

use super::{Fate, Lives, Moment, Points};
use crate::world::World;

/// Told of what an agent really does.
pub(crate) trait Deeds: Send + Sync {
    /// An agent writes down that it begins an order.
    fn begins(&self, node: &str, order: &Order);
    /// An agent shows a text to whoever looks at its machine: in a file of its own, to a program.
    fn shows(&self, node: &str, place: &str, text: &[u8]);
}

/// One machine, for one start of its agent.
pub(crate) struct AgentHost {
    pub(crate) inner: Arc<dyn Host>,
    pub(crate) node: String,
    pub(crate) identity: String,
    pub(crate) lives: Lives,
    pub(crate) points: Arc<Points>,
    pub(crate) deeds: Arc<dyn Deeds>,
    pub(crate) world: World,
}

/// What is of interest in a journal.
#[derive(Deserialize)]
struct Journal {
    memory: Memory,
}

impl AgentHost {
    /// Looks at the machine.
    async fn look<T>(&self, answer: Answered<'_, T>) -> Result<T, HostError> {
        self.lives.go_on(&self.identity).await;
        let answer = answer.await;
        self.lives.go_on(&self.identity).await;
        answer
    }

    /// Changes the machine.
    async fn act<T>(&self, name: &str, deed: Answered<'_, T>) -> Result<T, HostError> {
        self.lives.go_on(&self.identity).await;
        let number = self.points.agent_begins(format!("{name} on {}", self.node));
        self.meet(number, Moment::Before).await;
        let answer = deed.await;
        self.meet(number, Moment::After).await;
        self.lives.go_on(&self.identity).await;
        answer
    }

    async fn meet(&self, number: usize, moment: Moment) {
        match self.points.agent_fate(&self.identity, &self.node, number, moment) {
            Fate::Die => std::future::pending().await,
            Fate::Proceed | Fate::LoseAnswer => {}
        }
    }

    fn read_along(&self, text: &str) {
        let Ok(Journal { memory }) = serde_json::from_str::<Journal>(text) else { return };
        let Some(record) = memory.in_hand() else { return };
        match record.stage {
            Stage::Idle if record.action == 0 && record.programs_ended == 0 => {
                self.deeds.begins(&self.node, &record.order);
            }
            Stage::Starting => {
                let order = format!("{}#{}", record.order.id, record.order.attempt);
                self.world.set_order(&self.node, Some(order));
            }
            Stage::Idle | Stage::Running | Stage::Seen => {}
        }
    }
}

/// Methods that only look, and methods that change something.
macro_rules! host {
    (
        look { $($look:ident($($lname:ident: $ltype:ty),*) -> $lanswer:ty;)* }
        act { $($act:ident($($aname:ident: $atype:ty),*) -> $aanswer:ty;)* }
    ) => {
        $(fn $look<'a>(&'a self, $($lname: $ltype),*) -> Answered<'a, $lanswer> {
            Box::pin(self.look(self.inner.$look($($lname),*)))
        })*
        $(fn $act<'a>(&'a self, $($aname: $atype),*) -> Answered<'a, $aanswer> {
            Box::pin(self.act(stringify!($act), self.inner.$act($($aname),*)))
        })*
    };
}

impl Host for AgentHost {
    host! {
        look {
            machine() -> Machine;
            machine_id() -> String;
            installed_program(name: &'a str) -> (String, String);
            file_version(path: &'a str) -> String;
            file_content(path: &'a str) -> FileContent;
            read_file(path: &'a str) -> Vec<u8>;
            folders(path: &'a str) -> Vec<String>;
            tree(path: &'a str) -> BTreeMap<String, FileContent>;
            listing(path: &'a str) -> BTreeMap<String, i64>;
            folder_size(path: &'a str) -> FolderContent;
        numbered_files(path: &'a str) -> Numbered;
            disk_free(path: &'a str) -> i64;
            registry_subkeys(key: &'a str) -> BTreeMap<String, BTreeMap<String, String>>;
            service(name: &'a str) -> (RunState, StartType);
            processes_below(folder: &'a str) -> Vec<String>;
            pool(name: &'a str) -> RunState;
            sites_serving(folder: &'a str) -> Vec<String>;
            handlers(site: &'a str, folder: &'a str) -> HandlerMap;
            registry_content(key: &'a str) -> FileContent;
            iis_content() -> BTreeMap<String, FileContent>;
            get_url(url: &'a str) -> i32;
            get_text(url: &'a str) -> String;
            mail_replies(host: &'a str, port: u16, commands: &'a [String]) -> Vec<String>;
            addresses(name: &'a str) -> Vec<IpAddr>;
            process(process: &'a ProcessId) -> ProcessState;
            read_journal() -> Option<String>;
        }
        act {
            replace_file(path: &'a str, content: Vec<u8>) -> ();
            copy_file(from: &'a str, to: &'a str) -> ();
            copy_tree(from: &'a str, to: &'a str) -> ();
            unpack(archive: &'a str, to: &'a str) -> ();
            export_registry(key: &'a str, to: &'a str) -> ();
            set_service_start(name: &'a str, start: StartType) -> ();
            set_service_state(name: &'a str, state: RunState) -> ();
            set_pool_state(name: &'a str, state: RunState) -> ();
            remove_handlers(site: &'a str, folder: &'a str) -> ();
            export_iis(to: &'a str) -> ();
            move_file(from: &'a str, to: &'a str) -> ();
            import_registry(key: &'a str, from: &'a str) -> ();
            import_iis(from: &'a str) -> ();
            close_console(process: &'a ProcessId) -> ();
        }
    }

    fn start_process<'a>(&'a self, program: &'a str, arguments: &'a [String]) -> Answered<'a, ProcessId> {
        self.deeds.shows(&self.node, "the arguments of a program", arguments.join(" ").as_bytes());
        Box::pin(self.act("start_process", self.inner.start_process(program, arguments)))
    }

    fn type_line<'a>(&'a self, process: &'a ProcessId, line: &'a str) -> Answered<'a, ()> {
        self.deeds.shows(&self.node, "what a program is told", line.as_bytes());
        Box::pin(self.act("type_line", self.inner.type_line(process, line)))
    }

    fn write_journal(&self, text: String) -> Answered<'_, ()> {
        Box::pin(async move {
            self.lives.go_on(&self.identity).await;
            self.read_along(&text);
            self.deeds.shows(&self.node, "the agent's journal", text.as_bytes());
            self.act("write_journal", self.inner.write_journal(text)).await
        })
    }
}
