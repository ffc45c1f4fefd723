//! The machine, cut along what Windows itself offers. The agent asks and acts through this trait only; behind it stands
//! the system (`OsHost`, in the program), or the sandbox.
//!
//! Every call may fail with a sentence of the machine. None of them judges: exit codes, states and contents come back
//! as they are.

#[cfg(feature = "program")]
mod os;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crm_api::probe::{Machine, RunState, StartType};
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::text::TextError;
use crate::text::encoding;

#[cfg(feature = "program")]
pub use os::OsHost;

/// What the machine said instead of doing it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The thing does not exist.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The machine refused.
    #[error("{0}")]
    Refused(String),
}

/// Answer of the machine; the call may take its time.
pub type Answered<'host, T> = BoxFuture<'host, Result<T, HostError>>;

/// A process that the agent started: enough to find it again after the agent or the machine was restarted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessId {
    /// Process id of Windows.
    pub pid: u32,
    /// When it was started: pids are used again.
    pub started_at: Timestamp,
    /// Boot in which it was started: no process survives another one.
    pub boot_id: String,
}

/// What a process is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessState {
    /// It runs.
    Running {
        /// What it has printed so far, where it has a console that this agent started.
        output: String,
    },
    /// It is over.
    Ended {
        /// Its exit code, where Windows still knows it.
        exit_code: Option<i32>,
        /// Everything that it printed.
        output: String,
    },
    /// Nobody knows it any more: the agent that started it is gone and so is the process, or the machine was restarted.
    Gone,
}

/// Size and content hash of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContent {
    /// Size in bytes.
    pub size_bytes: i64,
    /// sha256, lower-case hexadecimal.
    pub sha256: String,
}

/// Number and size of files below a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderContent {
    /// Number of files.
    pub files: i64,
    /// Sum of their sizes in bytes.
    pub size_bytes: i64,
}

/// FastCGI handlers of an IIS site against the programs in the folder it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerMap {
    /// Programs in the folder, by file name.
    pub programs: Vec<String>,
    /// Programs that have a FastCGI handler, by file name.
    pub mapped: Vec<String>,
    /// Of these, programs whose handler does not accept the verb `OPTIONS`.
    pub without_options: Vec<String>,
}

/// A file that is there and cannot be read as what it should be.
pub(crate) fn broken(path: &str, error: &TextError) -> HostError {
    HostError::Refused(format!("{path}: {error}"))
}

/// Files whose names begin with a number: runs of consecutive numbers, first and last, by the name of the sub-folder in
/// which they lie; the name is empty for the folder itself. Other files do not count.
pub type Numbered = BTreeMap<String, Vec<(i64, i64)>>;

/// One Windows machine.
pub trait Host: Send + Sync {
    /// Windows, IIS, .NET, rights, boot id.
    fn machine(&self) -> Answered<'_, Machine>;
    /// What tells this machine from every other one, a copy of its disks included, and stays the same over restarts: 64
    /// characters at most.
    fn machine_id(&self) -> Answered<'_, String>;

