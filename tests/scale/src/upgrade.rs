//! Writes of a whole upgrade: hours of waiting for installers and windows, so it is played in the sandbox, by the same controller
//! and agents, on its own clock; the sandbox's API counts.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use crm_sandbox::report::Outcome;
use crm_sandbox::run::{Options, Sandbox};
use jiff::{SignedDuration, Timestamp};

use crate::fleet;

/// A Saturday evening: the window of the site opens three hours later.
const BEGINS: &str = "2026-11-28T19:00:00Z";

/// What was written, from the changed declaration on.
pub(crate) struct Writes {
    /// By the controller, by kind; renewals of its Lease left out.
    pub(crate) controller: BTreeMap<String, usize>,
    /// By the agents of the three servers, from their start: reports and signs of life.
    pub(crate) agents: u32,
    /// How long it took on the clock of the sandbox.
    pub(crate) took: SignedDuration,
}

/// Plays the upgrade of one site.
///
/// # Errors
/// When it does not reach its goal.
pub(crate) fn writes() -> anyhow::Result<Writes> {
    let begins: Timestamp = BEGINS.parse()?;
    let report = Sandbox::new(fleet::site(1, begins)?)?.run(&Options::default(), &mut |_| {})?;
    ensure!(report.outcome == Outcome::Reached, "the upgrade of the sandbox: {:?}", report.outcome);
    // `controller-1 patch CrmNode/status name`: the change begins with its record.
    let names = &report.points.controller;
    let first = names.iter().position(|name| name.contains(" CrmChange")).context("no change was recorded")?;
    let mut controller = BTreeMap::new();
    // What is said to SQL Server is in the same list.
    for name in names.iter().skip(first).filter(|name| !name.contains(" SQL ")) {
        let kind = name.split(' ').nth(2).and_then(|kind| kind.split('/').next()).unwrap_or(name);
        *controller.entry(kind.to_owned()).or_default() += 1;
    }
    Ok(Writes { controller, agents: report.writes.agents, took: report.duration })
}
