//! The people who use the site, and when it was closed to them: what users feel is what the world measures.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::world::ghost::Happening;
use crate::world::http::NetServer;
use crate::world::scenario::{Client, User};
use crate::world::state::{State, World};

/// One user and whether they can work.
#[derive(Clone, Debug)]
struct AtWork {
    user: User,
    working: bool,
    /// When a Windows client will be closed.
    leaves_at: Option<Timestamp>,
    /// When somebody who was out comes back.
    back_at: Option<Timestamp>,
    /// Release of a Windows client.
    number: String,
    /// Until when an old Windows client stays connected and says that it is too old.
    too_old_until: Option<Timestamp>,
}

/// All users, and the times at which any of them could not work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users {
    all: Vec<AtWork>,
    outages: Vec<(Timestamp, Option<Timestamp>)>,
    /// Until when those who left because they were told stay away, unless the site was closed and opened meanwhile.
    told_until: Option<Timestamp>,
}

impl Users {
    /// Everybody at work, with Windows clients of the release of the database.
    pub(crate) fn of(users: Vec<User>, number: &str) -> Self {
        let at_work = |user| AtWork {
            user,
            working: true,
            leaves_at: None,
            back_at: None,
            number: number.to_owned(),
            too_old_until: None,
        };
        Self { all: users.into_iter().map(at_work).collect(), ..Self::default() }
    }

    /// Names of those whose Windows client is connected to the database.
    pub(crate) fn windows_clients(&self) -> Vec<String> {
        let is_connected = |at: &&AtWork| at.user.client == Client::Win && (at.working || at.too_old_until.is_some());
        self.all.iter().filter(is_connected).map(|at| at.user.name.clone()).collect()
    }

    /// How many Windows clients are of a release.
    pub(crate) fn clients_of(&self, number: &str) -> usize {
        self.all.iter().filter(|at| at.user.client == Client::Win && at.number == number).count()
    }

    pub(crate) fn names_working(&self) -> Vec<String> {
        self.all.iter().filter(|at| at.working).map(|at| at.user.name.clone()).collect()
    }
}

impl State {
    /// Whether a client works now. Service needs its NetServer (vendor: config/service).
    fn is_open(&mut self, client: Client) -> bool {
        let web = self.layout.web_nodes.clone().iter().any(|node| self.net_server_works(node));
        match client {
            Client::Web => web,
            // It speaks to the database itself; a site that closes its Web closes it, too.
            Client::Win => self.database.partial.is_none() && (web || !self.has_web() && !self.lacks_stack()),
            Client::Service => self.layout.service_nodes.clone().iter().any(|node| {
                let machine = self.machines.get(node);
                machine.is_some_and(|machine| machine.up && machine.iis.runs(&self.layout.service_pool))
                    && !self.frozen(node)
                    && self.service_number(node).is_some_and(|number| self.database.fits(&number))
                    && self.service_net_server_works(node)
            }),
        }
    }

    fn has_web(&self) -> bool {
        self.layout.web_nodes.iter().any(|node| self.net_server(node, NetServer::InWeb).is_some())
    }

    fn has_service(&self) -> bool {
        self.database.service_version.is_some()
    }

    /// Whether the database is at a release that demands all main components, and one is not there yet (vendor: upgrade 7.5
    /// to 8, crm-server).
    fn lacks_stack(&self) -> bool {
        let release = self.release(&self.database.version).and_then(|release| release.super_office.as_ref());
        release.is_some_and(|block| block.full_stack) && !(self.has_web() && self.has_service())
    }

    /// Whether all that the site has is open. What it never had is not missed, but where its release demands it.
    fn is_whole(&self, web: bool, service: bool) -> bool {
        (web || !self.has_web()) && (service || !self.has_service()) && !self.lacks_stack()
    }

    /// Users notice what has changed.
    pub(crate) fn users_look(&mut self) {
        let (web, service, win) = (self.is_open(Client::Web), self.is_open(Client::Service), self.is_open(Client::Win));
        let now = self.now;
        let return_after = Duration::from_secs(self.assumptions.users_return_minutes * 60);
        let whole = self.is_whole(web, service);
        if !whole || self.users.told_until.is_some_and(|until| now >= until) {
            self.users.told_until = None;
        }
        let may_return = self.users.told_until.is_none() && (whole || !self.assumptions.users_wait_for_all);
        let mut happened = if win && may_return { self.old_clients_return() } else { Vec::new() };
        let version = self.database.version.clone();
        for at in &mut self.users.all {
            let open = match at.user.client {
                Client::Web => web,
                Client::Service => service,
                Client::Win => win && at.number == version,
            };
            let stays = match at.user.client {
                Client::Web | Client::Service => open,
                Client::Win => {
                    if !open && at.working && at.leaves_at.is_none() {
                        at.leaves_at = later(now, u64::from(at.user.leaves_after_minutes) * 60);
                    }
                    at.leaves_at.is_none_or(|leaves| now < leaves)
                }
            };
            if at.working && !stays {
                at.working = false;
                at.leaves_at = None;
                at.back_at = None;
                happened.push(Happening::UserOut { user: at.user.name.clone() });
            } else if !at.working && open && may_return {
                let back = *at.back_at.get_or_insert(now.checked_add(return_after).unwrap_or(now));
                if now >= back {
                    at.working = true;
                    at.back_at = None;
                    happened.push(Happening::UserBack { user: at.user.name.clone() });
                }
            } else if !open {
                at.back_at = None;
            }
        }
        for what in happened {
            self.write(what);
        }
        self.note_outage();
    }

