//! The finisher: looks at a site that other hands left half done, reads what was found and what the plan does, and says
//! so.

use crm_api::decision::Word;
use crm_api::site::HalfDone;

use super::{LOOK_AGAIN, Person};

/// Lives until dropped.
pub(super) async fn live(mut person: Person) {
    let (mut said, mut mailbox) = (String::new(), person.mailbox());
    loop {
        mailbox.wait(LOOK_AGAIN).await;
        if found(&person).await.is_none() {
            continue;
        }
        // Who has done it, and are they still at it?
        person.take_minutes(30, 45).await;
        let Some(found) = found(&person).await else { continue };
        let Some(plan) = found.forward.map(|plan| plan.hash).filter(|hash| *hash != said) else { continue };
        let reason = format!("whoever did it will not come back to it: {}", found.reason);
        if person.say(Word::Forward, &plan, None, Some(reason)).await {
            said = plan;
        }
    }
}

/// What the site shows as half done.
async fn found(person: &Person) -> Option<HalfDone> {
    person.site().await?.status?.half_done
}
