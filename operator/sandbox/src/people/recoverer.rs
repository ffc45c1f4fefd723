//! The recoverer: looks at a site that has been halted for a while, reads what a restore would cost, and says so.

use crm_api::decision::Word;
use crm_api::site::RestoreOffer;

use super::{LOOK_AGAIN, Person};

/// Lives until dropped.
pub(super) async fn live(mut person: Person) {
    let (mut said, mut mailbox) = (String::new(), person.mailbox());
    loop {
        mailbox.wait(LOOK_AGAIN).await;
        let Some(first) = offered(&person).await.filter(|offer| offer.plan_hash != said) else { continue };
        // Others try to go forward first.
        person.take_minutes(45, 60).await;
        let Some(offer) = offered(&person).await.filter(|offer| *offer == first) else { continue };
        let reason = format!("forward leads nowhere; {}", offer.cost);
        if person.say(Word::Restore, &offer.plan_hash, None, Some(reason)).await {
            said = offer.plan_hash;
        }
    }
}

/// The restore that would bring the site back.
async fn offered(person: &Person) -> Option<RestoreOffer> {
    person.site().await?.status?.restore
}
