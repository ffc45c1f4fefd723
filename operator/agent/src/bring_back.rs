//! Parts of a backup set come back: files, registry keys, the IIS configuration. Whatever is in the way and not in the
//! set is kept elsewhere first. Each part may be begun again: it is compared before and afterwards.

use crm_plan::carry_out::ActionStanding;

use crate::act::ActError;
use crate::file_list;
use crate::host::{Host, HostError};

/// How far a tree is: exactly the one that the list of the set names, or not.
pub(crate) async fn tree_standing(host: &dyn Host, from: &str, to: &str) -> Result<ActionStanding, HostError> {
    let listed = host.read_text(&file_list::beside(from)).await?;
    let is = file_list::hashes(&host.tree(to).await?);
    Ok(compared(listed == is, "the files are not those of the set"))
}

/// How far a registry key is: an export taken now would hold what the export of the set holds, or not.
pub(crate) async fn registry_standing(host: &dyn Host, key: &str, from: &str) -> Result<ActionStanding, HostError> {
    let wanted = host.file_content(from).await?;
    Ok(compared(host.registry_content(key).await? == wanted, "the key is not that of the set"))
}

/// How far the IIS configuration is: an export taken now would hold what the export of the set holds, or not.
pub(crate) async fn iis_standing(host: &dyn Host, from: &str) -> Result<ActionStanding, HostError> {
    let wanted = host.tree(from).await?;
    Ok(compared(host.iis_content().await? == wanted, "the IIS configuration is not that of the set"))
}

fn compared(same: bool, otherwise: &str) -> ActionStanding {
    if same { ActionStanding::Done(Vec::new()) } else { ActionStanding::NotDone(otherwise.to_owned()) }
}

/// Moves away what the set does not know, then copies. Nothing is touched before the copy in the set was compared with
/// its list.
pub(crate) async fn tree(host: &dyn Host, from: &str, to: &str, aside: &str) -> Result<(), ActError> {
    let copy = host.tree(from).await?;
    if host.read_text(&file_list::beside(from)).await? != file_list::hashes(&copy) {
        return Err(ActError::Damaged(format!("{from} is not what its list says")));
    }
    let present = match host.tree(to).await {
        Ok(present) => present,
        Err(HostError::NotFound(_)) => std::collections::BTreeMap::new(),
        Err(error) => return Err(error.into()),
    };
    for unknown in present.keys().filter(|path| !copy.contains_key(*path)) {
        host.move_file(&format!("{to}\\{unknown}"), &format!("{aside}\\{unknown}")).await?;
    }
    host.copy_tree(from, to).await?;
    Ok(())
}

/// Keeps what the key was, then imports.
pub(crate) async fn registry(host: &dyn Host, key: &str, from: &str, aside: &str) -> Result<(), ActError> {
    host.file_content(from).await?;
    if is_missing(host.file_content(aside).await)? && !is_missing(host.registry_content(key).await)? {
        host.export_registry(key, aside).await?;
    }
    Ok(host.import_registry(key, from).await?)
}

/// Keeps what the configuration was, then imports.
pub(crate) async fn iis(host: &dyn Host, from: &str, aside: &str) -> Result<(), ActError> {
    let copy = host.tree(from).await?;
    if host.read_text(&file_list::beside(from)).await? != file_list::hashes(&copy) {
        return Err(ActError::Damaged(format!("{from} is not what its list says")));
    }
    if is_missing(host.tree(aside).await)? {
        host.export_iis(aside).await?;
    }
    Ok(host.import_iis(from).await?)
}

fn is_missing<T>(answer: Result<T, HostError>) -> Result<bool, HostError> {
    match answer {
        Ok(_) => Ok(false),
        Err(HostError::NotFound(_)) => Ok(true),
        Err(error @ HostError::Refused(_)) => Err(error),
    }
}
