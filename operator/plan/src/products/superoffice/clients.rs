//! Windows clients: programs on people's own machines, which are no nodes. Kept, they get the new release from a share
//! that is published after the database step; not kept, whoever still uses one is named and told. Which program is a
//! client, and which release has one for whom, is data of the releases.

use crm_api::change::{ChangePhase, CrmChange, Purpose};
use crm_api::condition::{Kind, State, Wanted};
use crm_api::database::Session;
use crm_api::decision::Word;
use crm_api::evidence::Expected;
use crm_api::probe::{Answer, Probe};
use crm_api::release::{ClientUsers, CrmReleaseSpec, WindowsClient};
use crm_api::site::{Component, DriftClass, Finding, Severity, WindowsClients};

use super::layout::Layout;
use super::steps::{self, kind};
use crate::products::{Draft, Hop};
use crate::view::View;

/// What a person names as step when attesting how many clients were brought to a release, or were uninstalled.
pub const WINDOWS_CLIENTS: &str = "windows-clients";
/// Windows clients were brought to the release of the site (only where there is a debt).
pub const ROLLED_OUT: Kind = Kind::Debt("WindowsClientsRolledOut");
/// Windows clients that the release no longer has were uninstalled (only where there is a debt).
pub const REMOVED: Kind = Kind::Debt("WindowsClientsRemoved");
/// Sessions that a sentence names; of more it says how many.
const NAMED_MAX: usize = 5;

fn client(release: &CrmReleaseSpec) -> Option<&WindowsClient> {
    release.super_office.as_ref()?.windows_client.as_ref()
}

/// Whether everybody may use a Windows client at a release.
fn is_for_everybody(release: &CrmReleaseSpec) -> bool {
    client(release).is_some_and(|client| client.users == ClientUsers::Everybody)
}

/// The sessions of Windows clients on the database, by the program names that the releases declare.
#[must_use]
pub fn connected<'a>(view: &View<'a>) -> Vec<&'a Session> {
    let is_client =
        |session: &&Session| view.catalogue.all().filter_map(client).any(|one| one.session == session.program);
    view.database().map(|facts| facts.sessions.iter().filter(is_client).collect()).unwrap_or_default()
}

