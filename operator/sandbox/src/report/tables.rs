//! A report as plain text.

use std::fmt;

use jiff::SignedDuration;

use super::{BackupReport, Outcome, RunReport, SiteReport, VersionChange};
use crate::run::SIMULATED_HOURS_MAX;
use crate::story::duration_text;

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reached => f.write_str("reached: the goal is proven"),
            Self::BackedOut(reason) => write!(f, "backed out: {reason}"),
            Self::Halted { reason, remedy } if remedy.is_empty() => write!(f, "halted: {reason}"),
            Self::Halted { reason, remedy } => write!(f, "halted: {reason}. What a person can do: {remedy}"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
            Self::Waiting { reason, message, ended_by } => {
                write!(f, "waits for {reason}: {message} Ended by: {ended_by}")
            }
            Self::Gone => f.write_str("gone: the site was deleted from the cluster; its servers are left as they are"),
            Self::TimedOut => write!(
                f,
                "timed out: it was not clear how it ends within {SIMULATED_HOURS_MAX} simulated hours, which is the longest that the sandbox plays; begin nearer to a window (spec.start), or see with --no-people which wait stands"
            ),
            Self::Violated(violation) => write!(f, "INVARIANT BROKEN: {violation}"),
        }
    }
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        site_lines(f, &self.first, Some(self.duration))?;
        for other in &self.others {
            writeln!(f)?;
            site_lines(f, other, None)?;
        }
        if !self.others.is_empty() {
            writeln!(f)?;
        }
        self.counts(f)
    }
}

/// How it ended at a site, its versions, how long it was closed and what it left; at the first one also how long it took.
fn site_lines(f: &mut fmt::Formatter<'_>, site: &SiteReport, took: Option<SignedDuration>) -> fmt::Result {
    match &site.outcome {
        Some(outcome) => writeln!(f, "{}  {outcome}", site.site)?,
        None => writeln!(f, "{}  the operator does not know it", site.site)?,
    }
    versions(f, &site.versions)?;
    let closed = site.closed_for.map_or("not at all".to_owned(), duration_text);
    writeln!(f, "closed      {closed} by the record; users could not work for {}", duration_text(site.downtime))?;
    if let Some(took) = took {
        writeln!(f, "took        {} of simulated time, from the edit to the end", duration_text(took))?;
    }
    match &site.record {
        Some(record) => writeln!(f, "record      CrmChange {record}")?,
        None => writeln!(f, "record      none")?,
    }
    match &site.backup {
        Some(backup) => backup_lines(f, backup)?,
        None => writeln!(f, "backup      none")?,
    }
    for (number, finding) in site.findings.iter().enumerate() {
        let label = if number == 0 { "findings" } else { "" };
        writeln!(f, "{label:10}  {finding}")?;
    }
    Ok(())
}

fn versions(f: &mut fmt::Formatter<'_>, versions: &[VersionChange]) -> fmt::Result {
    writeln!(f)?;
    table(f, ["part", "node", "read from", "before", "after"], versions.iter().map(version_row).collect())?;
    writeln!(f)
}

impl RunReport {
    fn counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (writes, happened) = (self.writes, self.happened);
        writeln!(
            f,
            "API writes  controller {} ({} of them renewals of its lease), agents {}, people {}",
            writes.controller, writes.renewals, writes.agents, writes.people
        )?;
        writeln!(
            f,
            "happened    {} with {}, {}, {}, {}, {}",
            counted(happened.programs, "vendor program"),
            counted(happened.effects, "effect"),
            counted(happened.backups, "backup"),
            counted(happened.restarts, "restart"),
            if happened.agents_lost == 1 {
                "1 agent lost".to_owned()
            } else {
                format!("{} agents lost", happened.agents_lost)
            },
            counted(happened.faults, "fault")
        )?;
        for (number, exercised) in self.exercised.iter().enumerate() {
            let label = if number == 0 { "checked" } else { "" };
            let statement = exercised.invariant.statement();
            writeln!(f, "{label:10}  {:4} {:4} times: {statement}", exercised.invariant, exercised.times)?;
        }
        Ok(())
    }
}

fn version_row(row: &VersionChange) -> [String; 5] {
    let or = |version: &Option<String>| version.clone().unwrap_or_else(|| "-".to_owned());
    let node = row.node.clone().unwrap_or_else(|| "-".to_owned());
    [row.part.clone(), node, row.source.clone(), or(&row.before), or(&row.after)]
}

fn backup_lines(f: &mut fmt::Formatter<'_>, backup: &BackupReport) -> fmt::Result {
    let proven = if backup.verified { "proven to be fit for a restore" } else { "NOT proven" };
    writeln!(f, "backup      CrmBackup {} of {}, {proven}", backup.name, backup.release)?;
    for (node, path, bytes) in &backup.files {
        writeln!(f, "            {path} ({}, by {node})", size(*bytes))?;
    }
    Ok(())
}

/// `1 backup`, `2 backups`.
fn counted(count: u32, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn size(bytes: i64) -> String {
    const MEBIBYTE: i64 = 1024 * 1024;
    if bytes >= MEBIBYTE { format!("{} MiB", bytes / MEBIBYTE) } else { format!("{bytes} bytes") }
}

/// A table with a head, its columns as wide as their widest cell.
fn table<const N: usize>(f: &mut fmt::Formatter<'_>, head: [&str; N], rows: Vec<[String; N]>) -> fmt::Result {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut line = |cells: &[String]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let text = padded.collect::<Vec<_>>().join("  ");
        writeln!(f, "{}", text.trim_end())
    };
    line(&head.map(str::to_uppercase))?;
    rows.iter().try_for_each(|row| line(row))
}
