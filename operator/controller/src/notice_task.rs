//! Posts one notice, in the background of one term. Nothing waits for it: whatever comes of it is judged by the plan. A
//! notice may be posted twice; its id says so to the receiver.

use crm_api::CrmSite;
use crm_api::notice::Notice;
use crm_plan::snapshot::{TaskDone, TaskFailed};

use crate::connection::secret_text;
use crate::context::Context;
use crate::limits::NOTICE_POST;
use crate::tasks::{uncertain, untouched};
use crate::webhook::Address;

/// Key of the Secret.
const URL: &str = "url";

/// Posts a notice to the address that a Secret of the site's namespace holds.
pub(crate) async fn deliver(
    context: &Context,
    site: &CrmSite,
    secret: &str,
    notice: &Notice,
) -> Result<TaskDone, TaskFailed> {
    let namespace = site.metadata.namespace.as_deref().unwrap_or_default();
    let text = secret_text(context, namespace, secret, URL).await.map_err(|error| untouched(error.to_string()))?;
    let address = Address::parse(&text).ok_or_else(|| {
        untouched(format!(
            "key {URL} of Secret {namespace}/{secret} is no address that begins with https://: correct it"
        ))
    })?;
    let body = serde_json::to_vec(notice).map_err(|error| untouched(format!("the notice is no JSON: {error}")))?;
    if !context.term.may_write() {
        return Err(untouched("this controller is not the leader any more".to_owned()));
    }
    let post = context.post.post(address.clone(), body);
    match tokio::time::timeout(NOTICE_POST, post).await {
        Ok(Ok(200..=299)) => Ok(TaskDone { evidence: format!("{} was taken", notice.id), ..TaskDone::default() }),
        Ok(Ok(status)) => Err(uncertain(format!("the receiver answered with status {status}"))),
        Ok(Err(error)) => Err(uncertain(address.hidden_in(&error.to_string()))),
        Err(_) => Err(uncertain(format!("the receiver did not answer within {} seconds", NOTICE_POST.as_secs()))),
    }
}