    /// Version and location of an installed program, by display name.
    fn installed_program<'a>(&'a self, name: &'a str) -> Answered<'a, (String, String)>;
    /// Version resource of a file.
    fn file_version<'a>(&'a self, path: &'a str) -> Answered<'a, String>;
    /// Size and hash of a file.
    fn file_content<'a>(&'a self, path: &'a str) -> Answered<'a, FileContent>;
    /// Content of a file. One that is larger than [`TEXT_BYTES_MAX`](crate::text::encoding::TEXT_BYTES_MAX) may be refused.
    fn read_file<'a>(&'a self, path: &'a str) -> Answered<'a, Vec<u8>>;
    /// Replaces a file as a whole: old or new, never half.
    fn replace_file<'a>(&'a self, path: &'a str, content: Vec<u8>) -> Answered<'a, ()>;
    /// Text of a file, whatever its encoding.
    fn read_text<'a>(&'a self, path: &'a str) -> Answered<'a, String> {
        Box::pin(async move {
            let (text, _) = encoding::decode(&self.read_file(path).await?).map_err(|error| broken(path, &error))?;
            Ok(text)
        })
    }
    /// Replaces a file by a text in UTF-8.
    fn replace_text<'a>(&'a self, path: &'a str, text: String) -> Answered<'a, ()> {
        self.replace_file(path, text.into_bytes())
    }
    /// Names of the sub-folders.
    fn folders<'a>(&'a self, path: &'a str) -> Answered<'a, Vec<String>>;
    /// Everything below a folder, with relative path and content.
    fn tree<'a>(&'a self, path: &'a str) -> Answered<'a, BTreeMap<String, FileContent>>;
    /// Everything below a folder with its size in bytes; no file is opened, so that large archives can be listed.
    fn listing<'a>(&'a self, path: &'a str) -> Answered<'a, BTreeMap<String, i64>>;
    /// Number and size of everything below a folder.
    fn folder_size<'a>(&'a self, path: &'a str) -> Answered<'a, FolderContent>;
    /// Numbers of the files of a folder and of each of its sub-folders; no file is opened.
    fn numbered_files<'a>(&'a self, path: &'a str) -> Answered<'a, Numbered>;
    /// Free bytes on the volume or share of a path.
    fn disk_free<'a>(&'a self, path: &'a str) -> Answered<'a, i64>;
    /// Copies one file.
    fn copy_file<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()>;
    /// Copies a tree, over what is there.
    fn copy_tree<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()>;
    /// Moves one file, over what is there. Old place or new place, never both.
    fn move_file<'a>(&'a self, from: &'a str, to: &'a str) -> Answered<'a, ()>;
    /// Unpacks an archive into a folder.
    fn unpack<'a>(&'a self, archive: &'a str, to: &'a str) -> Answered<'a, ()>;

    /// Sub-keys of a registry key with their string values.
    fn registry_subkeys<'a>(&'a self, key: &'a str) -> Answered<'a, BTreeMap<String, BTreeMap<String, String>>>;
    /// Exports a registry key to a file.
    fn export_registry<'a>(&'a self, key: &'a str, to: &'a str) -> Answered<'a, ()>;

    /// Size and hash of what an export of a registry key would hold now.
    fn registry_content<'a>(&'a self, key: &'a str) -> Answered<'a, FileContent>;
    /// Makes a registry key exactly what an export of it holds.
    fn import_registry<'a>(&'a self, key: &'a str, from: &'a str) -> Answered<'a, ()>;

    /// State and start type of a service.
    fn service<'a>(&'a self, name: &'a str) -> Answered<'a, (RunState, StartType)>;
    /// Changes the start type of a service.
    fn set_service_start<'a>(&'a self, name: &'a str, start: StartType) -> Answered<'a, ()>;
    /// Starts or stops a service and waits until it is so.
    fn set_service_state<'a>(&'a self, name: &'a str, state: RunState) -> Answered<'a, ()>;
    /// Programs running from a folder or below.
    fn processes_below<'a>(&'a self, folder: &'a str) -> Answered<'a, Vec<String>>;

    /// State of an IIS application pool.
    fn pool<'a>(&'a self, name: &'a str) -> Answered<'a, RunState>;
    /// Starts or stops an IIS application pool and waits until it is so.
    fn set_pool_state<'a>(&'a self, name: &'a str, state: RunState) -> Answered<'a, ()>;
    /// Names of the IIS sites that serve a folder.
    fn sites_serving<'a>(&'a self, folder: &'a str) -> Answered<'a, Vec<String>>;
    /// FastCGI handlers of a site.
    fn handlers<'a>(&'a self, site: &'a str, folder: &'a str) -> Answered<'a, HandlerMap>;
    /// Takes away a site's FastCGI handlers for the programs in a folder, with their FastCGI applications.
    fn remove_handlers<'a>(&'a self, site: &'a str, folder: &'a str) -> Answered<'a, ()>;
    /// Exports the IIS configuration to a folder.
    fn export_iis<'a>(&'a self, to: &'a str) -> Answered<'a, ()>;

    /// What an export of the IIS configuration would hold now, with relative path and content.
    fn iis_content(&self) -> Answered<'_, BTreeMap<String, FileContent>>;
    /// Makes the IIS configuration exactly what an export of it holds. Pools keep their state.
    fn import_iis<'a>(&'a self, from: &'a str) -> Answered<'a, ()>;

    /// Status of a GET request; an error where no connection came about.
    fn get_url<'a>(&'a self, url: &'a str) -> Answered<'a, i32>;
    /// Body of a GET request that asks for `application/json`; an error where the status is not 200. A body that is larger
    /// than [`TEXT_BYTES_MAX`](crate::text::encoding::TEXT_BYTES_MAX) may be refused.
    fn get_text<'a>(&'a self, url: &'a str) -> Answered<'a, String>;

    /// Replies of a mail server, its greeting first: one to `EHLO` with this machine's name, and one to each command, sent
    /// one after another. The first reply that is no yes is the last. Then the conversation is ended.
    fn mail_replies<'a>(&'a self, host: &'a str, port: u16, commands: &'a [String]) -> Answered<'a, Vec<String>>;
    /// IP addresses to which a name resolves on this machine.
    fn addresses<'a>(&'a self, name: &'a str) -> Answered<'a, Vec<IpAddr>>;

    /// Starts a program without a window and with the agent's rights. It outlives the agent.
    fn start_process<'a>(&'a self, program: &'a str, arguments: &'a [String]) -> Answered<'a, ProcessId>;
    /// What a process is at.
    fn process<'a>(&'a self, process: &'a ProcessId) -> Answered<'a, ProcessState>;
    /// Types one line into the console of a process that this agent started.
    fn type_line<'a>(&'a self, process: &'a ProcessId, line: &'a str) -> Answered<'a, ()>;
    /// Closes the console of a process that this agent started: it reads the end of its input.
    fn close_console<'a>(&'a self, process: &'a ProcessId) -> Answered<'a, ()>;

    /// The agent's journal, if there is one.
    fn read_journal(&self) -> Answered<'_, Option<String>>;
    /// Replaces the agent's journal as a whole and flushes it to disk.
    fn write_journal(&self, text: String) -> Answered<'_, ()>;
}
