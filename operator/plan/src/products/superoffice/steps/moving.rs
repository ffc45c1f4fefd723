//! The move of Web and Service to one host, item by item of the vendor's list (upgrade to 8.1; move-crm-server). What the
//! vendor leaves to a wizard, an editor or a decision, a person does, told exactly what; what stands in the database shows it.

use crm_api::change::{Executor, Task, Undo};
use crm_api::database::by_hand::Table;
use crm_api::database::superoffice::{
    ATTACHMENT_PATH, CGI_URL, CGI_URL_INTERNAL, INSTANCE_PATHS, USE_EXTENSION, WWW_PATH,
};
use crm_api::evidence::{Expectation, Expected};
use crm_api::probe::{Probe, RunState};
use crm_api::site::{Component, NetServerMode};

use super::upgrade::{choose_instance, installer, versions};
use super::{Draft, attested, controller, draft, in_database, kind, on_node, text, vouched};
use crate::products::Hop;
use crate::products::superoffice::instances;
use crate::products::superoffice::layout::{FROZEN, INSTANCES_KEY, Layout};
use crate::products::superoffice::net_server::ENDPOINT;
use crate::products::superoffice::one_host::{Moving, Way, at_declared, web_sites};
use crate::products::superoffice::parts::{Tools, scheduled_host, version_probes};
use crate::view::View;

/// Columns in which the vendor knows absolute addresses, as `table.column` (move-crm-server).
const TEXTS_WITH_ADDRESSES: [(&str, &str); 7] = [
    ("s_message", "html_message"),
    ("ej_message", "html_body"),
    ("ej_message", "body"),
    ("reply_template_body", "body_html"),
    ("ejuser", "signature"),
    ("ejscript", "body"),
    ("screen_definition_action", "ejscript_body"),
];

/// A move, with the site before and after it.
pub(super) struct Plan<'a, 'b> {
    pub(super) moving: &'b Moving,
    pub(super) now: &'b Layout<'a>,
    pub(super) then: &'b Layout<'a>,
}

impl Plan<'_, '_> {
    /// Whether people keep an address of the site that ends: then somebody decides what becomes of it.
    pub(super) fn consider_redirects(&self, view: &View<'_>) -> Option<Draft> {
        let node = view.nodes_of(Component::Service).first()?;
        let to = &self.then.host;
        let from = if self.moving.renames() { self.now.host.clone() } else { "Web's former address".to_owned() };
        let mut instructions = vec![format!(
            "Mails, bookmarks and mailings that were sent name {from}. Decide whether requests to it are redirected to {to}, and who sets that up."
        )];
        if self.moving.new_instance {
            instructions.push("Let IIS redirect them, or bind the former host to the new site; never start the former programs again: they must not work on the new database.".to_owned());
        }
        instructions.push("Then attest this step with what was decided.".to_owned());
        let statement = format!("It is decided what becomes of requests to {from}.");
        let title = "decide about redirects from the former address".to_owned();
        let mut draft = attested(kind::CONSIDER_REDIRECTS, Some(node), title, instructions, statement);
        draft.step.minutes = 10;
        draft.step.limit_minutes = 1440;
        Some(draft)
    }

