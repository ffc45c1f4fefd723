//! The loop of a sandbox that stays open: as `play`, but that nobody edits the site but who comes in, and that nothing is
//! judged to be over.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_api::clock::Clock as _;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::cast::Cast;
use super::judge::{Judges, PATIENCE, Phase, is_settled};
use super::play::{JUDGE_AGAIN, follow, set_faults, start_people};
use super::stage::Stage;
use super::{Options, RunError, Sandbox};
use crate::home::Scene;
use crate::home::desk::{Knock, attend};
use crate::home::pace::{self, Speed};
use crate::invariants::Violation;
use crate::plants::Planted;

/// Lets a scenario go on until nobody can knock any more.
pub(crate) async fn stay(
    sandbox: &Sandbox,
    options: &Options,
    speed: Speed,
    mut knocks: UnboundedReceiver<Knock>,
    on_scene: &mut dyn FnMut(Scene<'_>),
) -> Result<Option<Violation>, RunError> {
    let mut stage = Stage::set(sandbox, options).await?;
    let mut cast = Cast::new(Planted::new(&options.plants, &stage.file));
    let seam = set_faults(&stage, options)?;
    stage.world.start();
    cast.start_everybody(&stage);
    let people = start_people(&stage, options);
    let mut judge = Judges::new(&stage, options.people);
    let declared = generations(&stage);
    let (mut edited, mut violation) = (false, None);
    let stopped = Arc::new(Notify::new());
    let (told, file) = (Arc::clone(&stopped), Arc::clone(&stage.file));
    let (witness, clock) = (stage.witness.clone(), stage.clock);
    let under_way = move || {
        let notes = witness.notes();
        let moves = clock.now().duration_since(notes.progress_at) < PATIENCE;
        file.each_managed().any(|file| {
            let waits_for_window =
                |name: &str| notes.change(name).is_some_and(|change| change["status"]["waiting"]["reason"] == "Window");
            let name = file.site_name();
            notes.site(name).is_some_and(|site| !is_settled(site)) && (moves || waits_for_window(name))
        })
    };
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
