//! A machine that lies to its agent.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crm_agent::host::{Answered, FileContent, FolderContent, HandlerMap, Host, Numbered, ProcessId, ProcessState};
use crm_api::probe::{Machine, RunState, StartType};

use super::{Plant, Planted};

pub(super) struct LyingHost {
    inner: Arc<dyn Host>,
    planted: Planted,
    /// Whether a program was started.
    started: AtomicBool,
}

impl LyingHost {
    pub(super) fn new(inner: Arc<dyn Host>, planted: Planted) -> Self {
        Self { inner, planted, started: AtomicBool::new(false) }
    }

    /// Only Web's versions are lied about: they are judged by this machine alone.
    fn shown(&self, of: &str, version: String) -> String {
        if !of.contains("SuperOffice Web") {
            return version;
        }
        let (old, new) = (&self.planted.old, &self.planted.new);
        if self.planted.has(Plant::BlindProbe) && version == *new {
            return old.clone();
        }
        if self.planted.has(Plant::FakedEvidence) && version == *old && self.started.load(Ordering::Relaxed) {
            return new.clone();
        }
        version
    }
}

/// Methods that tell the truth.
macro_rules! truth {
    ($($method:ident($($name:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $method<'a>(&'a self, $($name: $type),*) -> Answered<'a, $answer> {
            self.inner.$method($($name),*)
        })*
    };
}

impl Host for LyingHost {
    truth! {
        machine() -> Machine;
        machine_id() -> String;
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
        pool(name: &'a str) -> RunState;
        sites_serving(folder: &'a str) -> Vec<String>;
        handlers(site: &'a str, folder: &'a str) -> HandlerMap;
        registry_content(key: &'a str) -> FileContent;
        iis_content() -> BTreeMap<String, FileContent>;
        move_file(from: &'a str, to: &'a str) -> ();
        import_registry(key: &'a str, from: &'a str) -> ();
        import_iis(from: &'a str) -> ();
        get_url(url: &'a str) -> i32;
        get_text(url: &'a str) -> String;
        mail_replies(host: &'a str, port: u16, commands: &'a [String]) -> Vec<String>;
        addresses(name: &'a str) -> Vec<IpAddr>;
        process(process: &'a ProcessId) -> ProcessState;
        read_journal() -> Option<String>;
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
        type_line(process: &'a ProcessId, line: &'a str) -> ();
        close_console(process: &'a ProcessId) -> ();
    }

    fn installed_program<'a>(&'a self, name: &'a str) -> Answered<'a, (String, String)> {
        Box::pin(async move {
            let (version, location) = self.inner.installed_program(name).await?;
            Ok((self.shown(name, version), location))
        })
    }

    fn file_version<'a>(&'a self, path: &'a str) -> Answered<'a, String> {
        Box::pin(async move { Ok(self.shown(path, self.inner.file_version(path).await?)) })
    }

    fn processes_below<'a>(&'a self, folder: &'a str) -> Answered<'a, Vec<String>> {
        // The agent has other ways to find its program than the journal: this one is closed too.
        if self.planted.has(Plant::ForgetfulJournal) && folder.contains("\\media\\") {
            return Box::pin(async { Ok(Vec::new()) });
        }
        self.inner.processes_below(folder)
    }

    fn start_process<'a>(&'a self, program: &'a str, arguments: &'a [String]) -> Answered<'a, ProcessId> {
        let is_web = program.to_ascii_lowercase().contains("\\web\\");
        self.started.fetch_or(is_web, Ordering::Relaxed);
        self.inner.start_process(program, arguments)
    }

    fn write_journal(&self, text: String) -> Answered<'_, ()> {
        if self.planted.has(Plant::ForgetfulJournal) {
            return Box::pin(async { Ok(()) });
        }
        self.inner.write_journal(text)
    }
}
