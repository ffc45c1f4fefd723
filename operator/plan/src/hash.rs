//! Digests: of a spec, and of a plan. A plan's hash covers what will be done and with what, never times, estimates or
//! reasons: those may be reworded without asking anybody again.

use std::io;

use crm_api::change::{CrmChangeSpec, Executor, Gate, Purpose, Restores, Step, Task, Undo};
use crm_api::evidence::Expectation;
use crm_api::release::{CrmReleaseSpec, Package};
use crm_api::site::{CrmSiteSpec, FastCgi, Placement};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// sha256 of the JSON of a value, lower-case hexadecimal. The types say in which order their fields stand, so the same
/// value has the same digest on every machine.
#[must_use]
pub fn digest(value: &impl Serialize) -> String {
    let mut sink = Sink(Sha256::new());
    // Into memory only, and of types whose keys are texts: there is nothing that can fail.
    let _ = serde_json::to_writer(&mut sink, value);
    hexadecimal(&sink.0.finalize())
}

/// sha256 of a text, lower-case hexadecimal.
#[must_use]
pub fn sha256(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Digests what is written to it.
struct Sink(Sha256);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How many bytes of JSON a value is.
#[must_use]
pub fn json_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

/// Digest of what a site declares. When it may change, who agrees and who is told is not part of what it is.
#[must_use]
pub fn spec_digest(spec: &CrmSiteSpec) -> String {
    let mut value = serde_json::to_value(spec).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.remove("windows");
        object.remove("approval");
        object.remove("drift");
        object.remove("notices");
    }
    digest(&value)
}

/// Hash of a plan: site, spec, releases with their media, steps with what they do and what proves them. A restore or a
/// way forward that is planned again after `earlier` tries is another plan: each try needs a word of its own.
#[must_use]
pub fn plan_hash(change: &CrmChangeSpec, releases: &[&CrmReleaseSpec], earlier: usize) -> String {
    #[derive(Serialize)]
    struct Essence<'a> {
        site: &'a str,
        site_uid: &'a str,
        spec_digest: &'a str,
        purpose: Purpose,
        corrects: &'a [String],
        restores: &'a Option<Restores>,
        #[serde(skip_serializing_if = "Option::is_none")]
        takes_over: Option<&'a str>,
        from: &'a str,
        to: &'a str,
        fast_cgi: Option<FastCgi>,
        components: &'a [Placement],
        installs: &'a [String],
        releases: Vec<Stop<'a>>,
        steps: Vec<StepEssence<'a>>,
        earlier: usize,
    }
    digest(&Essence {
        site: &change.site,
        site_uid: &change.site_uid,
        spec_digest: &change.spec_digest,
        purpose: change.purpose,
        corrects: &change.corrects,
        restores: &change.restores,
        takes_over: change.takes_over.as_deref(),
        from: &change.from,
        to: &change.to,
        fast_cgi: change.fast_cgi,
        components: &change.components,
        installs: &change.installs,
        releases: releases.iter().map(|release| Stop::of(&release.version, Some(release))).collect(),
        steps: change.steps.iter().map(StepEssence::of).collect(),
        earlier,
    })
}

/// What a step does and what proves it.
#[derive(Serialize)]
struct StepEssence<'a> {
    id: &'a str,
    node: Option<&'a str>,
    executor: Option<&'a Executor>,
    gate: Option<Gate>,
    undo: &'a Undo,
    evidence: &'a [Expectation],
    absent_when: &'a [Expectation],
    moves: &'a [String],
    after: &'a [String],
}

impl<'a> StepEssence<'a> {
    fn of(step: &'a Step) -> Self {
        // What people read is no part of what is done.
        let is_told = matches!(step.executor, Executor::Controller { task: Task::Notify { .. } });
        Self {
            id: &step.id,
            node: step.node.as_deref(),
            executor: (!is_told).then_some(&step.executor),
            gate: step.gate,
            undo: &step.undo,
            evidence: &step.evidence,
            absent_when: &step.absent_when,
            moves: &step.moves,
            after: &step.after,
        }
    }
}

/// A release by its name, with its media.
#[derive(Serialize)]
struct Stop<'a> {
    version: &'a str,
    number: Option<&'a str>,
    packages: Option<&'a [Package]>,
}

impl<'a> Stop<'a> {
    fn of(version: &'a str, release: Option<&'a CrmReleaseSpec>) -> Self {
        let number = release.map(|release| release.number.as_str());
        Self { version, number, packages: release.map(|release| release.packages.as_slice()) }
    }
}

/// Hash of a path: site, spec, and every release on it with its media. It is the same for each hop of the path.
#[must_use]
pub fn path_hash(site_uid: &str, spec_digest: &str, stops: &[(&str, Option<&CrmReleaseSpec>)]) -> String {
    #[derive(Serialize)]
    struct Path<'a> {
        site_uid: &'a str,
        spec_digest: &'a str,
        path: Vec<Stop<'a>>,
    }
    let path = stops.iter().map(|(version, release)| Stop::of(version, *release)).collect();
    digest(&Path { site_uid, spec_digest, path })
}

/// The first characters of a hash, as people read and type it.
#[must_use]
pub fn short(hash: &str) -> &str {
    hash.get(..6).unwrap_or(hash)
}

/// How a text names the hash that a decision has to give in full: a few digits are enough to find it, not to be bound by it.
#[must_use]
pub fn begun(hash: &str) -> String {
    format!("{}...", short(hash))
}
