//! A small machine for tests: files, services, programs that take their time. It can kill the agent at any change.

mod host;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use crm_api::clock::Clock;
use crm_api::probe::{Machine, RunState, StartType};
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::program::{Does, Process};
use crate::host::{
    Answered, FileContent, FolderContent, HandlerMap, Host, HostError, Numbered, ProcessId, ProcessState,
};

/// What people do to files while others are copied.
pub(super) type Meanwhile = Box<dyn FnOnce(&mut BTreeMap<String, String>, &str) + Send>;

#[derive(Default)]
pub(super) struct Inner {
    pub(super) files: BTreeMap<String, String>,
    pub(super) services: BTreeMap<String, (Option<RunState>, Option<StartType>)>,
    pub(super) installed: String,
    /// Keys with what an export of them would hold.
    pub(super) registry: BTreeMap<String, String>,
    pub(super) programs: BTreeMap<String, Vec<Does>>,
    pub(super) starts: Vec<String>,
    pub(super) typed: Vec<String>,
    pub(super) journal: Option<String>,
    pub(super) refuse: Option<&'static str>,
    pub(super) machine_id: &'static str,
    /// What people do to files after the first one of a copy, told its name.
    pub(super) meanwhile: Option<Meanwhile>,
    processes: Vec<Process>,
    boot: u32,
    changes: usize,
    /// The agent dies at this change: before it, or after it.
    crash: Option<(usize, bool)>,
}

pub(super) struct World {
    inner: Mutex<Inner>,
    began: Instant,
    pub(super) died: Notify,
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.began.elapsed()).unwrap();
        Timestamp::from_second(1_700_000_000).unwrap() + passed
    }
}

impl World {
    pub(super) fn new(set_up: impl FnOnce(&mut Inner)) -> Arc<Self> {
        let mut inner = Inner { machine_id: super::MACHINE, ..Inner::default() };
        set_up(&mut inner);
        Arc::new(Self { inner: Mutex::new(inner), began: Instant::now(), died: Notify::new() })
    }

    pub(super) fn look(&self) -> MutexGuard<'_, Inner> {
        let now = self.now();
        let mut inner = self.inner.lock().unwrap();
        let Inner { processes, installed, typed: _, .. } = &mut *inner;
        processes.iter_mut().for_each(|process| process.go_on(now, installed));
        inner
    }

    pub(super) fn crash_at(&self, change: usize, after: bool) {
        let mut inner = self.look();
        (inner.changes, inner.crash) = (0, Some((change, after)));
    }

    pub(super) fn no_crash(&self) -> usize {
        let mut inner = self.look();
        inner.crash = None;
        inner.changes
    }

    pub(super) fn reboot(&self) {
        let mut inner = self.look();
        inner.boot += 1;
        inner.processes.iter_mut().filter(|process| process.exit.is_none()).for_each(|process| process.lost = true);
    }

    /// A change of the machine: the agent may die before or after it.
    fn change<'a, T: Send + 'a>(
        &'a self,
        change: impl FnOnce(&mut Inner, Timestamp) -> Result<T, HostError> + Send + 'a,
    ) -> Answered<'a, T> {
        async move {
            let (crash, answer) = {
                let mut inner = self.look();
                inner.changes += 1;
                let crash = inner.crash.filter(|(at, _)| *at == inner.changes).map(|(_, after)| after);
                let answer = if crash == Some(false) { None } else { Some(change(&mut inner, self.now())) };
                (crash, answer)
            };
            match (crash, answer) {
                (None, Some(answer)) => answer,
                (Some(_), _) | (None, None) => {
                    self.died.notify_one();
                    std::future::pending().await
                }
            }
        }
        .boxed()
    }

    pub(super) fn read<'a, T: Send + 'a>(
        &'a self,
        read: impl FnOnce(&Inner) -> Result<T, HostError> + Send + 'a,
    ) -> Answered<'a, T> {
        async move { read(&self.look()) }.boxed()
    }
}
