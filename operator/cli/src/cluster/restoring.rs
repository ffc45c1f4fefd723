//! `restore`: what would come back from which set and what is lost by it, and the word that begins it.

use crm_api::backup::CrmBackup;
use crm_api::decision::Word;
use crm_plan::windows::local;

use super::read::{get, situation};
use super::say::{About, Statement, say};
use super::standing::reason;
use super::words::{is_plan, refusal};
use crate::arguments::standing::RestoreArguments;
use crate::words::counted;
use crate::{Connection, Exit, Failure, Streams};

/// Runs `restore`.
///
/// # Errors
/// When nothing is offered, no reason is given, or it cannot be said.
pub async fn restore(
    connection: &Connection,
    wanted: &RestoreArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let situation = situation(connection, &wanted.site).await?;
    let status = situation.site.status.clone().unwrap_or_default();
    let Some(offer) = &status.restore else {
        return Err(refusal(&situation, "no restore is offered"));
    };
    is_plan(&situation, &offer.plan_hash, wanted.plan.as_deref())?;
    let reason = reason(&wanted.saying, "restore")?;
    let windows = situation.site.spec.windows.as_ref();
    let backup = get::<CrmBackup>(connection, "read the backup set", &offer.backup).await?;
    let Some(backup) = backup else {
        return Err(Failure::Refused(format!(
            "the backup set {} is gone; nothing can come back from it",
            offer.backup
        )));
    };
    let set = backup.status.clone().unwrap_or_default();
    let taken = set.taken_at.as_ref().map_or("at an unknown time".to_owned(), |at| local(windows, at.0));
    let mut consequences =
        vec![("set", format!("{} of {}, taken {taken}: {}", offer.backup, offer.release, backup.spec.location))];
    let database = set.database.as_ref().map(|database| {
        let gibibytes = database.size_bytes / (1 << 30);
        format!("database {}, {gibibytes} GiB", database.database)
    });
    let mut nodes: Vec<&str> = set.files.iter().map(|file| file.node.as_str()).collect();
    nodes.dedup();
    let parts = database.into_iter().chain(nodes.iter().map(|node| {
        let count = set.files.iter().filter(|file| file.node == *node).count();
        format!("{} of {node}: program files, configuration, registry and IIS", counted(count, "record"))
    }));
    for (place, part) in parts.enumerate() {
        consequences.push((if place == 0 { "comes back" } else { "" }, part));
    }
    consequences.push(("lost", offer.cost.clone()));
    consequences
        .push(("then", format!("the site opens at {}; the declared version waits for a new word", offer.release)));
    let statement = Statement {
        site: situation.name(),
        about: About::Restore(offer),
        word: Word::Restore,
        step: None,
        occasion: None,
        reason: Some(reason),
        expires_at: None,
        consequences,
    };
    say(connection, statement, &wanted.saying, streams).await
}
