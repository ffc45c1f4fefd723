//! The crash sweep: kills the controller around every write and the agent around every journal write and deed, one at a
//! time, and compares how everything stands in the end with the undisturbed run.

mod show;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::edge::{KillPoint, Moment, PointNames};
use crate::report::{Outcome, RunReport};
use crate::run::{Options, RunError, Sandbox};

/// So many differences are kept with their details.
const DETAILS_MAX: usize = 20;

/// Where a sweep kills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// At every point.
    All,
    /// At so many points, chosen by the seed of the runs.
    Some(usize),
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepReport {
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of every run.
    pub seed: u64,
    /// Writes of the controller, each with three moments.
    pub controller_writes: usize,
    /// Journal writes and deeds of agents, each with two moments.
    pub agent_deeds: usize,
    /// Runs with one kill each.
    pub points: usize,
    /// Runs that came to the same end.
    pub equal: usize,
    /// Runs that stopped at a named stop and came to the same end after what is listed there.
    pub named_stops: usize,
    /// How often each named stop was reached.
    pub stops: BTreeMap<String, usize>,
    /// Runs that came to another end.
    pub different: usize,
    /// The first of these.
    pub details: Vec<Difference>,
}

impl SweepReport {
    /// Whether every run came to the same end, at once or after what is listed at a named stop.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.different == 0
    }
}

/// A run that came to another end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where it was killed, in words.
    pub point: String,
    /// How it ended.
    pub outcome: String,
    /// Facts that differ: name, undisturbed, here.
    pub facts: Vec<(String, String, String)>,
    /// The last lines of its story.
    pub story: Vec<String>,
}

/// How one run compares.
enum Compared {
    Equal,
    NamedStop(Vec<String>),
    Different(Box<Difference>),
}

/// Lines of a story that a difference shows.
const STORY_LINES: usize = 25;

impl Sandbox {
    /// Sweeps over every point, or a sample of them. `on_run` hears after each run how many are done, and of how many.
    ///
    /// # Errors
    /// When a run cannot begin, or the undisturbed one does not end as its scenario says.
    pub fn sweep(
        &self,
        seed: u64,
        sample: Sample,
        on_run: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<SweepReport, SweepError> {
        let options = Options { seed, ..Options::default() };
        let undisturbed = self.run(&options, &mut |_| {})?;
        if !undisturbed.ends_as_announced {
            return Err(SweepError::OtherEnd(undisturbed.outcome.to_string()));
        }
        let points = sample.of(all_points(&undisturbed.points), seed);
        let results = self.run_all(&points, &undisturbed, seed, on_run)?;
        let mut report = SweepReport {
            scenario: self.file.name().to_owned(),
            seed,
            controller_writes: undisturbed.points.controller.len(),
            agent_deeds: undisturbed.points.agent.len(),
            points: points.len(),
            equal: 0,
            named_stops: 0,
            stops: BTreeMap::new(),
            different: 0,
            details: Vec::new(),
        };
        for compared in results.into_values() {
            match compared {
                Compared::Equal => report.equal += 1,
                Compared::NamedStop(stops) => {
                    report.named_stops += 1;
                    for stop in stops {
                        *report.stops.entry(stop).or_default() += 1;
                    }
                }
                Compared::Different(difference) => {
                    report.different += 1;
                    if report.details.len() < DETAILS_MAX {
                        report.details.push(*difference);
                    }
                }
            }
        }
        Ok(report)
    }

    fn run_all(
        &self,
        points: &[KillPoint],
        undisturbed: &RunReport,
        seed: u64,
        on_run: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<BTreeMap<usize, Compared>, SweepError> {
        // One server has room for one run.
        let threads =
            if self.upstream.is_some() { 1 } else { std::thread::available_parallelism().map_or(1, NonZero::get) };
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = Mutex::new(BTreeMap::new());
        let failed = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(point) = points.get(number) else { return };
                        let options = Options { seed, kill: Some(*point), ..Options::default() };
                        match self.run(&options, &mut |_| {}) {
                            Ok(report) => {
                                let compared = self.compare(*point, undisturbed, &report);
                                results.lock().unwrap_or_else(PoisonError::into_inner).insert(number, compared);
                            }
                            Err(error) => {
                                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                                return;
                            }
                        }
                        on_run(done.fetch_add(1, Ordering::Relaxed) + 1, points.len());
                    }
                });
            }
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error.into()),
            None => Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn compare(&self, point: KillPoint, undisturbed: &RunReport, report: &RunReport) -> Compared {
        let facts = differences(&undisturbed.digest, &report.digest);
        let stops: Vec<String> = report.human_retries.iter().map(|step| stop_of(step)).collect();
        let listed = &self.file.scenario.spec.named_stops;
        let unlisted: Vec<String> = stops.iter().filter(|stop| !listed.contains(stop)).cloned().collect();
        let ends = |report: &RunReport| {
            let others = report.others.iter().map(|other| other.outcome.as_ref().map(Outcome::word));
            std::iter::once(Some(report.outcome.word())).chain(others).collect::<Vec<_>>()
        };
        if ends(report) == ends(undisturbed) && report.kill_struck && facts.is_empty() && unlisted.is_empty() {
            return if stops.is_empty() { Compared::Equal } else { Compared::NamedStop(stops) };
        }
        let mut outcome = report.outcome.to_string();
        if !report.kill_struck {
            outcome = format!("{outcome}; nobody was killed: the point was never reached");
        }
        if !unlisted.is_empty() {
            outcome = format!("{outcome}; stops that are not listed: {}", unlisted.join(", "));
        }
        let from = report.story.len().saturating_sub(STORY_LINES);
        let story = report.story.get(from..).unwrap_or_default().iter().map(ToString::to_string).collect();
        Compared::Different(Box::new(Difference { point: words(point, &undisturbed.points), outcome, facts, story }))
    }
}

