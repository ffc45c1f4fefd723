//! The steps of a SuperOffice change, with what each does and what proves it. Their order is not decided here but by the
//! rules.

mod backup;
mod close;
mod correct;
mod fast_cgi;
mod forward;
mod install;
mod keys;
mod moving;
mod net_server;
mod open;
mod restore;
mod upgrade;

use crm_api::change::{Executor, Felt, Gate, Purpose, Step, Task, Undo};
use crm_api::evidence::{Expectation, Expected, Source};
use crm_api::probe::Probe;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Component, FastCgi};

use super::drift::check;
use super::layout::Layout;
use super::one_host::Moving;
use super::settings::{self, Difference};
use super::{clients, pocket};
use crate::products::{Draft, Hop};
use crate::view::View;

/// Kinds of steps: the part of a step's id before `@`.
pub mod kind {
    #![expect(missing_docs, reason = "each kind is described by the title of its step")]
    pub const FETCH_MEDIA: &str = "fetch-media";
    pub const PREFLIGHT: &str = "preflight";
    pub const NOTICE: &str = "notice";
    pub const STOP_SCHEDULER: &str = "stop-scheduler";
    pub const FREEZE: &str = "freeze";
    pub const STOP_WRITERS: &str = "stop-writers";
    pub const PROVE_ALONE: &str = "prove-alone";
    pub const BACK_UP_FILES: &str = "back-up-files";
    pub const BACK_UP_IIS: &str = "back-up-iis";
    pub const LIST_ATTACHMENTS: &str = "list-attachments";
    pub const BACK_UP_ATTACHMENTS: &str = "back-up-attachments";
    pub const TEST_RESTORE: &str = "test-restore";
    pub const RESTART_SCHEDULER: &str = "restart-scheduler";
    pub const BACK_UP_DATABASE: &str = "back-up-database";
    pub const RECORD_BACKUP: &str = "record-backup";
    pub const VERIFY_BACKUP: &str = "verify-backup";
    pub const UPGRADE_DATABASE: &str = "upgrade-database";
    pub const PUBLISH_CLIENTS: &str = "publish-clients";
    pub const UPGRADE_WEB: &str = "upgrade-web";
    pub const UPGRADE_NET_SERVER: &str = "upgrade-netserver";
    pub const PROVE_MAILBOX: &str = "prove-mailbox";
    pub const INSTALL_WEB: &str = "install-web";
    pub const INSTALL_NET_SERVER: &str = "install-netserver";
    pub const INSTALL_SERVICE: &str = "install-service";
    pub const SET_UP_SERVICE: &str = "set-up-service";
    pub const COPY_INSTANCE: &str = "copy-instance";
    pub const FIRST_MAILBOX: &str = "first-mailbox";
    pub const START_NET_SERVER: &str = "start-netserver";
    pub const REACH_NET_SERVER: &str = "reach-netserver";
    pub const POINT_TO_NET_SERVER: &str = "point-to-netserver";
    pub const REMOVE_NET_SERVER: &str = "remove-netserver";
    pub const SET_BASE_URL: &str = "set-base-url";
    pub const UPGRADE_SERVICE: &str = "upgrade-service";
    pub const RUN_UPGRADE_EXE: &str = "run-upgrade-exe";
    pub const START_SERVICE_POOL: &str = "start-service-pool";
    pub const LINK_FAST_CGI: &str = "link-fastcgi";
    pub const REMOVE_HANDLERS: &str = "remove-handlers";
    pub const FLUSH_CACHES: &str = "flush-caches";
    pub const VERIFY_VERSIONS: &str = "verify-versions";
    pub const UNFREEZE: &str = "unfreeze";
    pub const START_WRITERS: &str = "start-writers";
    pub const START_SCHEDULER: &str = "start-scheduler";
    pub const VERIFY_SITE: &str = "verify-site";
    pub const REDIRECT_PHONES: &str = "redirect-phones";
    pub const GENERATE_SATELLITES: &str = "generate-satellites";
    pub const CHECK_SET: &str = "check-set";
    pub const SEE_NOTHING_RUNS: &str = "see-nothing-runs";
    pub const RESTORE_DATABASE: &str = "restore-database";
    pub const RESTORE_FILES: &str = "restore-files";
    pub const CONSIDER_REDIRECTS: &str = "consider-redirects";
    pub const MOVE_WEB: &str = "move-web";
    pub const MOVE_SERVICE: &str = "move-service";
    pub const MOVE_CONFIG: &str = "move-config";
    pub const MOVE_PATHS: &str = "move-paths";
    pub const SET_ADDRESS: &str = "set-address";
    pub const SET_INTERNAL_ADDRESS: &str = "set-internal-address";
    pub const SET_WWW_PATH: &str = "set-www-path";
    pub const REPLACE_ADDRESSES: &str = "replace-addresses";
    pub const STOP_OLD: &str = "stop-old";
    pub const STOP_SECOND_SCHEDULER: &str = "stop-second-scheduler";
}

