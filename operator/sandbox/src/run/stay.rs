//! The loop of a sandbox that stays open: as `play`, but that nobody edits the site but who comes in, and that nothing is
//! judged to be over.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_api::clock::Clock as _;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::judge::{PATIENCE, Phase, WAITS_FOR_PEOPLE, is_settled};
use super::play::{JUDGE_AGAIN, Opening, follow};
use super::stage::Stage;
use super::{Attendance, Options, RunError, Sandbox};
use crate::home::Scene;
use crate::home::desk::{Knock, attend};
use crate::home::pace::{self, Speed};
use crate::invariants::Violation;

/// Lets a scenario go on until nobody can knock any more.
pub(crate) async fn stay(
    sandbox: &Sandbox,
    options: &Options,
    speed: Speed,
    mut knocks: UnboundedReceiver<Knock>,
    on_scene: &mut dyn FnMut(Scene<'_>),
) -> Result<Option<Violation>, RunError> {
    let Opening { mut stage, mut cast, seam, people, mut judge } = Opening::of(sandbox, options).await?;
    let declared = generations(&stage);
    let (mut edited, mut violation) = (false, None);
    let stopped = Arc::new(Notify::new());
    let told = Arc::clone(&stopped);
    let under_way = is_under_way(&stage, options.people);
    let paced = tokio::spawn(pace::keep(speed, under_way, move || told.notify_one()));
    loop {
        for event in stage.witness.take_events() {
            on_scene(Scene::Event(&event));
        }
        if violation.is_none() {
            violation.clone_from(&stage.witness.notes().violation);
            if let Some(violation) = &violation {
                on_scene(Scene::Violated(violation));
            }
        }
        if !edited && generations(&stage) != declared {
            edited = true;
            judge.edited(&stage);
        }
        if let (Phase::HandsAct, Some(by_hand)) = (judge.look(&stage), &stage.file.scenario.spec.by_hand) {
            judge.hands_acted(&stage);
            stage.world.work_by_hand(by_hand);
        }
        let next = Instant::now() + JUDGE_AGAIN;
        let next = cast.next_due().map_or(next, |due| due.min(next));
        tokio::select! {
            biased;
            Some(cue) = stage.cues.recv() => follow(&cue, &mut cast, &stage, &seam),
            () = stage.witness.stirred() => {}
            knock = knocks.recv() => match knock {
                Some(knock) => drop(tokio::spawn(attend(stage.cluster.clone(), knock))),
                None => break,
            },
            () = stopped.notified() => on_scene(Scene::Time(stage.clock.now())),
            () = tokio::time::sleep_until(next) => cast.do_due(&stage),
        }
    }
    paced.abort();
    people.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(violation)
}

/// How often the spec of each site was written.
fn generations(stage: &Stage) -> BTreeMap<String, i64> {
    let notes = stage.witness.notes();
    let of = |name: &str| notes.site(name).and_then(|site| site["metadata"]["generation"].as_i64());
    stage.file.each_managed().filter_map(|file| Some((file.site_name().to_owned(), of(file.site_name())?))).collect()
}

/// Whether something goes on by itself, so that time may jump to what happens next: a site is not at rest, and it does not
/// wait for somebody who has to come in first. A wait for a window ends by itself, however long it is.
fn is_under_way(stage: &Stage, people: Attendance) -> impl Fn() -> bool + use<> {
    let (witness, clock, file) = (stage.witness.clone(), stage.clock, Arc::clone(&stage.file));
    move || {
        let notes = witness.notes();
        let moves = clock.now().duration_since(notes.progress_at) < PATIENCE;
        let goes_on = |name: &str| {
            let change = notes.change(name);
            let waits_for =
                change.map_or("", |change| change["status"]["waiting"]["reason"].as_str().unwrap_or_default());
            let needs_somebody = people == Attendance::Nobody && WAITS_FOR_PEOPLE.contains(&waits_for);
            let is_at_rest = notes.site(name).is_none_or(|site| is_settled(site));
            !is_at_rest && !needs_somebody && (moves || waits_for == "Window")
        };
        file.each_managed().any(|file| goes_on(file.site_name()))
    }
}
