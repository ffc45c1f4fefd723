//! How far an action is whose result is files: it asks, compares, and changes nothing.

use std::collections::BTreeMap;

use crm_api::order::{Action, FileRecord};
use crm_plan::carry_out::{ActionStanding, Question, question_of, standing_by_answer};

use crate::bring_back;
use crate::file_list;
use crate::host::{FileContent, Host, HostError};
use crate::observe;

/// Mark of a finished unpacking: a file with the sha256 of the package, beside what came out of it.
const UNPACKED: &str = ".unpacked";

/// How far a simple action is.
pub(crate) async fn standing(host: &dyn Host, action: &Action) -> ActionStanding {
    if let Question::Probe(probe) = question_of(action) {
        return standing_by_answer(action, &observe::ask(host, &probe).await);
    }
    match look(host, action).await {
        Ok(standing) => standing,
        Err(error @ HostError::NotFound(_)) => ActionStanding::NotDone(error.to_string()),
        Err(error @ HostError::Refused(_)) => ActionStanding::Unknown(error.to_string()),
    }
}

async fn look(host: &dyn Host, action: &Action) -> Result<ActionStanding, HostError> {
    match action {
        Action::FetchMedia { from, to, sha256 } => fetched(host, from, to, sha256).await,
        Action::CopyTree { from, to } => copied(host, from, to).await,
        Action::ExportRegistryKey { to, .. } => exported(host, to).await,
        Action::CopyStore { to, .. } | Action::ExportIis { to } => listed_tree(host, to).await,
        Action::RestoreTree { from, to, .. } => bring_back::tree_standing(host, from, to).await,
        Action::ImportRegistryKey { key, from, .. } => bring_back::registry_standing(host, key, from).await,
        Action::ImportIis { from, .. } => bring_back::iis_standing(host, from).await,
        Action::WriteListing { to, .. } => Ok(ActionStanding::Done(vec![record(host, to).await?])),
        Action::SetServiceStart { .. }
        | Action::StopService { .. }
        | Action::StartService { .. }
        | Action::AwaitProcessesGone { .. }
        | Action::AwaitUrl { .. }
        | Action::StopPool { .. }
        | Action::StartPool { .. }
        | Action::RemoveHandlers { .. }
        | Action::SetFlagLine { .. }
        | Action::SetConfigValue { .. }
        | Action::RecordFile { .. }
        | Action::CheckFile { .. }
        | Action::RunInstaller { .. }
        | Action::RunConsole { .. } => Ok(ActionStanding::Unknown("not an action that leaves files".to_owned())),
    }
}

/// Path of the copied package.
pub(crate) fn package(from: &str, to: &str) -> String {
    below(to, file_list::name_of(from))
}

/// Path of the mark of a finished unpacking.
pub(crate) fn unpacked_mark(to: &str) -> String {
    below(to, UNPACKED)
}

fn below(folder: &str, name: &str) -> String {
    format!("{}\\{name}", folder.trim_end_matches(['\\', '/']))
}

async fn fetched(host: &dyn Host, from: &str, to: &str, sha256: &str) -> Result<ActionStanding, HostError> {
    let package = record(host, &package(from, to)).await?;
    if package.sha256 != sha256 {
        return Ok(ActionStanding::NotDone(wrong_package(&package.sha256, sha256)));
    }
    let mark = host.read_text(&unpacked_mark(to)).await?;
    Ok(if mark.trim() == sha256 {
        ActionStanding::Done(vec![package])
    } else {
        ActionStanding::NotDone("it is not unpacked".to_owned())
    })
}

/// What is said of a package with another content than expected.
pub(crate) fn wrong_package(is: &str, expected: &str) -> String {
    format!("sha256 is {is}, expected {expected}")
}

/// Source, copy and list agree.
async fn copied(host: &dyn Host, from: &str, to: &str) -> Result<ActionStanding, HostError> {
    let list = file_list::beside(to);
    let listed = host.read_text(&list).await?;
    let copy = host.tree(to).await?;
    let source = host.tree(from).await?;
    if let Some(difference) = file_list::difference(&source, &copy) {
        return Ok(ActionStanding::NotDone(difference));
    }
    agree(host, &list, &listed, &copy).await
}

/// A finished export is listed; a file that an interrupted export left is not.
async fn exported(host: &dyn Host, to: &str) -> Result<ActionStanding, HostError> {
    let listed = host.read_text(&file_list::beside(to)).await?;
    let file = record(host, to).await?;
    Ok(if listed == list_of_file(&file) {
        ActionStanding::Done(vec![file])
    } else {
        ActionStanding::NotDone("the export and its list differ".to_owned())
    })
}

/// The list of one file.
pub(crate) fn list_of_file(file: &FileRecord) -> String {
    let content = FileContent { size_bytes: file.size_bytes, sha256: file.sha256.clone() };
    file_list::hashes(&BTreeMap::from([(file_list::name_of(&file.path).to_owned(), content)]))
}

async fn listed_tree(host: &dyn Host, folder: &str) -> Result<ActionStanding, HostError> {
    let list = file_list::beside(folder);
    let listed = host.read_text(&list).await?;
    let tree = host.tree(folder).await?;
    agree(host, &list, &listed, &tree).await
}

async fn agree(
    host: &dyn Host,
    list: &str,
    listed: &str,
    tree: &BTreeMap<String, FileContent>,
) -> Result<ActionStanding, HostError> {
    if listed != file_list::hashes(tree) {
        return Ok(ActionStanding::NotDone("the list and the files differ".to_owned()));
    }
    Ok(ActionStanding::Done(vec![record(host, list).await?]))
}

/// A file as it is recorded.
pub(crate) async fn record(host: &dyn Host, path: &str) -> Result<FileRecord, HostError> {
    let FileContent { size_bytes, sha256 } = host.file_content(path).await?;
    Ok(FileRecord { path: path.to_owned(), size_bytes, sha256 })
}
