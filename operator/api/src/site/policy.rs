//! The rules under which a site may change: when, with whose word, and what is done about drift. They are no part of what
//! the site is: editing them makes no other plan.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// When changes may start. Deny wins over allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowsSpec {
    /// IANA time zone, for example `Europe/Oslo`.
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// Weekly windows.
    #[schemars(length(min = 1, max = 16))]
    pub allow: Vec<WeeklyWindow>,
    /// Times at which nothing starts, whatever is allowed.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub deny: Vec<Blackout>,
}

/// A window that opens every week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeeklyWindow {
    /// Days on which it opens.
    #[schemars(length(min = 1, max = 7))]
    pub days: Vec<Day>,
    /// Local time at which it opens, `HH:MM`.
    #[schemars(length(max = 5), regex(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    pub start: String,
    /// How long it stays open, in minutes (15 to 1440).
    #[schemars(range(min = 15, max = 1440))]
    pub duration_minutes: i32,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A time at which nothing starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Blackout {
    /// First moment.
    pub from: Time,
    /// First moment after it.
    pub until: Time,
    /// Why, shown to whoever waits.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
}

/// What is done about one class of drift.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.action != 'Ignore' || (has(self.until) && has(self.reason) && size(self.reason) > 0)").message("drift: whoever ignores drift says until when and why; write until and reason"),
    validation = Rule::new("self.action != 'Correct' || self.class in ['Frozen', 'Scheduler', 'FastCgi', 'Endpoint']").message("drift.action: only the classes Frozen, Scheduler, FastCgi and Endpoint are corrected; write action: Report for this one"),
    validation = Rule::new("!has(self.quietMinutes) || (self.class == 'Frozen' && self.action == 'Correct')").message("drift.quietMinutes: it belongs to class Frozen with action Correct; leave it out here")
)]
pub struct DriftPolicy {
    /// The class. Versions are not among them: a version that differs always stands in the way of a change.
    pub class: DriftClass,
    /// What is done.
    pub action: DriftAction,
    /// Minutes for which the line `frozen` must have stood, with nobody at work on that server, before it is taken away; only
    /// for class `Frozen` with action `Correct`. Left out: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 15, max = 10080))]
    pub quiet_minutes: Option<i32>,
    /// Until when it is ignored; afterwards it is reported again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}

/// A class of drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftClass {
    /// Service is closed to its users although nobody changes it.
    Frozen,
    /// Service's scheduler is stopped, or has not run lately.
    Scheduler,
    /// Handlers or links of FastCGI are not as proven.
    FastCgi,
    /// Service speaks to web services of an older release.
    Endpoint,
    /// Service or Web works through another NetServer than it should, or one that has served is still installed.
    NetServer,
    /// The .NET Framework is older than the release demands.
    DotNet,
    /// The licence's maintenance is over.
    Licence,
    /// Windows clients connect that the site does not keep, or that its release no longer has.
    WindowsClients,
    /// The symmetric keys of Web's and Service's configurations differ.
    Keys,
    /// Service's own address is not on the declared host, or not below the declared path.
    Address,
}

impl DriftClass {
    /// Its name, as it stands in manifests and in findings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frozen => "Frozen",
            Self::Scheduler => "Scheduler",
            Self::FastCgi => "FastCgi",
            Self::Endpoint => "Endpoint",
            Self::NetServer => "NetServer",
            Self::DotNet => "DotNet",
            Self::Licence => "Licence",
            Self::WindowsClients => "WindowsClients",
            Self::Keys => "Keys",
            Self::Address => "Address",
        }
    }
}

/// What is done about drift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftAction {
    /// It is shown, and makes the site not ready.
    #[default]
    Report,
    /// It is shown, and a change of its own brings back what was proven: at once where nobody is interrupted, inside a
    /// window otherwise. The same correction is made once in 24 hours; what comes back sooner is reported.
    Correct,
    /// It is shown as accepted until a date, and does not make the site unready.
    Ignore,
}

/// Who has to agree to what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalSpec {
    /// What one approval covers.
    #[serde(default)]
    pub scope: ApprovalScope,
    /// Hours after which an approval says nothing any more, unless the change has begun. Left out: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 8760))]
    pub expires_after_hours: Option<i32>,
    /// Whether corrections of drift wait for an approval as well. Left out: whoever declares `action: Correct` has agreed.
    #[serde(default)]
    pub corrections: bool,
    /// Whether two different people have to approve. Who wrote the declaration cannot be told from the object, so it is
    /// two pairs of eyes on the plan, whoever wrote it.
    #[serde(default)]
    pub four_eyes: bool,
}

/// What one approval covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApprovalScope {
    /// One hop: one change with its own backup.
    #[default]
    Hop,
    /// All hops of the path as it was shown, as long as neither the declaration nor a release on it changes.
    Path,
}