/// The steps of a hop, in declared order: it breaks ties between rules.
#[must_use]
pub fn steps(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    match hop.purpose {
        Purpose::Restore => restore::steps(view, layout, hop),
        Purpose::Forward => forward::steps(view, layout, hop),
        Purpose::Correct => correct::steps(view, layout, hop),
        Purpose::Configure if hop.installs.is_empty() => configure(view, layout, hop),
        Purpose::Configure => install::added(view, layout, hop),
        Purpose::Upgrade => to_the_next_release(view, layout, hop),
    }
}

/// The steps of an upgrade, what the site lacks and a move to one host included.
fn to_the_next_release(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let moving = Moving::of(view, layout, hop);
    let then = moving.as_ref().map_or_else(|| layout.clone(), |moving| layout.moved(moving));
    let plan = moving.as_ref().map(|moving| moving::Plan { moving, now: layout, then: &then });
    let mut drafts = Vec::new();
    drafts.extend(close::fetch_media(view, layout, hop));
    drafts.push(close::preflight());
    drafts.extend(plan.as_ref().and_then(|plan| plan.consider_redirects(view)));
    drafts.extend(install::prove_mailbox(view, layout, hop));
    drafts.push(close::notice(view, layout, hop));
    drafts.extend(close::stop_scheduler(view, layout, hop));
    drafts.extend(close::freeze(view, layout, hop));
    drafts.extend(close::stop_writers(view, layout, hop));
    drafts.push(close::prove_alone());
    drafts.extend(backup::files(view, layout, hop));
    drafts.extend(backup::database(view, hop));
    drafts.extend(upgrade::database(view, layout, hop));
    drafts.extend(clients::publish(view, layout, hop));
    match plan.as_ref().filter(|plan| plan.moving.web) {
        Some(plan) => drafts.extend(plan.web(view, hop)),
        None => drafts.extend(upgrade::web(view, layout, hop)),
    }
    drafts.extend(install::web(view, layout, hop));
    drafts.extend(net_server::upgrade(view, layout, hop));
    drafts.extend(install::net_server(view, layout, hop));
    drafts.extend(net_server::start(view, layout, hop));
    drafts.extend(net_server::reach(view, &then, hop));
    drafts.extend(net_server::point(view, &then, hop));
    drafts.extend(open::set_base_url(view, &then, hop));
    match plan.as_ref().filter(|plan| plan.moving.new_instance) {
        Some(plan) => drafts.extend(plan.service(view, hop)),
        None => drafts.extend(upgrade::service_files(view, layout, hop)),
    }
    drafts.extend(install::service(view, &then, hop));
    drafts.extend(install::set_up_service(view, &then, hop));
    drafts.extend(install::copy_instance(view, &then, hop));
    if let Some(plan) = &plan {
        drafts.extend(plan.config(view, hop));
        drafts.extend(plan.addresses(view));
        drafts.extend(plan.paths(view));
        drafts.extend(plan.texts(view));
    }
    drafts.extend(upgrade::run_upgrade_exe(view, &then, hop));
    drafts.extend(install::fast_cgi(view, layout, hop));
    drafts.extend(open::start_service_pool(view, &then, hop));
    drafts.extend(open::link_fast_cgi(hop));
    drafts.extend(open::flush_caches(view, &then, hop));
    drafts.extend(fast_cgi::remove_handlers(view, &then, hop));
    drafts.extend(install::first_mailbox(view, layout, hop));
    drafts.push(open::verify_versions(hop));
    drafts.extend(open::unfreeze(view, &then, hop));
    drafts.extend(open::start_writers(view, layout, hop));
    drafts.extend(open::start_scheduler(view, &then, hop));
    let mut verify = open::verify_site(view, &then, hop);
    verify.step.evidence.extend(open::on_one_host(view, &then, hop));
    if let Some(plan) = &plan {
        let former = hop.standing(view, Component::Service).into_iter().flat_map(|node| plan.former_rests(node));
        verify.step.evidence.extend(former.chain(plan.is_named(view)));
    }
    drafts.push(verify);
    drafts.extend(pocket::redirect(view, &then, hop));
    drafts.extend(open::generate_satellites(view, hop));
    drafts.extend(net_server::remove(view, layout, hop));
    close::mark_closing(&mut drafts);
    drafts
}

/// What `upgrade.exe` is run for in a change of settings only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// Whether FastCGI handlers are set up on every Service node.
    pub handlers: bool,
    /// Whether attachments are moved.
    pub attachments: bool,
}