fn named(sessions: &[&Session]) -> String {
    let mut names: Vec<String> = sessions
        .iter()
        .map(|session| format!("{} on {} (login {})", session.program, session.host, session.login))
        .collect();
    names.dedup();
    let more = names.len().saturating_sub(NAMED_MAX);
    names.truncate(NAMED_MAX);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// Whether people go on working with Windows clients after a hop: as declared, or else as observed. A release that has
/// none for them ends it.
fn are_kept(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> bool {
    is_for_everybody(hop.to)
        && match layout.block.windows_clients {
            Some(WindowsClients::Kept) => true,
            Some(WindowsClients::NotKept) => false,
            None => !connected(view).is_empty(),
        }
}

/// Whether a hop is the one with which people's clients come to their end although they are in use.
fn are_dropped(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> bool {
    let in_use = layout.block.windows_clients.is_some() || !connected(view).is_empty();
    in_use && is_for_everybody(hop.from) && !is_for_everybody(hop.to)
}

fn client_folder(layout: &Layout<'_>) -> String {
    format!(r"{}\Client", layout.server_path)
}

fn transform(layout: &Layout<'_>) -> Probe {
    Probe::FileHash { path: format!(r"{}\SuperOffice.mst", client_folder(layout)) }
}

fn setup_version(layout: &Layout<'_>, release: &CrmReleaseSpec) -> Option<Probe> {
    let setup = client(release)?.setup.as_deref()?;
    Some(Probe::FileVersion { path: format!(r"{}\{setup}", client_folder(layout)) })
}

/// What is asked on the node that publishes clients: the transform, and the installers for everybody. Their names change
/// with the major release only, so all of them are asked about, whatever release is declared.
#[must_use]
pub fn probes(view: &View<'_>, layout: &Layout<'_>) -> Vec<Probe> {
    if layout.block.windows_clients == Some(WindowsClients::NotKept) {
        return Vec::new();
    }
    let everybody = view.catalogue.all().filter(|release| is_for_everybody(release));
    let setups: Vec<Probe> = everybody.filter_map(|release| setup_version(layout, release)).collect();
    if setups.is_empty() { setups } else { setups.into_iter().chain([transform(layout)]).collect() }
}

/// The client share and its transform are published for the new release (vendor: upgrade 7.5 to 8, Windows client; the
/// transform is made with SoCreateMST.exe, install). A person makes the transform and vouches for it, since an old one
/// looks like a new one; where the share was seen on the node, the installer there shows the new version as well.
pub(super) fn publish(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Option<Draft> {
    let node = view.nodes_of(Component::CrmServer).first().filter(|_| are_kept(view, layout, hop))?;
    let folder = client_folder(layout);
    let setup = client(hop.to)?.setup.as_deref()?;
    let instructions = vec![
        format!(
            r"On {node}, see that {folder}\{setup} is the one of {}, and that only this folder is shared.",
            hop.to.version
        ),
        format!(r"Make the transform {folder}\SuperOffice.mst anew with SoCreateMST.exe."),
        "Then attest this step: no machine can tell a new transform from an old one.".to_owned(),
    ];
    let title = format!("publish the Windows client of {} and its transform", hop.to.version);
    let statement = format!("SuperOffice.mst was made anew for {}, and the share offers {setup}.", hop.to.version);
    let mut draft = steps::attested(kind::PUBLISH_CLIENTS, Some(node), title, instructions, statement);
    if matches!(view.answer(node, &transform(layout)), Some(Answer::File { .. })) {
        let version = setup_version(layout, hop.to)?;
        draft.step.evidence.push(steps::on_node(node, version, steps::version(hop.to)));
        draft.step.evidence.push(steps::on_node(node, transform(layout), Expected::Present {}));
    }
    draft.step.limit_minutes = 120;
    Some(draft)
}

/// What a hop leaves to people about clients.
#[must_use]
pub fn owed(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Option<Kind> {
    if hop.purpose != Purpose::Upgrade {
        return None;
    }
    if publish(view, layout, hop).is_some() {
        return Some(ROLLED_OUT);
    }
    (!are_kept(view, layout, hop) && are_dropped(view, layout, hop)).then_some(REMOVED)
}

/// What whoever approves has to know about clients.
pub(super) fn notices(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<String> {
    if hop.purpose != Purpose::Upgrade {
        return Vec::new();
    }
    let connected = connected(view);
    if are_kept(view, layout, hop) {
        let seen = if layout.block.windows_clients.is_none() {
            format!(" (not declared, but connected now: {})", named(&connected))
        } else {
            String::new()
        };
        return vec![format!(
            "Windows clients stay in use{seen}: people install the new one from the share once the site is open, and how many have is attested afterwards."
        )];
    }
    let mut notices = Vec::new();
    if are_dropped(view, layout, hop) {
        let setup = client(hop.to).and_then(|client| client.setup.as_deref());
        let admin = setup.map(|setup| format!("; administrators get {setup}, which a person installs"));
        notices.push(format!(
            "{} has no Windows client for people: those of {} are uninstalled once Web serves{}.",
            hop.to.version,
            hop.from.version,
            admin.unwrap_or_default()
        ));
    }
    if !connected.is_empty() {
        notices.push(format!(
            "Windows clients are not kept, and some are connected now: {}. Whoever uses them works in Web afterwards; until they are closed, the change waits.",
            named(&connected)
        ));
    }
    notices
}

/// What those who still use a client are told beforehand.
pub(super) fn told(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Option<String> {
    let connected = connected(view);
    if connected.is_empty() || hop.purpose != Purpose::Upgrade {
        return None;
    }
    Some(if are_kept(view, layout, hop) {
        "Windows clients have to be closed, and get the new release from the client share afterwards".to_owned()
    } else {
        format!(
            "Windows clients have to be closed for good, and whoever uses them works in Web afterwards: {}",
            named(&connected)
        )
    })
}

/// Clients that connect although the site does not keep them at its release, or that its release no longer has: an old
/// program on a newer schema.
pub(super) fn at_rest(view: &View<'_>, layout: &Layout<'_>) -> Option<Finding> {
    let verified = view.snapshot.site.status.as_ref()?.verified.as_ref()?;
    let release = view.catalogue.find(&verified.version)?;
    let arrived = view.catalogue.find(&view.spec.version).is_some_and(|wanted| wanted.version == release.version);
    let why = match client(release) {
        Some(one) if one.users == ClientUsers::Everybody => (arrived
            && layout.block.windows_clients == Some(WindowsClients::NotKept))
        .then_some("windowsClients: NotKept is declared"),
        // An administrator's client gives the same name: nobody can tell them apart.
        Some(_) => None,
        None => (layout.block.windows_clients.is_some() || knows_clients(view)).then_some("the release has none"),
    }?;
    let connected = connected(view);
    (!connected.is_empty()).then(|| Finding {
        check: "WindowsClientsConnected".to_owned(),
        class: Some(DriftClass::WindowsClients.name().to_owned()),
        severity: Severity::Warn,
        node: None,
        message: format!("Windows clients still connect, and {why}: {}", named(&connected)),
        remedy: "uninstall the client there, and show whoever uses it the address of Web".to_owned(),
        since: None,
        policy: None,
    })
}

fn knows_clients(view: &View<'_>) -> bool {
    view.catalogue.all().any(|release| client(release).is_some())
}

/// The roll-out, or the removal, that a change has left to people until one of them attests it with a number.
pub(super) fn debt(view: &View<'_>) -> Option<Wanted> {
    let changes = view.snapshot.changes.iter().rev();
    let mut over =
        changes.filter(|change| change.status.as_ref().is_some_and(|status| status.phase == ChangePhase::Succeeded));
    let change = over.find(|change| change.spec.purpose == Purpose::Upgrade)?;
    let (kind, reason, what) = if owes(change, ROLLED_OUT) {
        let what = format!(
            "Windows clients are brought to {} from the client share, at people's own pace; one that is not cannot work",
            change.spec.to
        );
        (ROLLED_OUT, "RollOut", what)
    } else if owes(change, REMOVED) {
        let what =
            format!("Windows clients of {} are uninstalled, now that Web serves {}", change.spec.from, change.spec.to);
        (REMOVED, "Uninstall", what)
    } else {
        return None;
    };
    let words = view.snapshot.decisions.iter().filter(|decision| {
        decision.spec.word == Word::Attest
            && decision.spec.step.as_deref() == Some(WINDOWS_CLIENTS)
            && decision.spec.is_about(&change.spec.plan_hash)
    });
    let counted = |text: &str| text.chars().any(|letter| letter.is_ascii_digit());
    let mut uncounted = None;
    for word in words {
        if word.spec.reason.as_deref().is_some_and(counted) {
            return None;
        }
        uncounted = Some(word.spec.user.as_str());
    }
    let again = uncounted.map(|user| format!(" ({user} named no number)")).unwrap_or_default();
    let plan = crate::hash::short(&change.spec.plan_hash);
    let message = format!(
        "{what}. When it is done, attest the step {WINDOWS_CLIENTS} of plan {plan} with the number of them{again}"
    );
    Some(Wanted { kind, state: State::False, reason, message })
}

fn owes(change: &CrmChange, kind: Kind) -> bool {
    change.spec.owes.iter().any(|owed| owed == kind.as_str())
}