    /// Web's setup once more, onto the IIS site that serves Service.
    pub(super) fn web(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Draft> {
        let Some(package) = hop.to.package(Component::Web).filter(|_| self.moving.web) else { return Vec::new() };
        let Some(method) = package.install.as_ref() else { return Vec::new() };
        let (site, application) = (&self.then.site, self.now.web_application);
        let mut more = vec![format!(
            "Install it in {}, on the IIS site {site:?}, as the application {application:?} in the application pool {:?}.",
            self.now.web_path, self.now.web_pool
        )];
        more.extend(self.moving.web_site.as_ref().filter(|former| *former != site).map(|former| {
            format!("Take the former application off the IIS site {former:?}: Web answers at one address only.")
        }));
        if self.now.block.net_server == Some(NetServerMode::Shared) {
            more.push(
                "In the product configuration tick \"Expose NetServer web services\": Service uses it.".to_owned(),
            );
        }
        hop.standing(view, Component::Web)
            .into_iter()
            .map(|node| {
                let title = format!("install Web and NetServer {} at {} on {node}", hop.to.version, self.then.host);
                let mut draft = installer(kind::MOVE_WEB, node, title, (package, method), hop, &more);
                draft.step.evidence.extend(versions(view, self.now, Component::Web, node, hop.to));
                draft.step.evidence.push(on_node(node, web_sites(self.now), Expected::OnlyName { is: site.clone() }));
                draft.step.absent_when.extend(versions(view, self.now, Component::Web, node, hop.from));
                // Its files lie in the same folder before and after: IIS shows where it was.
                draft.step.absent_when.extend(
                    self.moving
                        .web_site
                        .iter()
                        .filter(|former| *former != site)
                        .map(|former| on_node(node, web_sites(self.now), Expected::OnlyName { is: former.clone() })),
                );
                draft.step.moves = vec![format!("{}@{node}", Component::Web.name())];
                draft
            })
            .collect()
    }

    /// Service's installer makes a new instance: below Web's IIS site, or with a site of its own.
    pub(super) fn service(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Draft> {
        let package = hop.to.package(Component::Service).filter(|_| self.moving.new_instance);
        let Some((package, method)) = package.and_then(|package| Some((package, package.install.as_ref()?))) else {
            return Vec::new();
        };
        let more = self.installer_pages();
        hop.standing(view, Component::Service)
            .into_iter()
            .map(|node| {
                let title = format!("install Service {} for {} on {node}", hop.to.version, self.then.host);
                let mut draft = installer(kind::MOVE_SERVICE, node, title, (package, method), hop, &more);
                let served = Probe::SitesServing { folder: self.then.scripts() };
                let scheduler = Probe::Service { name: self.then.scheduler.clone() };
                let pool = Probe::Pool { name: self.then.service_pool.clone() };
                let registered = Probe::RegistrySubkeys { key: format!(r"{INSTANCES_KEY}\{}", self.then.host) };
                draft.step.evidence.extend(versions(view, self.then, Component::Service, node, hop.to));
                draft.step.evidence.extend([
                    on_node(node, served, Expected::OnlyName { is: self.then.site.clone() }),
                    on_node(node, scheduler, Expected::State { is: RunState::Stopped }),
                    on_node(node, pool, Expected::State { is: RunState::Stopped }),
                    on_node(node, registered, Expected::Present {}),
                ]);
                let files = version_probes(self.then, Component::Service, Tools::of(hop.to)).into_iter();
                let files = files.map(|(_, probe)| probe).filter(|probe| matches!(probe, Probe::FileVersion { .. }));
                draft.step.absent_when.extend(files.map(|probe| on_node(node, probe, Expected::Absent {})));
                draft.step.absent_when.extend(instances::no_trace(view, self.then, node));
                draft.step.moves = vec![format!("{}@{node}", Component::Service.name())];
                choose_instance(&mut draft, view, self.then, (hop, (package, method), &more));
                draft
            })
            .collect()
    }

    fn installer_pages(&self) -> Vec<String> {
        let (site, host, pool) = (&self.then.site, &self.then.host, &self.then.service_pool);
        let mut pages = vec![format!(
            "In the wizard choose a new instance in \"{}\"; leave every other instance alone.",
            self.then.service_path
        )];
        if self.moving.way == Way::WebHost {
            let application = &self.then.application;
            pages.extend([
                "Untick \"Create IIS web site\": the site is there already, and the installer would fail.".to_owned(),
                format!("Afterwards add to the IIS site {site:?} the application {application:?} for www\\doc of the new folder, with {application}/scripts for www\\scripts and {application}/csplugins for www\\csplugins, all three in the application pool {pool:?}."),
            ]);
        } else {
            pages.push(format!("Let it create the IIS site {site:?} with the host name {host:?}."));
        }
        pages.extend([
            format!(r"See that the registry has the sub-key {host} in {INSTANCES_KEY}, with the new folder as basePath."),
            format!("See that the Windows service {:?} is there and stopped; two schedulers would both fetch and send mail.", self.then.scheduler),
            format!("Leave the application pool {pool:?} stopped: it is started when everything is at the new release."),
        ]);
        pages
    }

    /// Service's own files: what belongs to the customer is carried over, and names the new host.
    pub(super) fn config(&self, view: &View<'_>, hop: &Hop<'_>) -> Vec<Draft> {
        let services = hop.to.super_office.as_ref().and_then(|block| block.services_endpoint.as_deref());
        let endpoint = self.moving.net_server.as_ref().zip(services);
        let endpoint = endpoint.map(|(base, services)| format!("{base}/Remote/{services}"));
        hop.standing(view, Component::Service)
            .into_iter()
            .filter_map(|node| {
                let (mut instructions, mut evidence, mut undo_needed) = (Vec::new(), Vec::new(), false);
                if self.moving.new_instance {
                    let (from, to) = (self.now.service_path, self.then.service_path);
                    instructions.push(format!("On {node}, copy attachments, templates and customer centre, config and ejCrontab.txt from \"{from}\" to \"{to}\"; keep bin and www as the installer made them."));
                    let frozen = Probe::FlagLine { path: self.then.config(), line: FROZEN.to_owned() };
                    evidence.push(on_node(node, frozen, Expected::Flag { set: true }));
                    let statement = format!("Attachments, templates and customer centre of {from} lie in {to} as well.");
                    evidence.push(vouched(statement));
                    undo_needed = true;
                }
                if let Some(url) = &endpoint {
                    instructions.push(format!("On {node}, in \"{}\", set {ENDPOINT} to {url:?}.", self.then.config()));
                    let probe = Probe::ConfigValue { path: self.then.config(), key: ENDPOINT.to_owned() };
                    evidence.push(on_node(node, probe, text(url)));
                }
                if self.moving.renames() {
                    let table = self.then.service_file("ejCrontab.txt");
                    instructions.push(format!("On {node}, in \"{table}\", replace {:?} by {:?}.", self.now.host, self.then.host));
                    evidence.push(on_node(node, scheduled_host(self.then), Expected::Flag { set: true }));
                }
                if instructions.is_empty() {
                    return None;
                }
                if undo_needed {
                    instructions.push("Then attest this step; the copies are too many to be compared.".to_owned());
                } else {
                    instructions.push("The step ends by itself when the files say so.".to_owned());
                }
                let title = "bring Service's own files to the new address".to_owned();
                let mut draft = draft(kind::MOVE_CONFIG, Some(node), title, Executor::Attended { instructions });
                draft.step.evidence = evidence;
                draft.step.undo = Undo::Restore {};
                draft.step.minutes = 15;
                draft.step.limit_minutes = 240;
                Some(draft)
            })
            .collect()
    }

    /// The addresses that the database keeps. The controller sets them; the old values stand in the record.
    pub(super) fn addresses(&self, view: &View<'_>) -> Vec<Draft> {
        let mut drafts = Vec::new();
        let urls = [
            (kind::SET_ADDRESS, CGI_URL, "let Service send people to its new address"),
            (kind::SET_INTERNAL_ADDRESS, CGI_URL_INTERNAL, "let Service call itself at its new address"),
        ];
        for (kind, fact, title) in urls {
            let Some(now) = view.fact(fact) else { continue };
            if let Some(then) = at_declared(now, self.now, self.then).filter(|then| then != now) {
                drafts.push(setting(kind, fact, title, &then));
            }
        }
        let path = format!("{}/", self.then.application);
        if view.fact(WWW_PATH).is_some_and(|now| now != path) {
            drafts.push(setting(kind::SET_WWW_PATH, WWW_PATH, "tell Service where it lies on its host", &path));
        }
        drafts
    }

    /// The folders that the database keeps, where they lie in the former instance.
    pub(super) fn paths(&self, view: &View<'_>) -> Option<Draft> {
        let node = view.nodes_of(Component::Service).first()?;
        let schema = self.now.block.table_prefix.as_str();
        let all = INSTANCE_PATHS.into_iter().chain([(ATTACHMENT_PATH, "config.attachment_path")]);
        let mut changes = Vec::new();
        let mut evidence = Vec::new();
        for (fact, place) in all.filter(|_| self.moving.new_instance) {
            let Some(then) = view.fact(fact).and_then(|now| below(now, self.now.service_path, self.then.service_path))
            else {
                continue;
            };
            let row = place.split_once(' ').and_then(|(_, row)| row.parse().ok());
            changes.push(match (row, place.split_once('.')) {
                (Some(row), _) => Table { schema, name: "registry" }.set("value", &then, Some(("reg_id", row))),
                (None, column) => {
                    Table { schema, name: "config" }.set(column.map_or(place, |(_, column)| column), &then, None)
                }
            });
            evidence.push(in_database(fact, text(&then)));
        }
        if changes.is_empty() {
            return None;
        }
        let mut instructions = vec!["On the SQL Server, as an owner of the database, run these statements.".to_owned()];
        instructions.extend(changes);
        instructions.push("The step ends by itself when the database shows the new folders.".to_owned());
        let title = "tell the database the folders of the new instance".to_owned();
        let mut draft = draft(kind::MOVE_PATHS, Some(node), title, Executor::Attended { instructions });
        draft.step.evidence = evidence;
        draft.step.undo = Undo::Restore {};
        draft.step.minutes = 10;
        draft.step.limit_minutes = 240;
        Some(draft)
    }

    /// Absolute addresses in messages, templates, signatures and scripts, by the vendor's own statements.
    pub(super) fn texts(&self, view: &View<'_>) -> Option<Draft> {
        let node = view.nodes_of(Component::Service).first()?;
        let (from, to) = (&self.now.host, &self.then.host);
        let schema = self.now.block.table_prefix.as_str();
        let replace = |name: &str, column: &str, old: &str, new: &str| Table { schema, name }.replace(column, old, new);
        let mut statements = Vec::new();
        if self.moving.renames() {
            let (old, new) = (format!("://{from}"), format!("://{to}"));
            statements.extend(TEXTS_WITH_ADDRESSES.iter().map(|(table, column)| replace(table, column, &old, &new)));
        }
        if self.now.application != self.then.application {
            // The vendor: make sure to use the right ending.
            let ending = if view.fact(USE_EXTENSION) == Some("fcgi") { "fcgi" } else { "exe" };
            let page = |application: &str| format!("{application}/scripts/customer.{ending}/getAttachment");
            let (old, new) = (page(&self.now.application), page(&self.then.application));
            statements.extend(["question", "answer"].map(|column| replace("KB_ENTRY", column, &old, &new)));
        }
        if statements.is_empty() {
            return None;
        }
        let mut instructions =
            vec!["On the SQL Server, as an owner of the database, run the vendor's statements for texts that name the former address.".to_owned()];
        instructions.extend(statements);
        instructions.push(
            "Run each of them once: where the new address contains the former one, a second run would replace it again."
                .to_owned(),
        );
        instructions.push("Then attest this step: no operator reads messages.".to_owned());
        let title = "replace the former address in messages, templates and scripts".to_owned();
        let statement = format!("Messages, templates, signatures, scripts and FAQ name {to} in place of {from}.");
        let mut draft = attested(kind::REPLACE_ADDRESSES, Some(node), title, instructions, statement);
        draft.step.minutes = 15;
        draft.step.undo = Undo::Restore {};
        // A second run of the statements is for a person to allow.
        draft.step.attempts_max = 1;
        draft.step.limit_minutes = 480;
        Some(draft)
    }

    /// The former instance is at rest for good: one scheduler, and nobody works in it.
    pub(super) fn former_rests(&self, node: &str) -> Vec<Expectation> {
        if !self.moving.new_instance {
            return Vec::new();
        }
        let scheduler = Probe::Service { name: self.now.scheduler.clone() };
        let frozen = Probe::FlagLine { path: self.now.config(), line: FROZEN.to_owned() };
        let pool = Probe::Pool { name: self.now.service_pool.clone() };
        vec![
            on_node(node, scheduler, Expected::State { is: RunState::Stopped }),
            on_node(node, frozen, Expected::Flag { set: true }),
            on_node(node, pool, Expected::State { is: RunState::Stopped }),
        ]
    }

    /// What the database shows of the new address.
    pub(super) fn is_named(&self, view: &View<'_>) -> Option<Expectation> {
        let then = at_declared(view.fact(CGI_URL)?, self.now, self.then)?;
        Some(in_database(CGI_URL, text(&then)))
    }
}

fn setting(kind: &'static str, fact: &str, title: &str, value: &str) -> Draft {
    let task = Task::SetDatabaseSetting { setting: fact.to_owned(), value: value.to_owned() };
    let mut draft = controller(kind, title, task);
    draft.step.evidence = vec![in_database(fact, text(value))];
    draft.step.undo = Undo::Setting {};
    draft
}

/// A path below another folder, where it lies below the first one.
fn below(path: &str, from: &str, to: &str) -> Option<String> {
    let head = path.get(..from.len()).filter(|head| head.eq_ignore_ascii_case(from))?;
    let rest = path.strip_prefix(head)?;
    (rest.is_empty() || rest.starts_with('\\')).then(|| format!("{to}{rest}"))
}
