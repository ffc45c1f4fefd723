//! The approver: reads what a plan means, and says yes.

use crm_api::condition::{self, Kind};
use crm_api::decision::Word;
use crm_api::site::ApprovalScope;

use super::{LOOK_AGAIN, Person};

/// Lives until dropped.
pub(super) async fn live(mut person: Person) {
    let (mut approved, mut mailbox) = (String::new(), person.mailbox());
    loop {
        mailbox.wait(LOOK_AGAIN).await;
        let Some(plan) = plan_that_waits(&person).await.filter(|plan| *plan != approved) else { continue };
        person.take_minutes(3, 15).await;
        // What was read a while ago may be another plan by now: the word is about this one only.
        if plan_that_waits(&person).await.as_ref() == Some(&plan) && person.say(Word::Approve, &plan, None, None).await
        {
            approved = plan;
        }
    }
}

/// Hash of the plan that waits for approval; of its whole path, where one approval covers it.
async fn plan_that_waits(person: &Person) -> Option<String> {
    let site = person.site().await?;
    let status = site.status?;
    let waits = condition::find(&status.conditions, Kind::UpToDate)
        .is_some_and(|condition| condition.reason == "AwaitingApproval");
    let plan = status.plan.filter(|_| waits)?;
    Some(match site.spec.approval.scope {
        ApprovalScope::Hop => plan.hash,
        ApprovalScope::Path => plan.path_hash,
    })
}
