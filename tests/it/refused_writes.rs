//! What becomes of a site whose change the API server refuses: the site says so, and goes on when the cause is mended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crm_sandbox::cluster::{Call, Intercept, Verb, Verdict};
use crm_sandbox::report::Outcome;
use crm_sandbox::run::{Entrance, Options};
use serde_json::Value;

use crate::cluster_commands::visited;

/// Refuses every new change, as a definition of another version would.
struct OldDefinitions(AtomicBool);

impl Intercept for OldDefinitions {
    fn before(&self, call: &Call) -> Verdict {
        if call.verb != Verb::Create || &*call.kind != "CrmChange" || !self.0.load(Ordering::SeqCst) {
            return Verdict::Proceed;
        }
        let message = "spec.purpose: Unsupported value: \"Upgrade\"".to_owned();
        Verdict::Fail { code: 422, reason: "Invalid".to_owned(), message }
    }

    fn after(&self, _: &Call, _: u16) -> Verdict {
        Verdict::Proceed
    }
}

fn condition(site: &Value, kind: &str) -> Option<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = site["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)?;
    Some((text(&found["status"]), text(&found["reason"]), text(&found["message"])))
}

#[test]
fn a_change_that_the_api_refuses_is_no_site_that_is_up_to_date() {
    let outcome = visited(&Options::default(), async |entrance: Entrance| {
        let refuses = Arc::new(OldDefinitions(AtomicBool::new(true)));
        entrance.cluster().intercept(Arc::clone(&refuses) as Arc<dyn Intercept>);
        let is_told = |entrance: &Entrance| {
            condition(&entrance.site(), "UpToDate").is_some_and(|(_, reason, _)| reason == "WriteRefused")
        };
        entrance.until(is_told).await;
        let (state, _, message) = condition(&entrance.site(), "UpToDate").unwrap();
        assert_eq!(state, "False");
        assert!(message.contains("spec.purpose: Unsupported value") && message.contains("crds/"), "{message}");
        assert_eq!(condition(&entrance.site(), "Stalled").unwrap().1, "WriteRefused");
        assert!(entrance.cluster().list("CrmChange").is_empty());
        refuses.0.store(false, Ordering::SeqCst);
    });
    assert_eq!(outcome, Outcome::Reached, "what was refused is tried again by itself");
}
