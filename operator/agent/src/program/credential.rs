//! Which credential an agent uses, and when it gets itself the next one. Decided here, done in `identity.rs`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// A token that ends sooner is not begun with.
const LAST_MOMENT: SignedDuration = SignedDuration::from_secs(10);
/// A token is renewed no sooner than this after it was made, or after a start.
const SOONEST: SignedDuration = SignedDuration::from_secs(60);
/// Longest and shortest wait after a renewal that failed.
const AGAIN: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(10 * 60));

/// What a token of a ServiceAccount says of itself. Nobody here believes it: the API server judges the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) namespace: String,
    /// Name of the ServiceAccount.
    pub(super) account: String,
    /// Its uid.
    pub(super) uid: String,
    /// Uid of the Secret with which the token ends.
    pub(super) bound_to: Option<String>,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
}

impl Claims {
    /// Reads a token; none where it is not one of a ServiceAccount.
    pub(super) fn read(token: &str) -> Option<Self> {
        let payload = URL_SAFE_NO_PAD.decode(token.trim().split('.').nth(1)?).ok()?;
        let payload: Value = serde_json::from_slice(&payload).ok()?;
        let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let time = |name: &str| payload[name].as_i64().and_then(|second| Timestamp::from_second(second).ok());
        Some(Self {
            namespace: text("/kubernetes.io/namespace")?,
            account: text("/kubernetes.io/serviceaccount/name")?,
            uid: text("/kubernetes.io/serviceaccount/uid")?,
            bound_to: text("/kubernetes.io/secret/uid"),
            issued: time("iat")?,
            expires: time("exp")?,
        })
    }

    fn is_good(&self, now: Timestamp) -> bool {
        self.expires.saturating_sub(LAST_MOMENT).is_ok_and(|last| now < last)
    }

    /// How long after it was made the next token is asked for: well before the half of its life, so that the other half is left
    /// for an API server that is away. `spread` keeps a fleet that was enrolled in one morning apart.
    pub(super) fn renews_after(&self, spread: u64) -> SignedDuration {
        let life = self.expires.duration_since(self.issued);
        let thousandths = 400 + i32::try_from(spread % 101).unwrap_or(0);
        (life / 1000 * thousandths).max(SOONEST)
    }

    /// The same from now on, for a token that was kept. A clock that is wrong makes it neither hammer the API server nor wait
    /// longer than for a new one.
    pub(super) fn renews_in(&self, now: Timestamp, spread: u64) -> SignedDuration {
        let after = self.renews_after(spread);
        (after - now.duration_since(self.issued)).clamp(SOONEST, after)
    }
}

/// What an agent begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With the token that it keeps.
    Kept,
    /// With the file that it was given, for which it gets itself a token of its own at once.
    Exchange,
    /// With the file that it was given, as it is: nothing of it is a node's token.
    AsItIs,
}

/// The credential in a file that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// A node's token.
    Token(Claims),
    /// Something else: a certificate, a program, somebody's own token.
    Other,
}

/// Why there is nothing to begin with, for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// What is kept has ended, and no file was given.
    KeptEnded,
    /// The file that was given has ended, and nothing is kept, or that has ended too.
    GivenEnded,
    /// There is neither.
    Neither,
}

/// Chooses. A file that was given when the kept token was made, or later, is a word of a person, who has enrolled the server
/// anew (times are whole seconds; a file that is refused leads back to the token); an older one was used already, and lies about.
pub(super) fn way(kept: Option<&Claims>, given: Option<&Given>, now: Timestamp) -> Result<Way, Nothing> {
    let kept_is_good = kept.is_some_and(|kept| kept.is_good(now));
    match given {
        Some(Given::Other) => Ok(Way::AsItIs),
        Some(Given::Token(given))
            if given.is_good(now) && kept.is_none_or(|kept| !kept_is_good || given.issued >= kept.issued) =>
        {
            Ok(Way::Exchange)
        }
        _ if kept_is_good => Ok(Way::Kept),
        Some(Given::Token(_)) => Err(Nothing::GivenEnded),
        None if kept.is_some() => Err(Nothing::KeptEnded),
        None => Err(Nothing::Neither),
    }
}

/// How long to wait after so many renewals in a row that failed.
pub(super) fn wait_after(failures: u32) -> Duration {
    AGAIN.0.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(16))).min(AGAIN.1)
}

/// The authority to trust from now on, as a kubeconfig holds it, where what the cluster publishes differs from what is trusted.
/// It is followed only if it has something in common with that: the API server may be known by another authority than the
/// cluster's own, and a chain of overlaps is how Kubernetes exchanges one.
pub(super) fn followed(trusted: &str, published: &str) -> Option<String> {
    let trusted = String::from_utf8(STANDARD.decode(trusted.trim()).ok()?).ok()?;
    let (before, now) = (certificates(&trusted), certificates(published));
    let differs = before.len() != now.len() || now.iter().any(|one| !before.contains(one));
    let overlaps = now.iter().any(|one| before.contains(one));
    (differs && overlaps).then(|| STANDARD.encode(published))
}

