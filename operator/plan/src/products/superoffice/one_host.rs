//! The move of Web and Service to one host, which every hop to 8.1 or later needs where browsers reach them on two (vendor:
//! upgrade to 8.1). The site declares one host; which way that is, today's facts tell.

use crm_api::CrmChange;
use crm_api::change::{ChangePhase, Purpose};
use crm_api::database::superoffice::{CGI_URL, DATABASE_VERSION};
use crm_api::evidence::{Expected, Source};
use crm_api::probe::{Answer, Probe, RunState};
use crm_api::release::CrmReleaseSpec;
use crm_api::site::{Component, NetServerMode};

use super::address::Parts;
use super::layout::{Layout, declared_path, same_path};
use super::net_server;
use super::steps::kind;
use crate::products::Hop;
use crate::view::View;

/// Statuses from here on say that nothing works behind an address; 0 says that there was no connection at all.
pub const SERVER_ERROR: i32 = 500;
/// Status of a page that does not exist.
const NOT_FOUND: i32 = 404;

/// Whose host the declared one is today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// That of Service: Web moves (vendor: using the old Service domain).
    ServiceHost,
    /// That of Web: Service moves (vendor: using the old Sales domain).
    WebHost,
    /// Nobody's yet: both move (vendor: using a new domain).
    NewHost,
}

/// What a hop moves to the declared host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// Whose host it is today.
    pub way: Way,
    /// Service's host today.
    pub from: String,
    /// Whether Service is installed anew, in the declared folder, beside the instance that it replaces. Behind a reverse
    /// proxy it stays where it is, and only its host changes.
    pub new_instance: bool,
    /// Whether Web is installed on another IIS site.
    pub web: bool,
    /// The IIS site that serves Web today.
    pub web_site: Option<String>,
    /// NetServer's address up to its application, where it changes.
    pub net_server: Option<String>,
}