impl Run {
    /// Reads it from what differs between declaration and observation, or from what is corrected.
    #[must_use]
    pub fn of(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Self {
        let mut run = Self::default();
        if hop.purpose == Purpose::Correct {
            run.handlers = hop.corrected(check::HANDLERS).next().is_some();
            return run;
        }
        for difference in settings::differences(view, layout) {
            match difference {
                Difference::Links { .. } => run.handlers |= hop.fast_cgi == Some(FastCgi::Enabled),
                Difference::Handlers { .. } => run.handlers = true,
                Difference::Attachments { .. } => run.attachments = true,
                Difference::Leftover { .. } | Difference::Host { .. } => {}
            }
        }
        run
    }
}

/// The steps of a change of settings: nothing is installed, no schema changes, the site stays open.
fn configure(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let run = Run::of(view, layout, hop);
    let leftovers = settings::leftovers(view, layout);
    let mut drafts = vec![close::preflight(), close::notice(view, layout, hop)];
    if run == Run::default() && !leftovers.is_empty() {
        drafts.extend(backup::iis(view, hop));
    }
    if run != Run::default() {
        drafts.extend(backup::iis(view, hop));
        if run.attachments {
            drafts.extend(backup::list_attachments(view, hop));
            drafts.extend(backup::attachments(view, hop));
            drafts.extend(upgrade::move_attachments(view, layout, hop));
        }
        if run.handlers {
            let whole = drafts.iter().find(|draft| draft.kind == kind::RUN_UPGRADE_EXE);
            let whole = whole.and_then(|draft| draft.step.node.clone());
            // A whole run sets them up on its own node.
            let mut nodes = hop.carriers(view, Component::Service);
            nodes.retain(|node| Some(*node) != whole.as_deref());
            drafts.extend(upgrade::only_fast_cgi(view, layout, hop, &nodes));
            drafts.extend(open::start_service_pool(view, layout, hop));
        }
    }
    if hop.fast_cgi != hop.fast_cgi_now {
        let mut link = open::link_fast_cgi(hop);
        if !leftovers.is_empty() {
            // Handlers that are gone do not come back: links never lead to them again, whatever becomes of the change.
            link.iter_mut().for_each(|draft| draft.step.undo = Undo::Nothing {});
        }
        drafts.extend(link);
    }
    if run != Run::default() {
        drafts.extend(open::flush_caches(view, layout, hop));
    } else if !leftovers.is_empty() {
        drafts.extend(fast_cgi::flush_links(view, layout, hop));
    }
    drafts.extend(fast_cgi::remove_handlers(view, layout, hop));
    drafts.push(open::verify_settings(view, layout, hop));
    drafts
}

/// A step before it is adorned: on a node, with nothing demanded and nothing to take back.
pub(super) fn draft(kind: &'static str, node: Option<&str>, title: String, executor: Executor) -> Draft {
    let id = node.map_or_else(|| kind.to_owned(), |node| format!("{kind}@{node}"));
    Draft {
        kind,
        step: Step {
            id,
            title,
            role: None,
            node: node.map(str::to_owned),
            executor,
            why: String::new(),
            rules: Vec::new(),
            after: Vec::new(),
            gate: None::<Gate>,
            felt: Felt::No,
            destructive: false,
            undo: Undo::Nothing {},
            evidence: Vec::new(),
            absent_when: Vec::new(),
            moves: Vec::new(),
            attempts_max: 2,
            minutes: 1,
            limit_minutes: 15,
        },
    }
}

/// The word of a person, where no machine can see it.
pub(super) fn vouched(statement: String) -> Expectation {
    Expectation { source: Source::Attestation { statement }, expected: Expected::Present {} }
}

/// A step that a person does and vouches for.
pub(super) fn attested(
    kind: &'static str,
    node: Option<&str>,
    title: String,
    instructions: Vec<String>,
    statement: String,
) -> Draft {
    let mut draft = draft(kind, node, title, Executor::Attended { instructions });
    draft.step.evidence = vec![vouched(statement)];
    draft.step.minutes = 5;
    draft.step.limit_minutes = 60;
    draft
}

fn controller(kind: &'static str, title: &str, task: Task) -> Draft {
    draft(kind, None, title.to_owned(), Executor::Controller { task })
}

pub(super) fn on_node(node: &str, probe: Probe, expected: Expected) -> Expectation {
    Expectation { source: Source::Node { node: node.to_owned(), probe }, expected }
}

fn in_database(fact: &str, expected: Expected) -> Expectation {
    Expectation { source: Source::Database { fact: fact.to_owned() }, expected }
}

pub(super) fn text(is: &str) -> Expected {
    Expected::Text { is: is.to_owned() }
}

/// The number of a release, however a program writes it.
pub(super) fn version(release: &CrmReleaseSpec) -> Expected {
    Expected::Version { is: release.number.clone() }
}
