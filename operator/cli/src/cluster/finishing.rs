//! `forward`: what other hands left half done, the plan that finishes it, and the word that begins it.

use crm_api::decision::Word;

use super::read::situation;
use super::say::{About, Statement, say};
use super::standing::reason;
use super::words::{is_plan, refusal};
use crate::arguments::standing::ForwardArguments;
use crate::{Connection, Exit, Failure, Streams};

/// Runs `forward`.
///
/// # Errors
/// When nothing is half done, there is no plan, no reason is given, or it cannot be said.
pub async fn forward(
    connection: &Connection,
    wanted: &ForwardArguments,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let situation = situation(connection, &wanted.site).await?;
    let status = situation.site.status.clone().unwrap_or_default();
    let Some(found) = &status.half_done else {
        return Err(refusal(&situation, "nothing was found half done"));
    };
    let Some(plan) = &found.forward else {
        return Err(Failure::Refused(format!("there is no way forward: {}. {}", found.message, found.remedy)));
    };
    is_plan(&situation, &plan.hash, wanted.plan.as_deref())?;
    let reason = reason(&wanted.saying, "forward")?;
    let mut consequences = vec![("found", format!("{}: {}", found.reason, found.message))];
    let back = status.restore.as_ref().map_or_else(
        || "there is no verified backup set to go back to".to_owned(),
        |offer| format!("kubectl crm restore would bring {} back instead; {}", offer.release, offer.cost),
    );
    consequences.push(("or back", back));
    consequences
        .push(("then", "what is older than the rest is stopped at once, the rest waits for the window".to_owned()));
    let statement = Statement {
        site: situation.name(),
        about: About::Forward(plan),
        word: Word::Forward,
        step: None,
        occasion: None,
        reason: Some(reason),
        expires_at: None,
        consequences,
    };
    say(connection, statement, &wanted.saying, streams).await
}
