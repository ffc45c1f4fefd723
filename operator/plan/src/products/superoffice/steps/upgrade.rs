//! The vendor's installers and `upgrade.exe`.

use crm_api::change::{Executor, Gate, Purpose, Undo};
use crm_api::database::SCHEMA_MODIFIED_AT;
use crm_api::database::superoffice::{
    DATABASE_MODEL, DATABASE_VERSION, SERVER_SETUP_VERSION, SERVICE_INSTALLED_AT, SERVICE_VERSION,
};
use crm_api::evidence::{Expectation, Expected};
use crm_api::order::{Action, PromptAnswer};
use crm_api::probe::{Probe, StartType};
use crm_api::release::{CrmReleaseSpec, Method, Package};
use crm_api::site::{Attachments, Component, FastCgi, TextMoveChoice};

use super::close::media_folder;
use super::keys::{asks_for_keys, type_keys};
use super::{Draft, close, draft, in_database, install, kind, on_node, open, version};
use crate::products::Hop;
use crate::products::superoffice::instances::{self, INSTANCE_PATH};
use crate::products::superoffice::layout::{ARGUMENT_FILE, CRM_SETUP, Layout};
use crate::products::superoffice::parts::{DATABASE, SERVICE_DATA, Tools, version_probes_on};
use crate::products::superoffice::{settings, wizards};
use crate::view::View;

/// The longest limit that a step can have, in minutes.
const LONGEST_MINUTES: i32 = 2880;

/// So often attachments are moved on by themselves after an interruption: what was moved stays moved, and each run goes on
/// where the last one stopped. What is interrupted more often has a cause that a person looks for.
const MOVES_MAX: i32 = 5;

pub(super) fn database(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let Some(package) = hop.to.package(Component::CrmServer) else { return Vec::new() };
    // Exactly one node runs the database step, once (rule 12): the first that carries CRM Server.
    let Some(node) = view.nodes_of(Component::CrmServer).first() else { return Vec::new() };
    let title = format!("upgrade CRM Server and the database schema to {}", hop.to.version);
    let unpacked = format!("Before that, copy everything beside it to {CRM_SETUP}, and start it there.");
    let mut more = if Tools::of(hop.to) == Tools::CrmSetup { vec![unpacked] } else { Vec::new() };
    more.extend(wizards::reports_instruction(layout, hop));
    let mut draft = installer(kind::UPGRADE_DATABASE, node, title, (package, &package.method), hop, &more);
    run_crm_setup(&mut draft, layout, package, hop);
    wizards::choose_reports(&mut draft, layout, hop);
    let id = draft.step.id.clone();
    let schema_is = |release: &CrmReleaseSpec| {
        let server_setup = (Tools::of(release) == Tools::ServerSetup).then_some(SERVER_SETUP_VERSION);
        let facts = std::iter::once(DATABASE_VERSION).chain(server_setup);
        facts.map(|fact| in_database(fact, version(release))).collect::<Vec<_>>()
    };
    draft.step.evidence.extend(schema_is(hop.to));
    draft.step.absent_when.extend(schema_is(hop.from));
    draft.step.absent_when.push(in_database(SCHEMA_MODIFIED_AT, Expected::EarlierThanStart { step: id }));
    if Tools::of(hop.to) == Tools::ServerSetup {
        draft.step.evidence.extend(versions(view, layout, Component::CrmServer, node, hop.to));
        draft.step.absent_when.extend(versions(view, layout, Component::CrmServer, node, hop.from));
    }
    let describes_itself =
        |release: &CrmReleaseSpec| release.super_office.as_ref().is_some_and(|block| block.dictionary);
    if describes_itself(hop.to) {
        draft.step.evidence.push(in_database(DATABASE_MODEL, Expected::Present {}));
        if !describes_itself(hop.from) {
            draft.step.absent_when.push(in_database(DATABASE_MODEL, Expected::Absent {}));
        }
    }
    move_texts(&mut draft, layout, package, hop, more);
    draft.step.gate = Some(Gate::PointOfNoReturn);
    draft.step.moves = vec![DATABASE.to_owned(), format!("{}@{node}", Component::CrmServer.name())];
    vec![draft]
}

