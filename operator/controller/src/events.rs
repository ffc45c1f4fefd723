//! Events for people (`events.k8s.io/v1`). Part of report: it writes, but nothing depends on it.
//!
//! The name of an event is computed from what it says, so saying it again, by a repeated round or by a second leader,
//! finds the event there. A failed publish is logged and never fails a round.

use crm_plan::Announcement;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Api;
use kube::api::PostParams;

use crate::call::call;
use crate::context::Context;
use crate::limits::{EVENT_NAME_BYTES_MAX, NOTE_BYTES_MAX};
use crate::queue::SiteKey;
use crate::unreadable::MALFORMED;
use crate::validate::Malformed;

/// Events about objects without a namespace go here, as Kubernetes itself does it.
const CLUSTER_NAMESPACE: &str = "default";

/// The object that an event is about.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    pub(crate) uid: String,
}

/// Publishes what the plan wants people to know. `site_uid` is part of the event's name.
pub(crate) async fn announce(context: &Context, site: &SiteKey, site_uid: &str, about: About, word: &Announcement) {
    let id = [site_uid, word.reason, &word.message, word.change.as_deref().unwrap_or_default()];
    let event = Draft { prefix: &site.name, id: &id, reason: word.reason, note: &word.message, warning: word.warning };
    publish(context, Some(site), about, event).await;
}

/// Publishes that an object does not parse.
pub(crate) async fn complain(context: &Context, malformed: &Malformed) {
    let about = About {
        kind: malformed.kind.clone(),
        namespace: malformed.namespace.clone(),
        name: malformed.name.clone(),
        uid: malformed.uid.clone(),
    };
    let note = malformed.to_string();
    let id = [malformed.uid.as_str(), MALFORMED, &note];
    let event = Draft { prefix: &malformed.name, id: &id, reason: MALFORMED, note: &note, warning: true };
    publish(context, None, about, event).await;
}

struct Draft<'a> {
    prefix: &'a str,
    id: &'a [&'a str],
    reason: &'a str,
    note: &'a str,
    warning: bool,
}

async fn publish(context: &Context, site: Option<&SiteKey>, about: About, draft: Draft<'_>) {
    if !context.term.may_write() {
        return;
    }
    let namespace = about.namespace.clone().unwrap_or_else(|| CLUSTER_NAMESPACE.to_owned());
    let event = event(&namespace, site, about, &draft, context.clock.now(), &context.identity);
    let api: Api<Event> = Api::namespaced(context.client.clone(), &namespace);
    let params = PostParams { field_manager: Some(crm_api::CONTROLLER.to_owned()), ..PostParams::default() };
    match call("publish an event", api.create(&params, &event)).await {
        Ok(_) => {}
        Err(error) if error.is_already_exists() => {}
        Err(error) => tracing::warn!(%error, reason = draft.reason, "event not published"),
    }
}

fn event(
    namespace: &str,
    site: Option<&SiteKey>,
    about: About,
    draft: &Draft<'_>,
    now: Timestamp,
    identity: &str,
) -> Event {
    let labels = site.map(|site| [(crm_api::SITE_LABEL.to_owned(), site.name.clone())].into());
    Event {
        metadata: ObjectMeta {
            name: Some(name(draft.prefix, draft.id)),
            namespace: Some(namespace.to_owned()),
            labels,
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        action: Some(draft.reason.to_owned()),
        reason: Some(draft.reason.to_owned()),
        note: Some(cut(draft.note, NOTE_BYTES_MAX).to_owned()),
        type_: Some(if draft.warning { "Warning" } else { "Normal" }.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(crm_api::API_VERSION.to_owned()),
            kind: Some(about.kind),
            namespace: about.namespace,
            name: Some(about.name),
            uid: Some(about.uid),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(format!("{}/{}", crm_api::GROUP, crm_api::CONTROLLER)),
        reporting_instance: Some(cut(identity, 128).to_owned()),
        ..Event::default()
    }
}

/// `<object>.<hash of what is said>`, a valid name whatever the object is called.
fn name(prefix: &str, id: &[&str]) -> String {
    let prefix = cut(prefix, EVENT_NAME_BYTES_MAX).trim_end_matches(['.', '-']);
    format!("{prefix}.{:016x}", fnv(id))
}

/// FNV-1a over the parts with their lengths in between. No secrecy is needed, only the same number everywhere.
fn fnv(parts: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    for part in parts {
        part.bytes().for_each(&mut eat);
        eat(0xff); // no byte of UTF-8 text
    }
    hash
}

/// The longest beginning of a text that fits, at a border of characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{About, Draft, cut, event, name};
    use crate::queue::SiteKey;
    use jiff::Timestamp;

    #[test]
    fn the_same_words_have_the_same_name_and_others_another() {
        let said = |reason: &str, message: &str| name("contoso", &["uid", reason, message, ""]);
        assert_eq!(said("Verified", "at 8.0"), said("Verified", "at 8.0"));
        assert_ne!(said("Verified", "at 8.0"), said("Verified", "at 8.1"));
        assert_ne!(said("Verified", "at"), said("Verifieda", "t"), "borders between the parts count");
        assert!(said("Verified", "at 8.0").starts_with("contoso."));
        assert_eq!(name("a".repeat(253).as_str(), &[]).len(), 217);
    }

    #[test]
    fn a_note_fits_into_its_limit_without_cutting_a_character() {
        let long = "ø".repeat(600);
        assert_eq!(cut(&long, 1024).len(), 1024);
        assert_eq!(cut(&long, 1023).len(), 1022);
        let about = About { kind: "CrmSite".into(), namespace: Some("crm".into()), name: "c".into(), uid: "u".into() };
        let draft = Draft { prefix: "c", id: &["u"], reason: "Halted", note: &long, warning: true };
        let site = SiteKey::new("crm", "c");
        let event = event("crm", Some(&site), about, &draft, Timestamp::UNIX_EPOCH, "controller-0");
        assert_eq!(event.note.map(|note| note.len()), Some(1024));
        assert_eq!(event.type_.as_deref(), Some("Warning"));
    }
}
