//! Act: carries out one simple action. Each may be repeated after an interruption: the list or mark that makes it count
//! as done is written last.

use crm_api::order::Action;
use crm_api::probe::RunState;

use crate::bring_back;
use crate::file_list;
use crate::files;
use crate::host::{FileContent, Host, HostError, broken};
use crate::text::{TextError, config_file, encoding};

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActError {
    /// The machine said so.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The package is not the one that was ordered.
    #[error("{0}")]
    WrongPackage(String),
    /// The source changed while it was copied, or the copy went wrong.
    #[error("after copying, {0}")]
    CopyDiffers(String),
    /// A part of a backup set is not what was recorded.
    #[error("the set is damaged: {0}")]
    Damaged(String),
    /// Programs are started by the loop, which journals around the start; other actions only look or wait.
    #[error("not an action that is carried out in one go")]
    NotSimple,
}

/// Carries out a simple action.
pub(crate) async fn act(host: &dyn Host, action: &Action) -> Result<(), ActError> {
    match action {
        Action::FetchMedia { from, to, sha256 } => fetch(host, from, to, sha256).await,
        Action::SetServiceStart { name, start } => Ok(host.set_service_start(name, *start).await?),
        Action::StopService { name } => Ok(host.set_service_state(name, RunState::Stopped).await?),
        Action::StartService { name } => Ok(host.set_service_state(name, RunState::Running).await?),
        Action::StopPool { name } => Ok(host.set_pool_state(name, RunState::Stopped).await?),
        Action::StartPool { name } => Ok(host.set_pool_state(name, RunState::Running).await?),
        Action::RemoveHandlers { site, folder } => Ok(host.remove_handlers(site, folder).await?),
        Action::SetFlagLine { path, line, set } => {
            rewrite(host, path, |text| config_file::with_flag(text, line, *set)).await
        }
        Action::SetConfigValue { path, key, value } => {
            rewrite(host, path, |text| config_file::with_value(text, key, value)).await
        }
        Action::CopyTree { from, to } => copy(host, from, to).await,
        Action::CopyStore { from, to } => copy_store(host, from, to).await,
        Action::ExportRegistryKey { key, to } => {
            host.export_registry(key, to).await?;
            let list = files::list_of_file(&files::record(host, to).await?);
            Ok(host.replace_text(&file_list::beside(to), list).await?)
        }
        Action::ExportIis { to } => {
            host.export_iis(to).await?;
            let list = file_list::hashes(&host.tree(to).await?);
            Ok(host.replace_text(&file_list::beside(to), list).await?)
        }
        Action::WriteListing { from, to } => {
            let list = file_list::sizes(&host.listing(from).await?);
            Ok(host.replace_text(to, list).await?)
        }
        Action::RestoreTree { from, to, aside } => bring_back::tree(host, from, to, aside).await,
        Action::ImportRegistryKey { key, from, aside } => bring_back::registry(host, key, from, aside).await,
        Action::ImportIis { from, aside } => bring_back::iis(host, from, aside).await,
        Action::AwaitProcessesGone { .. }
        | Action::AwaitUrl { .. }
        | Action::RecordFile { .. }
        | Action::CheckFile { .. }
        | Action::RunInstaller { .. }
        | Action::RunConsole { .. } => Err(ActError::NotSimple),
    }
}

/// Changes the text of a file and keeps its encoding.
async fn rewrite(
    host: &dyn Host,
    path: &str,
    change: impl FnOnce(&str) -> Result<String, TextError>,
) -> Result<(), ActError> {
    let in_file = |error| broken(path, &error);
    let (text, how) = encoding::decode(&host.read_file(path).await?).map_err(in_file)?;
    let changed = change(&text).map_err(in_file)?;
    Ok(host.replace_file(path, encoding::encode(&changed, how).map_err(in_file)?).await?)
}

/// Copies, checks, unpacks, marks. What is not the ordered package is never unpacked.
async fn fetch(host: &dyn Host, from: &str, to: &str, sha256: &str) -> Result<(), ActError> {
    let package = files::package(from, to);
    let present = host.file_content(&package).await.is_ok_and(|content| content.sha256 == sha256);
    if !present {
        host.copy_file(from, &package).await?;
        let copied = host.file_content(&package).await?.sha256;
        if copied != sha256 {
            return Err(ActError::WrongPackage(files::wrong_package(&copied, sha256)));
        }
    }
    host.unpack(&package, to).await?;
    Ok(host.replace_text(&files::unpacked_mark(to), sha256.to_owned()).await?)
}

/// Copies, compares, lists.
async fn copy(host: &dyn Host, from: &str, to: &str) -> Result<(), ActError> {
    host.copy_tree(from, to).await?;
    let copy = host.tree(to).await?;
    if let Some(difference) = file_list::difference(&host.tree(from).await?, &copy) {
        return Err(ActError::CopyDiffers(difference));
    }
    Ok(host.replace_text(&file_list::beside(to), file_list::hashes(&copy)).await?)
}

/// Copies what people go on adding to: what lay there before and was not deleted meanwhile must be in the copy, as it was
/// or, where somebody has changed it meanwhile, as it is; what came later may be missing.
async fn copy_store(host: &dyn Host, from: &str, to: &str) -> Result<(), ActError> {
    let before = host.tree(from).await?;
    host.copy_tree(from, to).await?;
    let copy = host.tree(to).await?;
    let source = host.tree(from).await?;
    let lost = before.iter().find(|(path, was)| {
        let is_whole = |copied: &FileContent, is: &FileContent| copied == *was || copied == is;
        source.get(*path).is_some_and(|is| !copy.get(*path).is_some_and(|copied| is_whole(copied, is)))
    });
    if let Some((path, _)) = lost {
        return Err(ActError::CopyDiffers(format!("{path} is in the copy neither as it was nor as it is")));
    }
    Ok(host.replace_text(&file_list::beside(to), file_list::hashes(&copy)).await?)
}