/// CrmSetup is not installed but lies in its folder; its arguments stand in a file, since there are passwords among them.
fn run_crm_setup(draft: &mut Draft, layout: &Layout<'_>, package: &Package, hop: &Hop<'_>) {
    if Tools::of(hop.to) != Tools::CrmSetup {
        return;
    }
    let node = draft.step.node.clone().unwrap_or_default();
    let gone = on_node(&node, Probe::Processes { folder: CRM_SETUP.to_owned() }, Expected::NoneRunning {});
    draft.step.evidence.push(gone);
    // Its own version shows before it has done anything: only the database tells whether it was at work.
    draft.step.absent_when.clear();
    let Executor::Agent { actions } = &mut draft.step.executor else { return };
    for action in actions.iter_mut() {
        if let Action::RunInstaller { program, arguments } = action {
            *program = format!(r"{CRM_SETUP}\{}", package.program);
            for argument in arguments {
                *argument = argument.replace(ARGUMENT_FILE, layout.block.argument_file.as_deref().unwrap_or_default());
            }
        }
    }
    let copy = Action::CopyTree { from: media_folder(hop.to, Component::CrmServer), to: CRM_SETUP.to_owned() };
    actions.insert(0, copy);
}

/// The move of long texts to 7.5 takes its time, or is skipped: by an environment variable, which only a person sets.
fn move_texts(draft: &mut Draft, layout: &Layout<'_>, package: &Package, hop: &Hop<'_>, mut more: Vec<String>) {
    let texts = hop.to.super_office.as_ref().and_then(|release| release.text_move.as_ref());
    let already = hop.from.super_office.as_ref().is_some_and(|release| release.text_move.is_some());
    let Some(texts) = texts.filter(|_| !already) else { return };
    if layout.block.text_move != Some(TextMoveChoice::Skipped) {
        draft.step.minutes = draft.step.minutes.saturating_add(texts.minutes);
        draft.step.limit_minutes = draft.step.limit_minutes.saturating_add(texts.minutes).min(LONGEST_MINUTES);
        return;
    }
    let node = draft.step.node.clone().unwrap_or_default();
    let set = format!(
        "Start it from a command prompt in which you have typed `set {}=TRUE`: then long texts are not moved.",
        texts.skip_variable
    );
    more.push(set);
    draft.step.executor = attended(&node, (package, &package.method), hop, &more);
}

pub(super) fn web(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let title = |node: &str| format!("upgrade Web and NetServer on {node} to {}", hop.to.version);
    let nodes = hop.standing(view, Component::Web);
    component((view, layout), hop, (Component::Web, &nodes), kind::UPGRADE_WEB, title, &[])
}

pub(super) fn service_files(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let title = |node: &str| format!("upgrade the files of Service on {node} to {}", hop.to.version);
    let instance = format!(
        "In the wizard choose \"Maintain or upgrade an existing instance\" and the instance in {} (host {}); leave every other instance alone.",
        layout.service_path, layout.host
    );
    let more: Vec<String> = std::iter::once(instance).chain(wizards::templates_instruction(layout, hop)).collect();
    let nodes = hop.standing(view, Component::Service);
    component((view, layout), hop, (Component::Service, &nodes), kind::UPGRADE_SERVICE, title, &more)
        .into_iter()
        .map(|mut draft| {
            if let Some(package) = hop.to.package(Component::Service) {
                choose_instance(&mut draft, view, layout, (hop, (package, &package.method), &more));
            }
            draft
        })
        .collect()
}

pub(super) fn component(
    (view, layout): (&View<'_>, &Layout<'_>),
    hop: &Hop<'_>,
    (component, nodes): (Component, &[&str]),
    kind: &'static str,
    title: impl Fn(&str) -> String,
    more_instructions: &[String],
) -> Vec<Draft> {
    let Some(package) = hop.to.package(component) else { return Vec::new() };
    nodes
        .iter()
        .map(|node| {
            let mut draft = installer(kind, node, title(node), (package, &package.method), hop, more_instructions);
            draft.step.evidence.extend(versions(view, layout, component, node, hop.to));
            draft.step.absent_when.extend(versions(view, layout, component, node, hop.from));
            draft.step.moves = vec![format!("{}@{node}", component.name())];
            draft
        })
        .collect()
}

pub(super) fn versions(
    view: &View<'_>,
    layout: &Layout<'_>,
    component: Component,
    node: &str,
    release: &CrmReleaseSpec,
) -> Vec<Expectation> {
    let probes = version_probes_on(view, layout, component, Tools::of(release), node).into_iter();
    probes.map(|(_, probe)| on_node(node, probe, version(release))).collect()
}

