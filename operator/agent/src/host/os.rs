//! The machine that this program runs on, as far as every system offers the same: files, network, processes, the journal.
//!
//! What only Windows has (registry, services, IIS, version resources, installed programs) is refused with a sentence that
//! says so: a question that cannot be answered here is never answered as absent.
//!
//! Paths come as Windows writes them. On other systems `\` separates as `/` does, so that the same orders can be tried there.

mod files;
mod machine;
mod network;
mod processes;
mod trees;
mod unpack;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crm_api::probe::{Machine, RunState, StartType};
use crm_process::web::Web;

use super::{Answered, FileContent, FolderContent, HandlerMap, Host, HostError, Numbered, ProcessId, ProcessState};
use processes::Processes;

/// Name of the journal in the agent's own folder.
const JOURNAL: &str = "journal.json";

/// This machine.
pub struct OsHost {
    data: PathBuf,
    /// What a person says that tells this machine from a copy of it.
    machine_id: Option<String>,
    web: Web,
    processes: Arc<Processes>,
}

impl OsHost {
    /// The machine, for an agent that keeps its own files in `data`. What tells it from a copy is asked of the system where
    /// nobody says it.
    #[must_use]
    pub fn new(data: &Path, machine_id: Option<&str>) -> Self {
        Self {
            data: data.to_owned(),
            machine_id: machine_id.map(str::to_owned),
            web: Web::default(),
            processes: Arc::new(Processes::new(&data.join("consoles"))),
        }
    }
}

/// Where a path of an order lies here.
fn place(path: &str) -> PathBuf {
    if cfg!(windows) { PathBuf::from(path) } else { PathBuf::from(path.replace('\\', "/")) }
}

/// What the system said about a path.
fn said(path: &Path, error: &io::Error) -> HostError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => HostError::NotFound(path.display().to_string()),
        _ => HostError::Refused(format!("{}: {error}", path.display())),
    }
}

/// What this build does not ask its machine.
fn foreign<T>(what: &str) -> Result<T, HostError> {
    let why = match std::env::consts::OS {
        "windows" => "is not built into this agent yet".to_owned(),
        "linux" => "is asked of Windows only; this agent runs on Linux".to_owned(),
        other => format!("is asked of Windows only; this agent runs on {other}"),
    };
    Err(HostError::Refused(format!("{what} {why}")))
}

fn refused<'a, T: Send + 'a>(what: &str) -> Answered<'a, T> {
    Box::pin(std::future::ready(foreign(what)))
}

/// Disks and shares take their time: what waits for them waits on a thread of its own.
fn aside<'a, T: Send + 'static>(work: impl FnOnce() -> Result<T, HostError> + Send + 'static) -> Answered<'a, T> {
    Box::pin(async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(HostError::Refused(format!("the agent itself failed: {error}"))))
    })
}

