//! Faults of a run that are none of the world: an agent that is away for a while, an answer that is lost, a second
//! controller at a bad moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::CONTROLLER_PREFIX;
use super::cast::Due;
use super::stage::Stage;
use crate::cluster::{Call, Intercept, Verdict};
use crate::faults::{ArmedFault, Fault};
use crate::story::What;

/// An agent is lost so many seconds after the step began, so that it is in the midst of it.
const AGENT_LOST_AFTER_SECS: i64 = 60;
/// It is back so many seconds later.
const AGENT_BACK_AFTER_SECS: u64 = 600;
/// A leader is kept from its lease for so long: longer than it may stay silent.
const LEASE_CUT: Duration = Duration::from_secs(400);

/// Watches for the moments at which faults strike.
#[derive(Clone)]
pub(super) struct FaultSeam {
    faults: Vec<ArmedFault>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    lose_next_answer: bool,
    /// Who is kept from the lease, and until when.
    cut: Option<(String, Instant)>,
    struck: Vec<usize>,
}

impl FaultSeam {
    /// Arms what strikes in the world, and watches for the rest.
    pub(super) fn set(stage: &Stage, faults: &[ArmedFault]) -> Self {
        let seam = Self { faults: faults.to_vec(), state: Arc::default() };
        for fault in faults {
            if let Fault::World(world) = fault.fault {
                stage.world.arm(world, fault.place_in_world());
            }
        }
        stage.cluster.intercept(Arc::new(seam.clone()));
        seam
    }

    /// A step is recorded as begun: what follows, and after how many seconds.
    pub(super) fn step_started(&self, stage: &Stage, step: &str) -> Vec<(i64, Due)> {
        let mut due = Vec::new();
        for (index, fault) in self.faults.iter().enumerate() {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if !fault.is_at(step) || state.struck.contains(&index) {
                continue;
            }
            match fault.fault {
                Fault::World(_) => continue,
                Fault::AgentLost => {
                    let Some((_, node)) = step.split_once('@') else { continue };
                    let lost = Due::KillAgent { node: node.to_owned(), back_after_secs: AGENT_BACK_AFTER_SECS };
                    due.push((AGENT_LOST_AFTER_SECS, lost));
                }
                Fault::LostApiAnswer => state.lose_next_answer = true,
                Fault::TwoControllers => {
                    let leader = stage.witness.notes().leader.clone();
                    state.cut = leader.map(|leader| (leader, Instant::now() + LEASE_CUT));
                    due.push((0, Due::StartController));
                }
            }
            state.struck.push(index);
            drop(state);
            stage.witness.note(None, What::Fault, fault.fault.name());
        }
        due
    }
}

impl Intercept for FaultSeam {
    fn before(&self, call: &Call) -> Verdict {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.cut {
            Some((leader, until))
                if &*call.kind == "Lease" && *call.identity == **leader && Instant::now() < *until =>
            {
                Verdict::Hang
            }
            Some(_) | None => Verdict::Proceed,
        }
    }

    fn after(&self, call: &Call, _: u16) -> Verdict {
        if !call.is_write || !call.identity.starts_with(CONTROLLER_PREFIX) || &*call.kind == "Lease" {
            return Verdict::Proceed;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.lose_next_answer) { Verdict::LoseAnswer } else { Verdict::Proceed }
    }
}