impl Moving {
    /// What a hop has to move; `None` where it moves nothing: both are on the declared host already, or the hop does not
    /// lead to a release that demands it.
    #[must_use]
    pub fn of(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Option<Self> {
        let way = way(view, layout)?;
        if !enters(hop.from, hop.to) || hop.purpose != Purpose::Upgrade {
            return None;
        }
        let web_site = web_site(view, layout);
        let proxied = layout.is_proxied();
        let together = web_site.as_deref() == Some(layout.site.as_str());
        let web = !proxied && way != Way::WebHost && (way == Way::NewHost || !together);
        if way == Way::ServiceHost && !web {
            return None;
        }
        let host = &layout.block.host_name;
        // Service supports HTTP only between itself and NetServer (vendor: config/service).
        // One of its own stays where it is.
        let services = view.nodes_of(Component::Service);
        let has_own = services.iter().any(|node| net_server::used(view, layout, node) == Some(NetServerMode::Own));
        let net_server = (web && !has_own).then(|| format!("http://{host}{}", layout.web_application));
        let new_instance = !proxied && way != Way::ServiceHost;
        Some(Self { way, from: layout.host.clone(), new_instance, web, web_site, net_server })
    }

    /// Whether Service gets another host.
    #[must_use]
    pub fn renames(&self) -> bool {
        self.way != Way::ServiceHost
    }
}

/// Whether a hop leads from a release that works on two hosts to one that does not.
#[must_use]
pub fn enters(from: &CrmReleaseSpec, to: &CrmReleaseSpec) -> bool {
    !demands_one(from) && demands_one(to)
}

/// Whether browsers must reach Web and Service on one domain at a release.
#[must_use]
pub fn demands_one(release: &CrmReleaseSpec) -> bool {
    release.super_office.as_ref().is_some_and(|block| block.one_domain)
}

/// Whether the declared release lies behind such a hop, from where the database is.
#[must_use]
pub fn lies_ahead(view: &View<'_>) -> bool {
    let now = view.fact(DATABASE_VERSION).and_then(|number| view.catalogue.by_number(number));
    let wanted = view.catalogue.find(&view.spec.version);
    now.zip(wanted).is_some_and(|(now, wanted)| enters(now, wanted))
}

/// Whose host the declared one is; `None` where Service's host today is not known.
#[must_use]
pub fn way(view: &View<'_>, layout: &Layout<'_>) -> Option<Way> {
    view.fact(CGI_URL)?;
    if layout.host.eq_ignore_ascii_case(&layout.block.host_name) {
        return Some(Way::ServiceHost);
    }
    // Who declares another IIS site than Web's wants a new one, even where that host leads to Web's server already.
    let web_site = web_site(view, layout);
    let declared = layout.block.service.iis_site.as_deref();
    let elsewhere = !layout.is_proxied() && declared.is_some_and(|site| web_site.as_deref() != Some(site));
    let nodes = view.nodes_of(Component::Web);
    let is_web = nodes.iter().any(|node| answers(view.answer(node, &web_at_host(layout))) == Some(true));
    Some(if is_web && !elsewhere { Way::WebHost } else { Way::NewHost })
}

/// Whether somebody is there who knows the page; `None` where nobody looked.
#[must_use]
pub fn answers(answer: Option<&Answer>) -> Option<bool> {
    match answer? {
        Answer::Url { status } => Some((1..SERVER_ERROR).contains(status) && *status != NOT_FOUND),
        _ => None,
    }
}

/// The IIS site that serves Web today, where it is one.
#[must_use]
pub fn web_site(view: &View<'_>, layout: &Layout<'_>) -> Option<String> {
    view.nodes_of(Component::Web).iter().find_map(|node| match view.answer(node, &web_sites(layout)) {
        Some(Answer::Names { names }) if names.len() == 1 => Some(names[0].clone()),
        _ => None,
    })
}

/// The IIS sites that serve Web.
#[must_use]
pub fn web_sites(layout: &Layout<'_>) -> Probe {
    Probe::SitesServing { folder: layout.web_path.to_owned() }
}

/// The declared host itself: whether its name leads to a web server.
#[must_use]
pub fn at_host(layout: &Layout<'_>) -> Probe {
    Probe::Url { url: format!("http://{}/", layout.block.host_name) }
}

/// Web at the declared host.
#[must_use]
pub fn web_at_host(layout: &Layout<'_>) -> Probe {
    Probe::Url { url: format!("http://{}{}", layout.block.host_name, layout.web_application) }
}

/// Service at the declared host, as it is reached there behind a reverse proxy.
#[must_use]
pub fn service_at_host(layout: &Layout<'_>) -> Probe {
    let declared = layout.block.service.application.as_deref().map(|path| path.trim_end_matches('/'));
    let application = declared.unwrap_or(&layout.application);
    Probe::Url { url: format!("http://{}{application}/scripts/rms.exe", layout.block.host_name) }
}

/// What `web.config` tells Web of the address at which browsers reach it through a proxy (vendor: install/iis/reverse-proxy,
/// api/config/client).
#[must_use]
pub fn overrides(layout: &Layout<'_>) -> [Probe; 3] {
    ["UrlHostOverride", "UrlSchemeOverride", "UrlPortOverride"].map(|key| Probe::XmlValue {
        path: format!(r"{}\web.config", layout.web_path),
        section: "SuperOffice/Client".to_owned(),
        key: key.to_owned(),
    })
}

/// What the agents are asked for a hop that may move something.
#[must_use]
pub fn probes(view: &View<'_>, layout: &Layout<'_>, component: Component) -> Vec<Probe> {
    if !lies_ahead(view) {
        return Vec::new();
    }
    match component {
        Component::CrmServer | Component::NetServer => Vec::new(),
        Component::Web => {
            let mut probes = vec![web_sites(layout), web_at_host(layout)];
            probes.extend(overrides(layout).into_iter().filter(|_| layout.is_proxied()));
            probes
        }
        Component::Service if layout.is_proxied() => vec![web_at_host(layout), service_at_host(layout)],
        Component::Service => vec![at_host(layout)],
    }
}

/// An address with the declared host and Service's path there in place of today's.
#[must_use]
pub fn at_declared(url: &str, now: &Layout<'_>, then: &Layout<'_>) -> Option<String> {
    let Parts { scheme, host, port, path } = Parts::of(url)?;
    let host = if host.eq_ignore_ascii_case(&now.host) { then.host.as_str() } else { host };
    let rest = path.strip_prefix(now.application.as_str());
    // `/service` is no part of `/services`.
    let path = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(path);
    Some(format!("{scheme}://{host}{port}{}{path}", then.application))
}

/// The schedulers of instances from which changes have moved Service on a node: their records prove them at rest.
#[must_use]
pub fn former_schedulers(view: &View<'_>, layout: &Layout<'_>, node: &str) -> Vec<String> {
    let moved = format!("{}@{node}", kind::MOVE_SERVICE);
    let succeeded =
        |change: &&CrmChange| change.status.as_ref().is_some_and(|status| status.phase == ChangePhase::Succeeded);
    let changes = view.snapshot.changes.iter().filter(succeeded);
    let moves = changes.filter(|change| change.spec.steps.iter().any(|step| step.id == moved));
    let proofs = moves.flat_map(|change| change.spec.steps.iter().filter(|step| step.id == kind::VERIFY_SITE));
    let stopped = Expected::State { is: RunState::Stopped };
    let mut names: Vec<String> = proofs
        .flat_map(|step| &step.evidence)
        .filter(|one| one.expected == stopped)
        .filter_map(|one| match &one.source {
            Source::Node { node: on, probe: Probe::Service { name } } if on == node => Some(name.clone()),
            _ => None,
        })
        .filter(|name| *name != layout.scheduler)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The folder of an instance that is installed anew is the declared one.
#[must_use]
pub fn has_new_folder(layout: &Layout<'_>) -> bool {
    !same_path(layout.service_path, declared_path(layout.block))
}

/// What whoever approves a move has to know.
#[must_use]
pub fn notices(view: &View<'_>, layout: &Layout<'_>, hop: &Hop<'_>) -> Vec<String> {
    let Some(moving) = Moving::of(view, layout, hop) else { return Vec::new() };
    let host = &layout.block.host_name;
    let mut notices = vec![match moving.way {
        Way::ServiceHost => format!("Web moves to {host}, where Service is; its former address ends."),
        Way::WebHost => format!("Service moves from {} to {host}, where Web is.", moving.from),
        Way::NewHost => format!("Web and Service move to {host}; Service leaves {}.", moving.from),
    }];
    if moving.renames() {
        notices.push(format!(
            "Tracked links in mailings already sent are hashed with {} and fail under {host} even where they are redirected: let the customer centre answer at {} as well until they do not matter any more.",
            moving.from, moving.from
        ));
    }
    notices
}