pub(super) fn installer(
    kind: &'static str,
    node: &str,
    title: String,
    (package, method): (&Package, &Method),
    hop: &Hop<'_>,
    more_instructions: &[String],
) -> Draft {
    let executor = match method {
        Method::CommandLine { arguments, .. } => Executor::Agent {
            actions: vec![Action::RunInstaller { program: program_path(package, hop), arguments: arguments.clone() }],
        },
        Method::Attended { .. } => attended(node, (package, method), hop, more_instructions),
    };
    let mut draft = draft(kind, Some(node), title, executor);
    // Files can be new while the installer is still at work: it has to be gone as well.
    let gone = Probe::Processes { folder: media_folder(hop.to, package.component) };
    draft.step.evidence.push(on_node(node, gone.clone(), Expected::NoneRunning {}));
    draft.step.absent_when.push(on_node(node, gone, Expected::NoneRunning {}));
    draft.step.destructive = true;
    draft.step.undo = Undo::Restore {};
    draft.step.minutes = package.minutes;
    draft.step.limit_minutes = package.limit_minutes;
    draft
}

fn program_path(package: &Package, hop: &Hop<'_>) -> String {
    format!(r"{}\{}", media_folder(hop.to, package.component), package.program)
}

fn attended(node: &str, (package, method): (&Package, &Method), hop: &Hop<'_>, more: &[String]) -> Executor {
    let mut instructions = vec![format!("On {node}, as administrator, start {}.", program_path(package, hop))];
    instructions.extend(more.iter().cloned());
    if let Method::Attended { instructions: declared } = method {
        instructions.extend(declared.iter().cloned());
    }
    instructions.push("The step ends by itself when the new version shows; nothing has to be reported.".to_owned());
    Executor::Attended { instructions }
}