    /// Whoever comes back with a Windows client of another release than the database gets the new one where the share
    /// offers it: the client compares itself with the database (vendor: database/tables/productversion). Elsewhere it
    /// stays connected, says that it is too old, and its user gives it up for Web after a while.
    fn old_clients_return(&mut self) -> Vec<Happening> {
        let (version, offers, now) = (self.database.version.clone(), self.share_offers_client(), self.now);
        let patience = self.assumptions.old_client_minutes * 60;
        let mut happened = Vec::new();
        for at in
            self.users.all.iter_mut().filter(|at| at.user.client == Client::Win && !at.working && at.number != version)
        {
            let mut says =
                |what: &str| happened.push(Happening::ByHand { who: at.user.name.clone(), what: what.to_owned() });
            if offers {
                version.clone_into(&mut at.number);
                at.too_old_until = None;
                says(&format!("installs the Windows client {version} from the share"));
                continue;
            }
            match at.too_old_until {
                None => {
                    at.too_old_until = later(now, patience);
                    says("starts the old Windows client, which connects and says that it is too old");
                }
                Some(until) if now >= until => {
                    at.too_old_until = None;
                    at.user.client = Client::Web;
                    says("gives the Windows client up and opens Web");
                }
                Some(_) => {}
            }
        }
        happened
    }

    fn note_outage(&mut self) {
        let out = self.users.all.iter().any(|at| !at.working);
        let now = self.now;
        match self.users.outages.last_mut() {
            Some((_, end @ None)) => {
                if !out {
                    *end = Some(now);
                }
            }
            Some((_, Some(_))) | None => {
                if out {
                    self.users.outages.push((now, None));
                }
            }
        }
    }

    /// A minute of work: everybody who is in writes something.
    pub(crate) fn users_minute(&mut self) {
        self.users_look();
        for user in self.users.names_working() {
            let by = format!("user {user}");
            if self.database.partial.is_some() {
                self.wrong_schema(&by, "the user's client");
            }
            self.database_write(&by);
        }
    }
}

fn later(now: Timestamp, seconds: u64) -> Option<Timestamp> {
    now.checked_add(Duration::from_secs(seconds)).ok()
}

impl World {
    /// Tells everybody who works with a site that it will be closed: Windows clients are closed after their users' minutes.
    pub fn tell_users(&self, site: &str) {
        self.at(site, |state| {
            let now = state.now;
            state.users.told_until = later(now, state.assumptions.told_users_wait_minutes * 60);
            for at in state.users.all.iter_mut().filter(|at| at.user.client == Client::Win && at.working) {
                at.leaves_at = at.leaves_at.or_else(|| later(now, u64::from(at.user.leaves_after_minutes) * 60));
            }
            state.touched = true;
        });
    }

    /// Names of those who can still work.
    #[must_use]
    pub fn users_at_work(&self) -> Vec<String> {
        self.with(|state| state.users.names_working())
    }

    /// When the first user could not work any more.
    #[must_use]
    pub fn first_user_out(&self) -> Option<Timestamp> {
        self.with(|state| state.users.outages.first().map(|(start, _)| *start))
    }

    /// When the last user could work again; `None` while somebody is out, or if nobody ever was.
    #[must_use]
    pub fn last_user_back(&self) -> Option<Timestamp> {
        self.with(|state| state.users.outages.last().and_then(|(_, end)| *end))
    }

    /// How long at least one user could not work, up to now.
    #[must_use]
    pub fn user_visible_downtime(&self) -> SignedDuration {
        self.with(|state| {
            let now = state.now;
            let lengths = state.users.outages.iter().map(|(start, end)| end.unwrap_or(now).duration_since(*start));
            lengths.fold(SignedDuration::ZERO, |sum, length| sum.saturating_add(length))
        })
    }
}
