//! Claims make changes that share a server or a database take turns. Part of apply: a last look before a change's record
//! takes claims.
//!
//! The planner has seen that nobody holds them, but rounds of several sites run at once, and two of them may have looked
//! before either wrote. So whoever records new claims queues here, looks once more at all changes, and writes before the
//! next one looks. Among several leaders the Lease does the same: the old one stops writing before the new one begins.

use crm_api::change::CrmChangeStatus;
use tokio::sync::MutexGuard;

use crate::apply::ApplyError;
use crate::context::Context;
use crate::observe;
use crate::queue::SiteKey;

/// Waits for its turn if the record takes claims that the stored one did not hold. The guard is to be kept until the
/// record is written. Giving claims back needs no turn.
///
/// # Errors
/// When another change holds one of them by now: the next round will see it.
pub(crate) async fn take_turn<'a>(
    context: &'a Context,
    site: &SiteKey,
    before: Option<&CrmChangeStatus>,
    status: &CrmChangeStatus,
) -> Result<Option<MutexGuard<'a, ()>>, ApplyError> {
    let held = before.map(|before| before.claims_held.as_slice()).unwrap_or_default();
    let new: Vec<&String> = status.claims_held.iter().filter(|claim| !held.contains(claim)).collect();
    if new.is_empty() {
        return Ok(None);
    }
    let turn = context.claims.lock().await;
    let foreign = observe::foreign_claims(context, site, &new).await?;
    let taken =
        |foreign: &crm_plan::snapshot::ForeignClaim| foreign.waits_since.is_none() && new.contains(&&foreign.claim);
    match foreign.into_iter().find(taken) {
        Some(foreign) => Err(ApplyError::ClaimTaken { claim: foreign.claim, holder: foreign.holder }),
        None => Ok(Some(turn)),
    }
}
