//! A site at rest, as its agents and its database would report it, and small changes to it.

use std::collections::BTreeMap;

use crm_api::change::CrmChangeStatus;
use crm_api::database::{
    DATABASE_BYTES, DatabaseFact, DatabaseFacts, SCHEMA_MODIFIED_AT, SQL_SERVER_VERSION, superoffice,
};
use crm_api::decision::{CrmDecisionSpec, Word};
use crm_api::node::{CrmNodeSpec, CrmNodeStatus};
use crm_api::order::{Action, OrderPhase, OrderResult, Outcome};
use crm_api::probe::{Answer, Machine, Observation, Probe, RunState, StartType};
use crm_api::site::{Component, CrmSiteSpec, FastCgi};
use crm_api::{CrmBackup, CrmChange, CrmDecision, CrmNode, CrmRelease, CrmSite, Time};
use jiff::{SignedDuration, Timestamp};

use crate::intent::{Intent, Plan};
use crate::snapshot::{NodeView, Snapshot, TaskDone, TaskState};
use crate::view::View;
use crate::{plan, products};

pub(super) const OLD: &str = "7.5.5885";
pub(super) const NEW: &str = "8.0.6465";

/// Saturday 28 November 2026, 20:00 in Oslo.
pub(super) fn saturday() -> Timestamp {
    "2026-11-28T19:00:00Z".parse().unwrap()
}

