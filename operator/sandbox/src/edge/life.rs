//! Who is dead: a process that was killed does nothing more, not even what was already on its way.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cluster::{Call, Intercept, Verdict};

/// The processes that were killed, by identity. Every start of a process has an identity of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lives {
    dead: Arc<Mutex<BTreeSet<String>>>,
}

impl Lives {
    pub(crate) fn kill(&self, identity: &str) {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).insert(identity.to_owned());
    }

    pub(crate) fn is_dead(&self, identity: &str) -> bool {
        let dead = self.dead.lock().unwrap_or_else(PoisonError::into_inner);
        !dead.is_empty() && dead.contains(identity)
    }

    /// Goes on if that process lives; never, if it is dead.
    pub(crate) async fn go_on(&self, identity: &str) {
        if self.is_dead(identity) {
            std::future::pending::<()>().await;
        }
    }
}

impl Intercept for Lives {
    fn before(&self, call: &Call) -> Verdict {
        if self.is_dead(&call.identity) { Verdict::Hang } else { Verdict::Proceed }
    }

    fn after(&self, call: &Call, _: u16) -> Verdict {
        if self.is_dead(&call.identity) { Verdict::Hang } else { Verdict::Proceed }
    }
}
