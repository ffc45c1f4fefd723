//! Somebody is cut off from the API for a while; watches break and are opened again.

use std::sync::Arc;
use std::time::Duration;

use crm_sandbox::cluster::{Call, Intercept, Verdict};
use crm_sandbox::run::Entrance;
use tokio::time::Instant;

use super::{MAIN, SHORT, Trial, in_midst_of, phase};

/// No request of identities that begin so goes through, until then.
struct Cut {
    of: String,
    until: Instant,
}

impl Intercept for Cut {
    fn before(&self, call: &Call) -> Verdict {
        let is_cut = call.identity.starts_with(&self.of) && Instant::now() < self.until;
        if is_cut { Verdict::LoseAnswer } else { Verdict::Proceed }
    }

    fn after(&self, _: &Call, _: u16) -> Verdict {
        Verdict::Proceed
    }
}

/// Cuts off for so long.
fn cut(entrance: &Entrance, of: &str, minutes: u64) {
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    entrance.cluster().intercept(Arc::new(Cut { of: of.to_owned(), until }));
    entrance.cluster().break_watches_of(of);
}

#[test]
fn an_agent_is_cut_off_for_an_hour_in_mid_step() {
    let _alone = crate::server::alone();
    let trial = Trial::of(MAIN);
    let what = "the agent of contoso-app cut off for an hour during upgrade-database";
    let report = trial.ends_the_same(what, |entrance: Entrance| {
        Box::pin(async move {
            in_midst_of(&entrance, "upgrade-database", 2).await;
            cut(&entrance, "agent-contoso-app-", 60);
        })
    });
    assert!(report.waits.broken > 0);
}

#[test]
fn watches_break_all_the_time() {
    let _alone = crate::server::alone();
    let trial = Trial::of(SHORT);
    let report = trial.ends_the_same("every watch broken once a minute", |entrance: Entrance| {
        Box::pin(async move {
            while phase(&entrance, "verify-site") != "Verified" {
                tokio::time::sleep(Duration::from_secs(60)).await;
                entrance.cluster().break_watches();
            }
        })
    });
    assert!(report.waits.broken > 100, "{:?}", report.waits);
}