/// The certificates of a text in PEM form, each without white space.
fn certificates(text: &str) -> Vec<String> {
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let inside = blocks.filter_map(|block| block.split_once("-----END CERTIFICATE-----"));
    inside.map(|(inside, _)| inside.split_whitespace().collect()).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    /// A token as an API server makes it, but for the signature.
    pub(crate) fn token(uid: &str, from: Timestamp, until: Timestamp, bound_to: Option<&str>) -> String {
        let mut of = json!({"namespace": "crm", "serviceaccount": {"name": "crm-node-web1", "uid": uid}});
        if let Some(name) = bound_to {
            of["secret"] = json!({"name": name, "uid": format!("uid of {name}")});
        }
        let payload = json!({
            "iat": from.as_second(), "exp": until.as_second(), "sub": "system:serviceaccount:crm:crm-node-web1",
            "kubernetes.io": of,
        });
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload.to_string()))
    }

    fn minutes(minutes: i64) -> SignedDuration {
        SignedDuration::from_mins(minutes)
    }

    fn claims(from: i64, until: i64) -> Claims {
        Claims::read(&token("u", at(from), at(until), None)).unwrap()
    }

    #[test]
    fn a_token_says_whose_it_is_and_until_when() {
        let read = Claims::read(&token("u1", at(0), at(15), Some("crm-node-web1-bootstrap"))).unwrap();
        let expected = Claims {
            namespace: "crm".to_owned(),
            account: "crm-node-web1".to_owned(),
            uid: "u1".to_owned(),
            bound_to: Some("uid of crm-node-web1-bootstrap".to_owned()),
            issued: at(0),
            expires: at(15),
        };
        assert_eq!(read, expected);
        for other in ["", "abc", "a.b.c", "e30.e30.e30"] {
            assert_eq!(Claims::read(other), None, "{other}");
        }
    }

    #[test]
    fn what_an_agent_begins_with() {
        let good = claims(0, 60);
        let file = |from, until| Given::Token(claims(from, until));
        type Case = (Option<Claims>, Option<Given>, Result<Way, Nothing>);
        let cases: [Case; 12] = [
            (None, Some(file(0, 15)), Ok(Way::Exchange)),
            (Some(good.clone()), None, Ok(Way::Kept)),
            // The file from which the kept token was made, and one that has ended since.
            (Some(good.clone()), Some(file(-1, 14)), Ok(Way::Kept)),
            (Some(good.clone()), Some(file(-30, -15)), Ok(Way::Kept)),
            // Enrolled anew, also within the second in which the kept token was made.
            (Some(good.clone()), Some(file(0, 15)), Ok(Way::Exchange)),
            (Some(good.clone()), Some(file(5, 20)), Ok(Way::Exchange)),
            (Some(claims(-60, 0)), Some(file(-70, 15)), Ok(Way::Exchange)),
            (Some(claims(-60, 0)), Some(file(-70, -55)), Err(Nothing::GivenEnded)),
            (Some(claims(-60, 0)), None, Err(Nothing::KeptEnded)),
            (None, Some(file(-30, -15)), Err(Nothing::GivenEnded)),
            (None, None, Err(Nothing::Neither)),
            (Some(good), Some(Given::Other), Ok(Way::AsItIs)),
        ];
        for (kept, given, expected) in cases {
            assert_eq!(way(kept.as_ref(), given.as_ref(), at(10)), expected, "{kept:?} {given:?}");
        }
    }

    #[test]
    fn a_token_is_renewed_before_the_half_of_its_life_and_never_at_once() {
        let token = claims(0, 1000);
        for spread in [0, 50, 100, 101, u64::MAX] {
            let after = token.renews_after(spread);
            assert!(after >= minutes(400) && after <= minutes(500), "{spread}: {after}");
            assert_eq!(token.renews_in(at(100), spread), after - minutes(100));
        }
        assert!(token.renews_after(0) < token.renews_after(100));
        assert_eq!(claims(0, 1).renews_after(0), SOONEST, "however short its life is");
    }

    #[test]
    fn a_clock_that_is_wrong_neither_hammers_nor_forgets() {
        let token = claims(0, 1440);
        assert_eq!(token.renews_in(at(12 * 60), 0), SOONEST);
        assert_eq!(token.renews_in(at(-12 * 60), 0), token.renews_after(0));
    }

    #[test]
    fn waits_after_failures_grow_and_stay_short_of_any_life() {
        let waits: Vec<u64> = (1..=8).map(|failures| wait_after(failures).as_secs()).collect();
        assert_eq!(waits, [15, 30, 60, 120, 240, 480, 600, 600]);
        assert_eq!(wait_after(u32::MAX).as_secs(), 600);
    }

    #[test]
    fn an_authority_is_followed_along_overlaps_only() {
        let pem = |names: &[&str]| -> String {
            let block =
                |name: &&str| format!("-----BEGIN CERTIFICATE-----\n{name}\n{name}\n-----END CERTIFICATE-----\n");
            names.iter().map(block).collect()
        };
        let trusts = |names: &[&str]| STANDARD.encode(pem(names));
        assert_eq!(followed(&trusts(&["old"]), &pem(&["old"])), None);
        assert_eq!(followed(&trusts(&["old"]), &pem(&["old", "new"])), Some(trusts(&["old", "new"])));
        assert_eq!(followed(&trusts(&["old", "new"]), &pem(&["new"])), Some(trusts(&["new"])));
        // Another authority in front of the API server.
        assert_eq!(followed(&trusts(&["proxy"]), &pem(&["cluster"])), None);
        assert_eq!(followed(&trusts(&["old"]), "nothing"), None);
    }
}