/// A run of Service's installer concerns this site's instance only: its command line names it by its path, or a person
/// chooses it where there are several; and every other one stays as it is.
pub(super) fn choose_instance(
    draft: &mut Draft,
    view: &View<'_>,
    layout: &Layout<'_>,
    (hop, run, more): (&Hop<'_>, (&Package, &Method), &[String]),
) {
    let node = draft.step.node.clone().unwrap_or_default();
    let is_alone = instances::others(view, layout, &node).is_empty();
    let selects = select_instance(&mut draft.step.executor, layout);
    if let (false, false, Executor::Agent { .. }) = (is_alone, selects, &draft.step.executor) {
        // A silent run takes the first instance that it finds: with several on a machine a person chooses.
        draft.step.executor = attended(&node, run, hop, more);
    }
    leave_others_alone(draft, view, layout, &node);
}

/// Puts the path of the site's instance into a command line; whether that line names it, and so selects it.
fn select_instance(executor: &mut Executor, layout: &Layout<'_>) -> bool {
    let Executor::Agent { actions } = executor else { return false };
    let mut selects = false;
    for action in actions {
        let Action::RunInstaller { arguments, .. } = action else { continue };
        for argument in arguments.iter_mut().filter(|argument| argument.contains(INSTANCE_PATH)) {
            *argument = argument.replace(INSTANCE_PATH, layout.service_path);
            selects = true;
        }
    }
    selects
}

/// Every other instance on the server stays as it is: that is evidence of the step, and without it nothing is as before.
pub(super) fn leave_others_alone(draft: &mut Draft, view: &View<'_>, layout: &Layout<'_>, node: &str) {
    let others = instances::left_alone(view, layout, node);
    if !draft.step.absent_when.is_empty() {
        draft.step.absent_when.extend(others.iter().cloned());
    }
    draft.step.evidence.extend(others);
}

/// `upgrade.exe` after every change of Service files, on every node of them but the one that `ejTermSetup` sets up.
pub(super) fn run_upgrade_exe(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<Draft> {
    let set_up = install::set_up_on(view, hop);
    hop.changed(view, Component::Service)
        .into_iter()
        .filter(|node| Some(*node) != set_up)
        .map(|node| {
            let title = format!("run upgrade.exe for {}, answering its questions", layout.host);
            let mut draft = console(view, layout, hop, node, title, &[]);
            let id = draft.step.id.clone();
            draft.step.evidence.push(in_database(SERVICE_VERSION, version(hop.to)));
            draft.step.evidence.push(in_database(SERVICE_INSTALLED_AT, Expected::LaterThanStart { step: id }));
            if hop.is_configuration_only() {
                return draft;
            }
            if asks_for_keys(view, layout, hop, node) {
                type_keys(&mut draft, layout, node);
            } else if !hop.is_new(Component::Service, node) {
                let_it_start_the_scheduler(&mut draft, layout);
            }
            draft.step.absent_when.push(in_database(SERVICE_VERSION, version(hop.from)));
            draft.step.moves = vec![SERVICE_DATA.to_owned()];
            draft.step.undo = Undo::Restore {};
            draft.step.destructive = true;
            draft
        })
        .collect()
}

/// At its end `upgrade.exe` starts the scheduler (vendor: install/iis/reverse-proxy), which fails where nobody may start
/// it. So it may, but no boot does; once it was started, it is stopped again until the site has been verified.
fn let_it_start_the_scheduler(draft: &mut Draft, layout: &Layout<'_>) {
    if let Executor::Agent { actions } = &mut draft.step.executor {
        let name = layout.scheduler.clone();
        actions.insert(0, Action::SetServiceStart { name: name.clone(), start: StartType::Manual });
        actions.extend(close::stop_service_actions(&name));
        actions.push(Action::AwaitProcessesGone { folder: layout.service_file("bin") });
    }
}

/// `upgrade.exe -onlyFCGI` on nodes whose data is as it should be.
pub(super) fn only_fast_cgi(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>, nodes: &[&str]) -> Vec<Draft> {
    nodes
        .iter()
        .map(|node| {
            let title = "let upgrade.exe set up the FastCGI handlers, and nothing else".to_owned();
            console(view, layout, hop, node, title, &["-onlyFCGI"])
        })
        .collect()
}

/// One whole run of `upgrade.exe` that moves the attachments; every other answer is as things stand. How long it takes
/// depends on their number and size and is not known; it is not killed at a limit.
pub(super) fn move_attachments(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Option<Draft> {
    let store = settings::store(view)?;
    let title = format!("let upgrade.exe move {} attachments into sub-folders", store.loose);
    let mut draft = console(view, layout, hop, store.node, title, &[]);
    draft.step.evidence.extend(open::attachments_moved(view));
    draft.step.limit_minutes = LONGEST_MINUTES;
    draft.step.attempts_max = MOVES_MAX;
    Some(draft)
}

/// `upgrade.exe` of this instance: elevated, from its own `bin`, for this domain only (vendor: automated-tasks/upgrade).
/// The vendor calls a second run harmless.
fn console(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>, node: &str, title: String, options: &[&str]) -> Draft {
    let block = hop.to.super_office.as_ref();
    let site = layout.iis_site(view, node).unwrap_or_else(|_| layout.site.clone());
    let mut arguments: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
    arguments.extend(["-d".to_owned(), layout.host.clone()]);
    let action = Action::RunConsole {
        program: layout.service_file(r"bin\upgrade.exe"),
        arguments,
        answers: block.map(|block| answers(&block.upgrade_questions, layout, hop, &site)).unwrap_or_default(),
        failure_texts: block.map(|block| block.upgrade_failure_texts.clone()).unwrap_or_default(),
        repeatable: true,
    };
    let mut draft = draft(kind::RUN_UPGRADE_EXE, Some(node), title, Executor::Agent { actions: vec![action] });
    if hop.fast_cgi == Some(FastCgi::Enabled) {
        draft.step.evidence.push(open::handlers(view, layout, node));
    }
    draft.step.evidence.extend(instances::left_alone(view, layout, node));
    draft.step.minutes = block.map_or(10, |block| block.upgrade_minutes);
    draft.step.limit_minutes = draft.step.minutes.saturating_mul(6);
    draft
}

fn answers(questions: &[PromptAnswer], layout: &Layout<'_>, hop: &Hop<'_>, site: &str) -> Vec<PromptAnswer> {
    let fast_cgi = if hop.fast_cgi == Some(FastCgi::Enabled) { "yes" } else { "no" };
    let moves = match layout.block.attachments {
        Some(Attachments::DuringUpgrade) => !hop.is_configuration_only(),
        Some(Attachments::WhileOpen) => hop.purpose == Purpose::Configure,
        Some(Attachments::Deferred) | None => false,
    };
    let attachments = if moves { "yes" } else { "no" };
    questions
        .iter()
        .map(|question| PromptAnswer {
            question: question.question.clone(),
            answer: question
                .answer
                .replace("{siteName}", site)
                .replace("{fastCgi}", fast_cgi)
                .replace("{attachments}", attachments)
                .replace("{hostName}", &layout.host),
        })
        .collect()
}
