//! The loop of a run: hands on what happens, does what is due, and asks after everything whether it is over.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cast::Cast;
use super::guest::{Entrance, Guest};
use super::judge::{Judges, Phase};
use super::seams::FaultSeam;
use super::stage::Stage;
use super::{Attendance, Cue, Options, RunError, Sandbox};
use crate::file::ScenarioFile;
use crate::people;
use crate::plants::Planted;
use crate::report::{Outcome, RunReport};
use crate::story::StoryEvent;
use crate::world::VersionRow;

/// How often it is asked whether it is over when nothing happens.
pub(super) const JUDGE_AGAIN: std::time::Duration = std::time::Duration::from_secs(60);

/// Everything at the moment at which it begins: the world goes, and everybody is there.
pub(super) struct Opening {
    pub(super) stage: Stage,
    pub(super) cast: Cast,
    pub(super) seam: FaultSeam,
    pub(super) people: Vec<JoinHandle<()>>,
    pub(super) judge: Judges,
}

impl Opening {
    pub(super) async fn of(sandbox: &Sandbox, options: &Options) -> Result<Self, RunError> {
        let stage = Stage::set(sandbox, options).await?;
        let mut cast = Cast::new(Planted::new(&options.plants, &stage.file));
        let seam = set_faults(&stage, options)?;
        stage.world.start();
        cast.start_everybody(&stage);
        let people = start_people(&stage, options);
        let judge = Judges::new(&stage, options.people);
        Ok(Self { stage, cast, seam, people, judge })
    }
}

/// Plays a run to its end.
pub(super) async fn play(
    sandbox: &Sandbox,
    options: &Options,
    on_event: &mut dyn FnMut(&StoryEvent),
    guest: Guest<'_>,
) -> Result<RunReport, RunError> {
    let Opening { mut stage, mut cast, seam, people, mut judge } = Opening::of(sandbox, options).await?;
    let of = |file: &ScenarioFile| (file.site_name().to_owned(), stage.world.versions_of(file.site_name()));
    let before: BTreeMap<String, Vec<VersionRow>> = stage.file.each().map(of).collect();
    let mut guest = guest(Entrance::into_stage(&stage));
    let mut has_left = false;
    let outcomes = loop {
        for event in stage.witness.take_events() {
            on_event(&event);
        }
        if let Some(violation) = stage.witness.notes().violation.clone() {
            break vec![Outcome::Violated(violation)];
        }
        if let Some(error) = nowhere(&stage, options) {
            return Err(error);
        }
        match judge.look(&stage) {
            Phase::Settling | Phase::Changing => {}
            Phase::HandsAct => {
                judge.hands_acted(&stage);
                if let Some(by_hand) = &stage.file.scenario.spec.by_hand {
                    stage.world.work_by_hand(by_hand);
                }
            }
            Phase::Settled => {
                judge.edited(&stage);
                stage.edit_sites().await?;
                continue;
            }
            Phase::Over(outcomes) if has_left || outcomes.contains(&Outcome::TimedOut) => break outcomes,
            Phase::Over(_) => {}
        }
        let next = Instant::now() + JUDGE_AGAIN;
        let next = cast.next_due().map_or(next, |due| due.min(next));
        tokio::select! {
            biased;
            Some(cue) = stage.cues.recv() => follow(&cue, &mut cast, &stage, &seam),
            () = stage.witness.stirred() => {}
            () = &mut guest, if !has_left => has_left = true,
            () = tokio::time::sleep_until(next) => cast.do_due(&stage),
        }
    };
    people.iter().for_each(JoinHandle::abort);
    for event in stage.witness.take_events() {
        on_event(&event);
    }
    Ok(RunReport::of(&stage, options, &outcomes, &before, judge.edited_at()))
}

/// Arms the faults of the scenario and of the options.
fn set_faults(stage: &Stage, options: &Options) -> Result<FaultSeam, RunError> {
    let mut faults = options.faults.clone();
    for named in &stage.file.scenario.spec.faults {
        let object = format!("spec.faults of the scenario: {named}");
        let fault = named.parse().map_err(|problem| RunError::Refused { object, message: format!("{problem}") })?;
        faults.push(fault);
    }
    Ok(FaultSeam::set(stage, &faults))
}

/// The people of the scenario begin to act, where they are there at all.
fn start_people(stage: &Stage, options: &Options) -> Vec<JoinHandle<()>> {
    let mut people = Vec::new();
    if options.people == Attendance::Present {
        // The same person takes other times at another site.
        for (seed, file) in (options.seed..).zip(stage.file.each_managed()) {
            people.extend(people::start(file, &stage.cluster, &stage.world, seed));
        }
    }
    people
}

pub(super) fn follow(cue: &Cue, cast: &mut Cast, stage: &Stage, seam: &FaultSeam) {
    match cue {
        Cue::ControllerDies(identity) => cast.controller_died(stage, identity),
        Cue::AgentDies(node) => cast.agent_died(stage, node),
        Cue::ControllerStarts => cast.start_controller(stage),
        Cue::OldControllersEnd => cast.old_controllers_end(),
        Cue::GoesDown(node) => cast.machine_down(stage, node),
        Cue::IsUp(node) => cast.machine_up(node),
        Cue::UsersAreTold(site) => stage.world.tell_users(site),
        Cue::StepStarted(step) => {
            for (after_secs, due) in seam.step_started(stage, step) {
                cast.later(SignedDuration::from_secs(after_secs), due);
            }
        }
    }
}

/// A fault at a step that no plan of this run has would never strike. The plans are known when the last hop is planned.
fn nowhere(stage: &Stage, options: &Options) -> Option<RunError> {
    if options.faults.iter().all(|fault| fault.step.is_none()) {
        return None;
    }
    let notes = stage.witness.notes();
    let is_planned = stage.file.each_managed().all(|file| {
        let goal = notes.site(file.site_name()).map(|site| &site["spec"]["version"]);
        let its = notes.changes.values().filter(|change| change["spec"]["site"] == file.site_name());
        its.into_iter().any(|change| Some(&change["spec"]["to"]) == goal)
    });
    let steps: Vec<&str> = notes
        .changes
        .values()
        .flat_map(|change| change["spec"]["steps"].as_array().into_iter().flatten())
        .filter_map(|step| step["id"].as_str())
        .collect();
    let fault = options.faults.iter().filter(|fault| fault.step.is_some());
    let lost = fault.filter(|_| is_planned).find(|fault| !steps.iter().any(|step| fault.is_at(step)))?;
    Some(RunError::Refused {
        object: format!("--fault {lost}"),
        message: format!("no plan of this run has such a step; the steps are {}", steps.join(", ")),
    })
}
