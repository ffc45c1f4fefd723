//! An expectation over one fact. Preconditions, post-conditions and the outcome of an action are all judged by these,
//! never by an exit code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::probe::{Probe, RunState};

/// Where a fact comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Source {
    /// An agent's answer.
    Node {
        /// Name of the `CrmNode`.
        #[schemars(length(max = 253))]
        node: String,
        /// The question.
        probe: Probe,
    },
    /// A named fact of the site's database.
    Database {
        /// Name of the fact (see `crm_api::database`).
        #[schemars(length(max = 64))]
        fact: String,
    },
    /// A person's word about this step: the decision of kind `Attest` that names it.
    Attestation {
        /// What the person vouches for, shown to them.
        #[schemars(length(max = 512))]
        statement: String,
    },
}

/// What a fact is expected to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Expected {
    /// Anything but absent.
    Present {},
    /// Not there.
    Absent {},
    /// This text: a version, a value, a database fact.
    Text {
        /// Exact.
        #[schemars(length(max = 1024))]
        is: String,
    },
    /// A service or pool in this state.
    State {
        /// The state.
        is: RunState,
    },
    /// A flag line that is set or is not.
    Flag {
        /// Whether it is set.
        set: bool,
    },
    /// No program runs there.
    NoneRunning {},
    /// A version number of this release. Programs write the same one differently: letters at its end and parts behind the
    /// third number do not count.
    Version {
        /// The number, as the catalogue writes it.
        #[schemars(length(max = 64))]
        is: String,
    },
    /// Every program has its handler, with every verb that it needs.
    AllMapped {},
    /// No program has a handler.
    NoneMapped {},
    /// Every numbered file lies in the sub-folder of its number, and none is lost: there are as many as the database
    /// knows, but for those that were missing before.
    AllFiled {
        /// Database fact that counts them.
        #[schemars(length(max = 64))]
        known: String,
        /// Files that the database knew and that lay nowhere when the plan was made.
        missing_before: i64,
    },
    /// An HTTP status.
    Status {
        /// The status.
        is: i32,
    },
    /// A file with this content.
    Sha256 {
        /// Lower-case hexadecimal.
        #[schemars(length(max = 64))]
        is: String,
    },
    /// Exactly this one name.
    OnlyName {
        /// The name.
        #[schemars(length(max = 256))]
        is: String,
    },
    /// As it was when this try of the step began: the answer has not changed since before then.
    SameAsAtStart {},
    /// A time (in a database fact) that is not before the start of a step of the same change.
    LaterThanStart {
        /// The step whose start it must follow.
        #[schemars(length(max = 128))]
        step: String,
    },
    /// A time (in a database fact) that is before the start of a step of the same change.
    EarlierThanStart {
        /// The step whose start it must precede.
        #[schemars(length(max = 128))]
        step: String,
    },
}

/// One fact and what it is expected to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    /// Where the fact comes from.
    pub source: Source,
    /// What it is expected to be.
    pub expected: Expected,
}

/// One expectation over a probe of the machine on which an order is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalExpectation {
    /// The question.
    pub probe: Probe,
    /// What the answer is expected to be.
    pub expected: Expected,
}