/// A stop as a scenario lists it: kind of the step, and the word by which a person lets it go on.
fn stop_of(step: &str) -> String {
    let kind = step.split('@').next().unwrap_or(step);
    format!("{kind}: Retry")
}

impl Sample {
    fn of(self, mut points: Vec<KillPoint>, seed: u64) -> Vec<KillPoint> {
        let Self::Some(wanted) = self else { return points };
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        while wanted < points.len() {
            let length = u64::try_from(points.len()).unwrap_or(u64::MAX);
            let place = usize::try_from(dice.next_u64() % length).unwrap_or(0);
            points.swap_remove(place);
        }
        points.sort();
        points
    }
}

/// Every point of an undisturbed run, with every moment.
fn all_points(names: &PointNames) -> Vec<KillPoint> {
    let moments = [Moment::Before, Moment::After, Moment::AnswerLost];
    let controller =
        (0..names.controller.len()).flat_map(|number| moments.map(|moment| KillPoint::Controller(number, moment)));
    let agent = (0..names.agent.len())
        .flat_map(|number| [Moment::Before, Moment::After].map(|moment| KillPoint::Agent(number, moment)));
    controller.chain(agent).collect()
}

/// A point in words.
fn words(point: KillPoint, names: &PointNames) -> String {
    let (who, list, number, moment) = match point {
        KillPoint::Controller(number, moment) => ("controller", &names.controller, number, moment),
        KillPoint::Agent(number, moment) => ("agent", &names.agent, number, moment),
    };
    let name = list.get(number).map_or("?", String::as_str);
    format!("{who} {moment} its call {} ({name})", number + 1)
}

fn differences(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<(String, String, String)> {
    let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let value = |facts: &BTreeMap<String, String>, name: &String| {
        facts.get(name).cloned().unwrap_or_else(|| "(not there)".to_owned())
    };
    let all = names.into_iter().map(|name| (name.clone(), value(one, name), value(other, name)));
    all.filter(|(_, one, other)| one != other).collect()
}

/// Why there is no sweep.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A run could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There is nothing to compare with.
    #[error("the undisturbed run does not end as its scenario says: {0}")]
    OtherEnd(String),
}
