//! Tells the story: keeps what was seen last, so that only what is new becomes an event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crm_api::CrmSite;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Layout, Standing, StoryEvent, What};
use crate::file::ScenarioFile;

/// Draws events out of what is observed.
pub(crate) struct Teller {
    pub(super) site: String,
    layout: Arc<Layout>,
    standing: Arc<Standing>,
    date: Option<Date>,
    events: Vec<StoryEvent>,
    /// Events that nobody has taken yet begin here.
    taken: usize,
    /// The open change, as it was created.
    pub(super) change: Option<Arc<Value>>,
    /// The wait that was told, and since when.
    pub(super) waiting: Option<(String, Timestamp)>,
    /// When each running program began, by node and process id.
    pub(super) running: BTreeMap<(String, u32), Timestamp>,
    /// What met a schema of another release, once told.
    pub(super) told_wrong: BTreeSet<String>,
    pub(super) users_out: BTreeSet<String>,
    /// When each silent node or dead controller was lost.
    pub(super) lost: BTreeMap<String, Timestamp>,
    out_since: Option<Timestamp>,
    downtime: SignedDuration,
}

/// Where an event belongs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place<'a> {
    pub(super) node: Option<&'a str>,
    pub(super) step: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Of a step's id: `kind@node`.
    pub(super) fn of_step(id: &'a str) -> Self {
        match id.split_once('@') {
            Some((step, node)) => Self { node: Some(node), step: Some(step) },
            None => Self { node: None, step: Some(id) },
        }
    }

    pub(super) fn of_node(node: &'a str) -> Self {
        Self { node: Some(node), step: None }
    }
}

impl Teller {
    /// For the first site of a story, or another; `site_width` is the length of the longest name of a site.
    pub(super) fn new(file: &ScenarioFile, site_width: usize) -> Self {
        let servers = file.scenario.spec.servers.iter().map(|server| server.name.as_str());
        let mut teller = Self::of(&file.site, servers);
        Arc::make_mut(&mut teller.layout).site_width = site_width;
        teller
    }

    /// For a site and the names of its servers.
    pub(super) fn of<'a>(site: &CrmSite, servers: impl Iterator<Item = &'a str>) -> Self {
        let zone_name = site.spec.windows.as_ref().map_or("UTC", |windows| windows.time_zone.as_str());
        let zone = TimeZone::get(zone_name).unwrap_or(TimeZone::UTC);
        let name = site.metadata.name.clone().unwrap_or_default();
        let layout = Layout {
            zone,
            zone_name: zone_name.to_owned(),
            site_width: name.chars().count(),
            node_width: servers.map(|server| server.chars().count()).max().unwrap_or(0).max(4),
        };
        Self {
            site: name,
            layout: Arc::new(layout),
            standing: Arc::default(),
            date: None,
            events: Vec::new(),
            taken: 0,
            change: None,
            waiting: None,
            running: BTreeMap::new(),
            told_wrong: BTreeSet::new(),
            users_out: BTreeSet::new(),
            lost: BTreeMap::new(),
            out_since: None,
            downtime: SignedDuration::ZERO,
        }
    }

    pub(super) fn tell(&mut self, at: Timestamp, place: Place<'_>, what: What, why: impl Into<String>) {
        let local = at.to_zoned(self.layout.zone.clone());
        let date_line = (self.date != Some(local.date())).then(|| {
            self.date = Some(local.date());
            format!("== {}, {} ==", local.strftime("%A %-d %B %Y"), self.layout.zone_name)
        });
        let downtime = self.downtime_at(at);
        if self.standing.downtime != downtime || self.standing.users_out == self.users_out.is_empty() {
            let standing = Arc::make_mut(&mut self.standing);
            (standing.downtime, standing.users_out) = (downtime, !self.users_out.is_empty());
        }
        self.events.push(StoryEvent {
            at,
            site: self.site.clone(),
            node: place.node.map(str::to_owned),
            step: place.step.map(str::to_owned),
            what,
            why: super::one_line(&why.into()),
            standing: Arc::clone(&self.standing),
            date_line,
            layout: Arc::clone(&self.layout),
        });
    }

    pub(super) fn standing_mut(&mut self) -> &mut Standing {
        Arc::make_mut(&mut self.standing)
    }

    /// Something that the runner itself brings about.
    pub(crate) fn note(&mut self, at: Timestamp, node: Option<&str>, what: What, why: &str) {
        self.tell(at, Place { node, step: None }, what, why);
    }

    /// A user is out or back.
    pub(super) fn count_downtime(&mut self, at: Timestamp) {
        match (self.users_out.is_empty(), self.out_since) {
            (false, None) => self.out_since = Some(at),
            (true, Some(since)) => {
                self.downtime = self.downtime.saturating_add(at.duration_since(since));
                self.out_since = None;
            }
            (false, Some(_)) | (true, None) => {}
        }
    }

    /// Where nobody sees the users themselves: they are out as long as the record says that the site is closed.
    pub(super) fn count_by_record(&mut self, closed: Option<Timestamp>, opened: Option<Timestamp>) {
        self.users_out.clear();
        (self.out_since, self.downtime) = match (closed, opened) {
            (None, _) => (None, SignedDuration::ZERO),
            (Some(closed), None) => {
                self.users_out.insert("everybody".to_owned());
                (Some(closed), SignedDuration::ZERO)
            }
            (Some(closed), Some(opened)) => (None, opened.duration_since(closed)),
        };
    }

    /// How the site stands.
    pub(super) fn standing_at(&self, at: Timestamp) -> Arc<Standing> {
        let (downtime, users_out) = (self.downtime_at(at), self.somebody_is_out());
        Arc::new(Standing { downtime, users_out, ..(*self.standing).clone() })
    }

    fn downtime_at(&self, at: Timestamp) -> SignedDuration {
        let open = self.out_since.map_or(SignedDuration::ZERO, |since| at.duration_since(since));
        self.downtime.saturating_add(open)
    }

    /// Whether a user cannot work at this moment.
    pub(crate) fn somebody_is_out(&self) -> bool {
        !self.users_out.is_empty()
    }

    /// How long at least one user could not work, up to a moment.
    pub(crate) fn downtime(&self, at: Timestamp) -> SignedDuration {
        self.downtime_at(at)
    }

    /// The events that came since the last call.
    pub(crate) fn take_new(&mut self) -> Vec<StoryEvent> {
        let new = self.events.get(self.taken..).unwrap_or_default().to_vec();
        self.taken = self.events.len();
        new
    }
}