pub(super) fn after(minutes: i64) -> Timestamp {
    saturday().checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

/// A site under test: its snapshot and the time.
pub(super) struct Site {
    pub(super) snapshot: Snapshot,
    pub(super) now: Timestamp,
}

pub(super) fn catalogue() -> Vec<CrmRelease> {
    let first = include_str!("../../../../examples/superoffice/catalogue.yaml");
    serde_saphyr::from_multiple(first).unwrap()
}

/// All four parts of the catalogue.
pub(super) fn whole_catalogue() -> Vec<CrmRelease> {
    let mut releases = catalogue();
    for text in [
        include_str!("../../../../examples/superoffice/catalogue-8.1-to-8.5.yaml"),
        include_str!("../../../../examples/superoffice/catalogue-9-and-10.yaml"),
        include_str!("../../../../examples/superoffice/catalogue-11.yaml"),
    ] {
        releases.extend(serde_saphyr::from_multiple::<CrmRelease>(text).unwrap());
    }
    releases
}

pub(super) fn example() -> CrmSite {
    let text = include_str!("../../../../examples/superoffice/server-web-service-7.5-to-8.0.yaml");
    let first = text.split("\n---").next().unwrap();
    serde_saphyr::from_str(first).unwrap()
}

impl Site {
    /// The site of the main example, all at 7.5 SR2, adopted.
    pub(super) fn at_rest() -> Self {
        Self::with_placement(&[
            (Component::CrmServer, &["contoso-app"]),
            (Component::Web, &["contoso-app"]),
            (Component::Service, &["contoso-cs"]),
        ])
    }

    /// A site with its components on these nodes.
    pub(super) fn with_placement(placement: &[(Component, &[&str])]) -> Self {
        let mut site = example();
        site.spec.components = placement
            .iter()
            .map(|(name, nodes)| crm_api::site::Placement {
                name: *name,
                nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
            })
            .collect();
        site.metadata.uid = Some("site-uid".to_owned());
        site.metadata.generation = Some(1);
        let snapshot = Snapshot {
            site,
            nodes: Vec::new(),
            releases: catalogue(),
            changes: Vec::new(),
            backups: Vec::new(),
            decisions: Vec::new(),
            database: Ok(database(OLD)),
            foreign_claims: Vec::new(),
            tasks: Vec::new(),
            epoch: 1,
        };
        let mut site = Self { snapshot, now: saturday() };
        let names: Vec<String> =
            View::new(&site.snapshot, site.now).node_names().iter().map(|n| (*n).to_owned()).collect();
        site.snapshot.nodes = names.iter().map(|name| new_node(name)).collect();
        site.turn();
        site.turn();
        site
    }

    pub(super) fn spec(&mut self) -> &mut CrmSiteSpec {
        &mut self.snapshot.site.spec
    }

    /// Declares another version.
    pub(super) fn declare(&mut self, version: &str) {
        self.spec().version = version.to_owned();
        let generation = self.snapshot.site.metadata.generation.unwrap_or(0);
        self.snapshot.site.metadata.generation = Some(generation + 1);
    }

    pub(super) fn plan(&self) -> Plan {
        plan(&self.snapshot, self.now)
    }

    /// One round of the controller, with every intent carried out, and the agents looking again.
    pub(super) fn turn(&mut self) -> Plan {
        let plan = self.plan();
        for intent in plan.intents.clone() {
            self.carry_out(intent);
        }
        self.look();
        plan
    }

    pub(super) fn wait(&mut self, minutes: i64) {
        self.now = self.now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        self.look();
    }

    /// Every answer is what it was at rest again.
    pub(super) fn forget(&mut self) {
        for view in &mut self.snapshot.nodes {
            view.node.status.get_or_insert_with(CrmNodeStatus::default).observations.clear();
        }
        self.look();
    }

    /// Every agent answers every question and gives a sign of life.
    pub(super) fn look(&mut self) {
        let now = self.now;
        for view in &mut self.snapshot.nodes {
            let status = view.node.status.get_or_insert_with(CrmNodeStatus::default);
            for probe in view.node.spec.asked.iter().flat_map(|asked| &asked.probes) {
                if status.answer(probe).is_none() {
                    status.observations.push(Observation {
                        id: probe.id(),
                        answer: usual(probe),
                        since: Time::from(now),
                    });
                }
            }
            view.heartbeat = Some(now);
        }
        if let Ok(facts) = &mut self.snapshot.database {
            facts.read_at = Time::from(now);
        }
    }

    fn carry_out(&mut self, intent: Intent) {
        match intent {
            Intent::CreateChange { name, spec } => {
                let mut change = CrmChange::new(&name, *spec);
                change.metadata.generation = Some(1);
                self.snapshot.changes.push(change);
            }
            Intent::RecordChange { name, status } => self.change_named(&name).status = Some(*status),
            Intent::CreateBackup { name, spec } => self.snapshot.backups.push(CrmBackup::new(&name, *spec)),
            Intent::RecordBackup { name, status } => {
                let stored =
                    self.snapshot.backups.iter_mut().find(|backup| backup.metadata.name.as_deref() == Some(&name));
                stored.unwrap().status = Some(*status);
            }
            Intent::InstructNode { node, spec } => self.node(&node).node.spec = *spec,
            Intent::RecordSite { status } => self.snapshot.site.status = Some(*status),
            Intent::HoldSite => self.snapshot.site.metadata.finalizers = Some(vec![crm_api::SITE_FINALIZER.to_owned()]),
            Intent::ReleaseSite => self.snapshot.site.metadata.finalizers = None,
            Intent::RunTask { step, attempt, .. } => {
                if !self.snapshot.tasks.iter().any(|task| task.step == step && task.attempt == attempt) {
                    self.snapshot.tasks.push(TaskState { step, attempt, result: None });
                }
            }
            Intent::Announce(_) => {}
        }
    }

    pub(super) fn node(&mut self, name: &str) -> &mut NodeView {
        let found = self.snapshot.nodes.iter_mut().find(|view| view.node.metadata.name.as_deref() == Some(name));
        found.unwrap()
    }

    fn change_named(&mut self, name: &str) -> &mut CrmChange {
        let found = self.snapshot.changes.iter_mut().find(|change| change.metadata.name.as_deref() == Some(name));
        found.unwrap()
    }

    /// Replaces an agent's answer.
    pub(super) fn answer(&mut self, node: &str, probe: &Probe, answer: Answer) {
        let since = Time::from(self.now);
        let status = self.node(node).node.status.get_or_insert_with(CrmNodeStatus::default);
        status.observations.retain(|observation| observation.id != probe.id());
        status.observations.push(Observation { id: probe.id(), answer, since });
    }

    pub(super) fn machine(&mut self, node: &str, change: impl FnOnce(&mut Machine)) {
        let mut answer = usual(&Probe::Machine {});
        if let Answer::Machine(machine) = &mut answer {
            change(machine);
        }
        self.answer(node, &Probe::Machine {}, answer);
    }

    /// Every part shows another release.
    pub(super) fn move_to(&mut self, number: &str) {
        for view in &mut self.snapshot.nodes {
            let status = view.node.status.get_or_insert_with(CrmNodeStatus::default);
            for observation in &mut status.observations {
                match &mut observation.answer {
                    Answer::Program { version, .. } | Answer::Version { version } => *version = number.to_owned(),
                    Answer::Value { value } if value == OLD => *value = number.to_owned(),
                    _ => {}
                }
            }
        }
        for name in [superoffice::DATABASE_VERSION, superoffice::SERVER_SETUP_VERSION, superoffice::SERVICE_VERSION] {
            self.fact(name, Some(number));
        }
    }

    /// A further server on which nothing of the product is installed.
    pub(super) fn add_bare_node(&mut self, name: &str) {
        self.snapshot.nodes.push(new_node(name));
        let view = View::new(&self.snapshot, self.now);
        let probes = products::of(self.snapshot.site.spec.product).probes(&view).remove(name).unwrap_or_default();
        for probe in probes {
            let answer = match &probe {
                Probe::Machine {} | Probe::DiskFree { .. } => usual(&probe),
                Probe::Processes { .. } => Answer::Processes { running: Vec::new() },
                _ => Answer::Absent {},
            };
            self.answer(name, &probe, answer);
        }
        self.turn();
    }

    /// Replaces a fact of the database; `None` takes it away.
    pub(super) fn fact(&mut self, name: &str, value: Option<&str>) {
        let facts = self.snapshot.database.as_mut().unwrap();
        for fact in &mut facts.facts {
            if fact.name == name {
                fact.value = value.map(str::to_owned);
            }
        }
    }

    pub(super) fn status(&self) -> &CrmChangeStatus {
        self.snapshot.changes.last().unwrap().status.as_ref().unwrap()
    }

    /// A person says a word about the last change.
    pub(super) fn say(&mut self, word: Word, step: Option<&str>) {
        let plan_hash = self.snapshot.changes.last().unwrap().spec.plan_hash.clone();
        self.say_of(&plan_hash, word);
        self.snapshot.decisions.last_mut().unwrap().spec.step = step.map(str::to_owned);
    }

    /// A person says a word about a plan.
    pub(super) fn say_of(&mut self, plan_hash: &str, word: Word) {
        let spec = CrmDecisionSpec {
            site: Some("contoso".to_owned()),
            word,
            plan_hash: Some(plan_hash.to_owned()),
            step: None,
            reason: Some("seen".to_owned()),
            expires_at: None,
            user: "Astrid".to_owned(),
        };
        let mut decision = CrmDecision::new(&format!("word-{}", self.snapshot.decisions.len()), spec);
        decision.metadata.creation_timestamp = Some(Time::from(self.now));
        self.snapshot.decisions.push(decision);
    }

    /// The agent of the node that has an order reports its end.
    pub(super) fn end_order(&mut self, outcome: Outcome) {
        let now = Time::from(self.now);
        for view in &mut self.snapshot.nodes {
            let Some(order) = view.node.spec.orders.first().cloned() else { continue };
            let files = order.actions.iter().filter_map(left_by).collect();
            let status = view.node.status.get_or_insert_with(CrmNodeStatus::default);
            status.results = vec![OrderResult {
                id: order.id,
                attempt: order.attempt,
                epoch: order.epoch,
                phase: OrderPhase::Ended,
                outcome: Some(outcome),
                message: "as told".to_owned(),
                exit_code: None,
                started_at: now.clone(),
                ended_at: Some(now.clone()),
                files,
            }];
        }
    }

    /// The agent of the node that has an order refuses it.
    pub(super) fn refuse_order(&mut self) {
        self.end_order(Outcome::Absent);
        for view in &mut self.snapshot.nodes {
            for result in view.node.status.iter_mut().flat_map(|status| &mut status.results) {
                result.phase = OrderPhase::Refused;
                result.outcome = None;
            }
        }
    }

    /// Everything that stands in the way of the current step happens as it should: orders end well, tasks succeed,
    /// evidence appears, people say their word.
    pub(super) fn help_on(&mut self) {
        self.end_order(Outcome::Done);
        let header = crm_api::backup::DatabaseBackup {
            path: "file".to_owned(),
            database: "CRM7".to_owned(),
            started_at: Time::from(self.now),
            finished_at: Time::from(self.now),
            size_bytes: 1,
            checksums: true,
            last_lsn: "1".to_owned(),
        };
        for task in &mut self.snapshot.tasks {
            let done = TaskDone { evidence: "done".to_owned(), database_backup: Some(header.clone()), old_value: None };
            task.result.get_or_insert(Ok(done));
        }
        let Some(change) = self.snapshot.changes.last().cloned() else { return };
        let Some(status) = change.status else { return };
        if status.waiting.as_ref().is_some_and(|waiting| waiting.reason == "Approval") {
            self.say(Word::Approve, None);
        }
        let Some(step) = change.spec.steps.iter().find(|step| Some(&step.id) == status.step.as_ref()) else { return };
        let begun = status.result(&step.id).is_some();
        for expectation in step.evidence.iter().filter(|_| begun) {
            self.make_true(expectation, &step.id);
        }
    }

    fn make_true(&mut self, expectation: &crm_api::evidence::Expectation, step: &str) {
        use crm_api::evidence::{Expected, Source};
        match (&expectation.source, &expectation.expected) {
            (Source::Node { node, probe }, expected) => {
                let answer = match (expected, probe) {
                    (Expected::Text { is }, Probe::Program { .. }) => {
                        Answer::Program { version: is.clone(), location: String::new() }
                    }
                    (Expected::Text { is }, Probe::FileVersion { .. }) => Answer::Version { version: is.clone() },
                    (Expected::Text { is }, _) => Answer::Value { value: is.clone() },
                    (Expected::State { is }, Probe::Pool { .. }) => Answer::Pool { state: *is },
                    (Expected::State { is }, _) => Answer::Service { state: *is, start: StartType::Automatic },
                    (Expected::Flag { set }, _) => Answer::Flag { set: *set },
                    (Expected::NoneRunning {}, _) => Answer::Processes { running: Vec::new() },
                    (Expected::Present {}, _) => Answer::Value { value: "there".to_owned() },
                    (Expected::AllFiled { .. }, _) => Answer::Numbered { files: 41_250, loose: 0, misplaced: 0 },
                    (Expected::AllMapped {}, _) => {
                        Answer::Handlers { programs: 8, missing: Vec::new(), without_options: Vec::new() }
                    }
                    (other, _) => unreachable!("no step expects {other:?} of a node"),
                };
                let (node, probe) = (node.clone(), probe.clone());
                self.answer(&node, &probe, answer);
            }
            (Source::Database { fact }, Expected::Text { is }) => self.fact(fact, Some(is)),
            (Source::Database { fact }, Expected::LaterThanStart { .. }) => {
                let now = self.now.to_string();
                self.fact(fact, Some(&now));
            }
            (Source::Database { .. }, other) => unreachable!("no step expects {other:?} of the database"),
            (Source::Attestation { .. }, _) => self.say(Word::Attest, Some(step)),
        }
    }

    /// Rounds with help until a step is being carried out, or the change is over.
    pub(super) fn run_to(&mut self, step: &str) {
        for _ in 0..400 {
            self.turn();
            let at = self.snapshot.changes.last().and_then(|change| change.status.as_ref());
            if at.is_some_and(|status| {
                status.phase.is_over() || status.result(step).is_some_and(|result| result.ended_at.is_none())
            }) {
                return;
            }
            self.help_on();
            self.wait(1);
        }
        let status = self.status();
        unreachable!("{step} was never reached: {:?} at {:?}, waiting {:?}", status.phase, status.step, status.waiting);
    }
}

/// The file by which an action proves what it left.
fn left_by(action: &Action) -> Option<crm_api::order::FileRecord> {
    let path = match action {
        Action::CopyTree { to, .. } | Action::ExportIis { to } => format!("{to}.sha256"),
        Action::ExportRegistryKey { to, .. } | Action::WriteListing { to, .. } => to.clone(),
        Action::RecordFile { path } => path.clone(),
        _ => return None,
    };
    Some(crm_api::order::FileRecord { path, size_bytes: 1, sha256: "0".repeat(64) })
}

fn new_node(name: &str) -> NodeView {
    let mut node = CrmNode::new(name, CrmNodeSpec::default());
    node.status = Some(CrmNodeStatus { observed_generation: 1, ..CrmNodeStatus::default() });
    NodeView { node, heartbeat: None }
}

fn usual(probe: &Probe) -> Answer {
    match probe {
        Probe::Machine {} => Answer::Machine(Machine {
            windows: "Windows Server 2012 R2".to_owned(),
            iis: Some("8.5".to_owned()),
            dot_net: Some("4.5.1".to_owned()),
            features: vec!["Web-CGI".to_owned(), "Web-Metabase".to_owned()],
            elevated: true,
            boot_id: "boot".to_owned(),
            reboot_pending: false,
            hotfixes: Vec::new(),
        }),
        Probe::Program { .. } => Answer::Program { version: OLD.to_owned(), location: String::new() },
        Probe::FileVersion { .. } => Answer::Version { version: OLD.to_owned() },
        Probe::IniValue { .. } => Answer::Value { value: OLD.to_owned() },
        Probe::ConfigValue { .. } => Answer::Value { value: "http://contoso-app/sales/Remote/Services75".to_owned() },
        Probe::XmlValue { .. } => Answer::Value { value: "CRM7".to_owned() },
        Probe::FlagLine { .. } => Answer::Flag { set: false },
        Probe::Word { .. } => Answer::Flag { set: true },
        Probe::RegistrySubkeys { .. } => {
            let values = BTreeMap::from([
                ("basePath".to_owned(), r"C:\SuperOffice\Customer Service\".to_owned()),
                ("instanceId".to_owned(), "1".to_owned()),
            ]);
            Answer::Subkeys {
                subkeys: BTreeMap::from([
                    ("crm.contoso.example".to_owned(), values),
                    ("Installer values".to_owned(), BTreeMap::new()),
                ]),
            }
        }
        Probe::Service { .. } => Answer::Service { state: RunState::Running, start: StartType::Automatic },
        Probe::Processes { folder } if folder.contains("media") => Answer::Processes { running: Vec::new() },
        Probe::Processes { .. } => Answer::Processes { running: vec!["ejournalCron.exe".to_owned()] },
        Probe::Pool { .. } => Answer::Pool { state: RunState::Running },
        Probe::SitesServing { .. } => Answer::Names { names: vec!["SuperOffice Service".to_owned()] },
        Probe::FastCgiHandlers { .. } => {
            Answer::Handlers { programs: 8, missing: Vec::new(), without_options: Vec::new() }
        }
        Probe::DiskFree { .. } => Answer::DiskFree { free_bytes: 1 << 40 },
        Probe::FolderSize { .. } => Answer::Size { files: 100, size_bytes: 1 << 30 },
        Probe::NumberedFiles { .. } => Answer::Numbered { files: 41_250, loose: 41_250, misplaced: 0 },
        Probe::Folders { .. } | Probe::ChangedFiles { .. } => Answer::Names { names: Vec::new() },
        Probe::FileHash { .. } => Answer::Absent {},
        Probe::Url { .. } => Answer::Url { status: 200 },
    }
}

fn database(version: &str) -> DatabaseFacts {
    let fact = |name: &str, value: &str| DatabaseFact {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        source: "table.column".to_owned(),
    };
    DatabaseFacts {
        read_at: Time::from(saturday()),
        facts: vec![
            fact(SQL_SERVER_VERSION, "11.0.7001"),
            fact(SCHEMA_MODIFIED_AT, "2024-05-01T00:00:00Z"),
            fact(DATABASE_BYTES, "25000000000"),
            fact(superoffice::DATABASE_VERSION, version),
            fact(superoffice::SERVER_SETUP_VERSION, version),
            fact(superoffice::SERVICE_VERSION, version),
            fact(superoffice::SERVICE_INSTALLED_AT, "2024-05-01T00:00:00Z"),
            fact(superoffice::ATTACHMENT_PATH, r"C:\SuperOffice\Attachments"),
            fact(superoffice::ATTACHMENTS, "41250"),
            fact(superoffice::USE_EXTENSION, "fcgi"),
            fact(superoffice::SCHEDULER_HEARTBEAT, "2026-11-28T18:59:00Z"),
            fact(superoffice::MAINTENANCE_TO, "2027-06-30"),
            fact(superoffice::TRAVELLERS_OUT, "0"),
            fact(superoffice::SATELLITES, "0"),
        ],
        sessions: Vec::new(),
        backups_running: Vec::new(),
    }
}

/// FastCGI as the site's product sees it.
pub(super) fn fast_cgi(site: &Site) -> Option<FastCgi> {
    products::of(site.snapshot.site.spec.product).fast_cgi(&View::new(&site.snapshot, site.now))
}