impl Host for OsHost {
    fn machine(&self) -> Answered<'_, Machine> {
        aside(machine::machine)
    }

    fn machine_id(&self) -> Answered<'_, String> {
        let said = self.machine_id.clone();
        aside(move || machine::id(said.as_deref()))
    }

    fn installed_program<'a>(&'a self, _: &'a str) -> Answered<'a, (String, String)> {
        refused("the list of installed programs")
    }

    fn file_version<'a>(&'a self, _: &'a str) -> Answered<'a, String> {
        refused("the version resource of a file")
    }

    fn file_content<'a>(&'a self, path: &'a str) -> Answered<'a, FileContent> {
        let path = place(path);
        aside(move || files::content(&path))
    }

    fn read_file<'a>(&'a self, path: &'a str) -> Answered<'a, Vec<u8>> {
        let path = place(path);
        aside(move || files::read(&path))
    }

    fn replace_file<'a>(&'a self, path: &'a str, content: Vec<u8>) -> Answered<'a, ()> {
        let path = place(path);
        aside(move || files::replace(&path, &content))
    }

    fn folders<'a>(&'a self, path: &'a str) -> Answered<'a, Vec<String>> {
        let path = place(path);
        aside(move || trees::folders(&path))
    }

    fn tree<'a>(&'a self, path: &'a str) -> Answered<'a, BTreeMap<String, FileContent>> {
        let path = place(path);
        aside(move || trees::tree(&path))
    }

    fn listing<'a>(&'a self, path: &'a str) -> Answered<'a, BTreeMap<String, i64>> {
        let path = place(path);
        aside(move || trees::listing(&path))
    }

    fn folder_size<'a>(&'a self, path: &'a str) -> Answered<'a, FolderContent> {
        let path = place(path);
        aside(move || trees::size(&path))
    }

    fn numbered_files<'a>(&'a self, path: &'a str) -> Answered<'a, Numbered> {
        let path = place(path);
        aside(move || trees::numbered(&path))
    }

    fn disk_free<'a>(&'a self, path: &'a str) -> Answered<'a, i64> {
        let path = place(path);
        aside(move || files::free_bytes(&path))
    }

    fn copy_file<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()> {
        let (from, to) = (place(from), place(to));
        aside(move || files::copy(&from, &to))
    }

    fn copy_tree<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()> {
        let (from, to) = (place(from), place(to));
        aside(move || trees::copy(&from, &to))
    }

    fn move_file<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()> {
        let (from, to) = (place(from), place(to));
        aside(move || files::rename(&from, &to))
    }

    fn unpack<'a>(&'a self, archive: &'a str, to: &'a str) -> Answered<'a, ()> {
        let (archive, to) = (place(archive), place(to));
        aside(move || unpack::unpack(&archive, &to))
    }

    fn registry_subkeys<'a>(&'a self, _: &'a str) -> Answered<'a, BTreeMap<String, BTreeMap<String, String>>> {
        refused("the registry")
    }

    fn export_registry<'a>(&'a self, _: &'a str, _: &'a str) -> Answered<'a, ()> {
        refused("the registry")
    }

    fn registry_content<'a>(&'a self, _: &'a str) -> Answered<'a, FileContent> {
        refused("the registry")
    }

    fn import_registry<'a>(&'a self, _: &'a str, _: &'a str) -> Answered<'a, ()> {
        refused("the registry")
    }

    fn service<'a>(&'a self, _: &'a str) -> Answered<'a, (RunState, StartType)> {
        refused("a service")
    }

    fn set_service_start<'a>(&'a self, _: &'a str, _: StartType) -> Answered<'a, ()> {
        refused("a service")
    }

    fn set_service_state<'a>(&'a self, _: &'a str, _: RunState) -> Answered<'a, ()> {
        refused("a service")
    }

    fn processes_below<'a>(&'a self, folder: &'a str) -> Answered<'a, Vec<String>> {
        let folder = place(folder);
        aside(move || processes::below(&folder))
    }

    fn pool<'a>(&'a self, _: &'a str) -> Answered<'a, RunState> {
        refused("an application pool of IIS")
    }

    fn set_pool_state<'a>(&'a self, _: &'a str, _: RunState) -> Answered<'a, ()> {
        refused("an application pool of IIS")
    }

    fn sites_serving<'a>(&'a self, _: &'a str) -> Answered<'a, Vec<String>> {
        refused("the configuration of IIS")
    }

    fn handlers<'a>(&'a self, _: &'a str, _: &'a str) -> Answered<'a, HandlerMap> {
        refused("the configuration of IIS")
    }

    fn remove_handlers<'a>(&'a self, _: &'a str, _: &'a str) -> Answered<'a, ()> {
        refused("the configuration of IIS")
    }

    fn export_iis<'a>(&'a self, _: &'a str) -> Answered<'a, ()> {
        refused("the configuration of IIS")
    }

    fn iis_content(&self) -> Answered<'_, BTreeMap<String, FileContent>> {
        refused("the configuration of IIS")
    }

    fn import_iis<'a>(&'a self, _: &'a str) -> Answered<'a, ()> {
        refused("the configuration of IIS")
    }

    fn get_url<'a>(&'a self, url: &'a str) -> Answered<'a, i32> {
        Box::pin(network::status(&self.web, url))
    }

    fn get_text<'a>(&'a self, url: &'a str) -> Answered<'a, String> {
        Box::pin(network::text(&self.web, url))
    }

    fn mail_replies<'a>(&'a self, host: &'a str, port: u16, commands: &'a [String]) -> Answered<'a, Vec<String>> {
        Box::pin(network::mail_replies(host, port, commands))
    }

    fn addresses<'a>(&'a self, name: &'a str) -> Answered<'a, Vec<IpAddr>> {
        Box::pin(network::addresses(name))
    }

    fn start_process<'a>(&'a self, program: &'a str, arguments: &'a [String]) -> Answered<'a, ProcessId> {
        let (processes, program, arguments) = (Arc::clone(&self.processes), place(program), arguments.to_vec());
        aside(move || processes.start(&program, &arguments))
    }

    fn process<'a>(&'a self, process: &'a ProcessId) -> Answered<'a, ProcessState> {
        let (processes, process) = (Arc::clone(&self.processes), process.clone());
        aside(move || processes.state(&process))
    }

    fn type_line<'a>(&'a self, process: &'a ProcessId, line: &'a str) -> Answered<'a, ()> {
        let (processes, process, line) = (Arc::clone(&self.processes), process.clone(), line.to_owned());
        aside(move || processes.type_line(&process, &line))
    }

    fn close_console<'a>(&'a self, process: &'a ProcessId) -> Answered<'a, ()> {
        let (processes, process) = (Arc::clone(&self.processes), process.clone());
        aside(move || processes.close(&process))
    }

    fn read_journal(&self) -> Answered<'_, Option<String>> {
        let path = self.data.join(JOURNAL);
        aside(move || match files::read(&path) {
            Ok(bytes) => String::from_utf8(bytes)
                .map(Some)
                .map_err(|_| HostError::Refused(format!("{} is not UTF-8 text", path.display()))),
            Err(HostError::NotFound(_)) => Ok(None),
            Err(error @ HostError::Refused(_)) => Err(error),
        })
    }

    fn write_journal(&self, text: String) -> Answered<'_, ()> {
        let path = self.data.join(JOURNAL);
        aside(move || files::replace(&path, text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, HostError, OsHost};

    #[tokio::test]
    async fn the_journal_is_there_once_it_was_written_and_survives_its_agent() {
        let folder = tempfile::tempdir().unwrap();
        let host = OsHost::new(folder.path(), None);
        assert_eq!(host.read_journal().await, Ok(None));
        host.write_journal("{\"version\": 1}".to_owned()).await.unwrap();
        host.write_journal("{\"version\": 2}".to_owned()).await.unwrap();
        let next = OsHost::new(folder.path(), None);
        assert_eq!(next.read_journal().await, Ok(Some("{\"version\": 2}".to_owned())));
    }

    #[tokio::test]
    async fn orders_with_windows_paths_are_carried_out_on_any_system() {
        let folder = tempfile::tempdir().unwrap();
        let host = OsHost::new(folder.path(), None);
        let root = folder.path().display().to_string();
        host.replace_text(&format!("{root}\\a\\b.txt"), "x".to_owned()).await.unwrap();
        assert_eq!(host.read_text(&format!("{root}\\a\\b.txt")).await, Ok("x".to_owned()));
        let missing = host.read_text(&format!("{root}\\a\\c.txt")).await;
        assert!(matches!(missing, Err(HostError::NotFound(_))), "{missing:?}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_only_windows_has_is_refused_and_not_called_absent() {
        let host = OsHost::new(std::path::Path::new("/nowhere"), None);
        let only = "is asked of Windows only; this agent runs on Linux";
        for answer in [
            host.service("W3SVC").await.map(|_| ()),
            host.registry_subkeys("HKLM\\SOFTWARE").await.map(|_| ()),
            host.pool("DefaultAppPool").await.map(|_| ()),
            host.installed_program("x").await.map(|_| ()),
            host.file_version("x").await.map(|_| ()),
            host.export_iis("x").await,
        ] {
            assert!(matches!(&answer, Err(HostError::Refused(why)) if why.ends_with(only)), "{answer:?}");
        }
    }
}
