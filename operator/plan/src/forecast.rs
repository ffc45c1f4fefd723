//! Will it finish? When a change ends if all goes as expected, and until when a restore would still fit into its window.

use crm_api::change::{CrmChangeSpec, CrmChangeStatus, Gate, Step};
use jiff::{SignedDuration, Timestamp};

use crate::propose::minutes_needed;
use crate::said;
use crate::view::View;
use crate::windows::{Opening, opening};

/// What can be told beforehand; all empty where it may begin at any time and nobody knows when it will.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// When it begins, or began, to be felt.
    pub begins: Option<Timestamp>,
    /// When it ends.
    pub ends: Option<Timestamp>,
    /// First moment at which a restore does not fit into the window any more.
    pub restore_fits_before: Option<Timestamp>,
}

/// Looks ahead. Nothing in it moves with the time of the look, only with what is done.
#[must_use]
pub fn forecast(view: &View<'_>, change: &CrmChangeSpec, status: Option<&CrmChangeStatus>) -> Forecast {
    if status.is_some_and(|status| status.phase.is_over()) {
        return Forecast::default();
    }
    let windows = view.spec.windows.as_ref();
    let (felt, restore) = minutes_needed(&change.steps);
    let minutes = |minutes: i32| SignedDuration::from_mins(i64::from(minutes));
    let fits = |until: Option<Timestamp>| until.and_then(|until| until.checked_sub(minutes(restore)).ok());
    let overridden = |status: &CrmChangeStatus| status.overridden_by.is_some();
    if let Some((begins, progress, left)) = status.and_then(|status| underway(change, status)) {
        let until = match opening(windows, 0, begins) {
            Ok(Opening::Open { until }) if !status.is_some_and(overridden) => fits(until),
            Ok(_) | Err(_) => None,
        };
        let ends = progress.checked_add(minutes(left)).ok();
        return Forecast { begins: Some(begins), ends, restore_fits_before: until };
    }
    if said::window_override(view, &change.plan_hash).is_some() {
        return Forecast::default();
    }
    let need = felt.saturating_add(restore);
    match opening(windows, need, view.now) {
        Ok(Opening::Open { until }) => Forecast { restore_fits_before: fits(until), ..Forecast::default() },
        Ok(Opening::Closed { next: Some(next), .. }) => {
            let until = match opening(windows, need, next) {
                Ok(Opening::Open { until }) => fits(until),
                Ok(Opening::Closed { .. }) | Err(_) => None,
            };
            Forecast { begins: Some(next), ends: next.checked_add(minutes(felt)).ok(), restore_fits_before: until }
        }
        Ok(Opening::Closed { next: None, .. }) | Err(_) => Forecast::default(),
    }
}

/// When the window was entered, the last progress since, and the minutes of what is left.
fn underway(change: &CrmChangeSpec, status: &CrmChangeStatus) -> Option<(Timestamp, Timestamp, i32)> {
    // A change without a window, a restore, is felt from its first step on.
    let first = change.steps.iter().position(|step| step.gate == Some(Gate::Window)).unwrap_or(0);
    let felt: Vec<&Step> = change.steps.iter().skip(first).collect();
    let begins = status.result(&felt.first()?.id)?.started_at.0;
    let results = felt.iter().filter_map(|step| status.result(&step.id));
    let progress = results.map(|result| result.ended_at.as_ref().map_or(result.started_at.0, |at| at.0)).max()?;
    let left = felt.iter().filter(|step| !status.is_verified(&step.id)).map(|step| step.minutes).sum();
    Some((begins, progress, left))
}
