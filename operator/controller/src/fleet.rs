//! What the watches know of the whole fleet: which sites an event concerns, and the little that a round on one site needs to know
//! of all others. A round asks here instead of listing them, so that it costs the same however many there are.
//!
//! It may lag behind, so nothing dangerous rests on it. Claims are looked at live before they are recorded (`claims`); another
//! site with the same database, and a node that is still asked something, are seen a round later. Touches nothing.

use std::collections::{BTreeMap, BTreeSet};

use crm_plan::snapshot::{ForeignClaim, database_key};
use kube::{Resource as _, ResourceExt as _};

use crate::queue::SiteKey;
use crate::sketch::{OpenChange, Sketch};
use crate::watches::{Sight, Watched};

/// Rounds wait until these were listed: a fleet of which a part is unknown would look free.
const NEEDED: [Watched; 3] = [Watched::Site, Watched::Node, Watched::Change];

/// Namespace and name.
type Name = (String, String);

/// The fleet, by the watches.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// The operator's own namespace.
    own_namespace: String,
    listed: BTreeSet<Watched>,
    sites: BTreeMap<SiteKey, Edition>,
    /// Sites and the nodes that they name.
    named: Pairs<SiteKey, Name>,
    /// Sites and their databases.
    databases: Pairs<SiteKey, (String, String)>,
    /// Sites and their uids.
    uids: Pairs<SiteKey, String>,
    /// Nodes and the sites for which they are asked something.
    asked: Pairs<Name, SiteKey>,
    /// Changes that are not over.
    open: BTreeMap<Name, OpenChange>,
}

/// Moves when the spec is edited, or the site is deleted or made anew; a status that we wrote ourselves does not move it.
#[derive(Debug, PartialEq, Eq)]
struct Edition(Option<String>, Option<i64>, bool);

impl Fleet {
    /// Knows nothing yet but the operator's own namespace.
    pub(crate) fn new(own_namespace: &str) -> Self {
        Self { own_namespace: own_namespace.to_owned(), ..Self::default() }
    }

    /// Whether everything that rounds need to know was seen once.
    pub(crate) fn is_known(&self) -> bool {
        NEEDED.iter().all(|kind| self.listed.contains(kind))
    }

    /// Takes a sight in and gives the sites that it concerns.
    pub(crate) fn concerned(&mut self, kind: Watched, sight: Sight) -> BTreeSet<SiteKey> {
        match sight {
            Sight::All(objects) => {
                self.listed.insert(kind);
                let mut concerned = self.forget(kind);
                for object in &objects {
                    concerned.extend(self.seen(kind, object));
                }
                concerned
            }
            Sight::One(object) => self.seen(kind, &object),
            Sight::Gone(object) => self.gone(kind, &object),
        }
    }

    /// Claims that open changes of other sites hold or wait for. A site cannot vanish while a change keeps its users out, so a
    /// change whose site is gone is at work on nothing: another site of the same name has another uid.
    pub(crate) fn foreign_claims(&self, key: &SiteKey) -> Vec<ForeignClaim> {
        let is_there = |change: &OpenChange| change.site_uid.as_ref().is_none_or(|uid| self.uids.has(uid));
        let others = self.open.values().filter(|change| change.site.as_ref() != Some(key) && is_there(change));
        claims_of(others)
    }

    /// The other sites that declare a site's database, as `namespace/name`.
    pub(crate) fn same_database(&self, key: &SiteKey, server: &str, name: &str) -> Vec<String> {
        self.databases.of(&database_key(server, name)).filter(|other| *other != key).map(ToString::to_string).collect()
    }

    /// The nodes that are still asked something for a site, whether it names them or not.
    pub(crate) fn nodes_asked(&self, key: &SiteKey) -> BTreeSet<String> {
        self.asked.of(key).map(|(_, name)| name.clone()).collect()
    }

    /// A new list is coming: what is not in it is gone. Sites that it lacks are to be looked at once more.
    fn forget(&mut self, kind: Watched) -> BTreeSet<SiteKey> {
        match kind {
            Watched::Site => {
                (self.named, self.databases, self.uids) = Default::default();
                return std::mem::take(&mut self.sites).into_keys().collect();
            }
            Watched::Node => self.asked = Pairs::default(),
            Watched::Change => self.open.clear(),
            Watched::Decision | Watched::Release => {}
        }
        BTreeSet::new()
    }

    fn seen(&mut self, kind: Watched, object: &Sketch) -> BTreeSet<SiteKey> {
        match kind {
            Watched::Site => self.site(object),
            Watched::Node => {
                let node = name_of(object);
                self.asked.put(node, object.asked_by().map(|site| key(object, site)).collect());
                self.naming(object)
            }
            Watched::Change => {
                let open = object.open_change();
                let is_open = open.is_some();
                match open {
                    Some(open) => self.open.insert(name_of(object), open),
                    None => self.open.remove(&name_of(object)),
                };
                self.after_change(object, is_open)
            }
            Watched::Decision => match object.site() {
                Some(site) => [key(object, site)].into(),
                None => self.under_stop(object),
            },
            Watched::Release => self.sites.keys().cloned().collect(),
        }
    }

    fn gone(&mut self, kind: Watched, object: &Sketch) -> BTreeSet<SiteKey> {
        match kind {
            Watched::Site => {
                let site = key(object, &object.name_any());
                self.sites.remove(&site);
                self.named.put(site.clone(), BTreeSet::new());
                self.databases.put(site.clone(), BTreeSet::new());
                self.uids.put(site.clone(), BTreeSet::new());
                [site].into()
            }
            Watched::Node => {
                self.asked.put(name_of(object), BTreeSet::new());
                self.naming(object)
            }
            Watched::Change => {
                self.open.remove(&name_of(object));
                self.after_change(object, false)
            }
            Watched::Decision | Watched::Release => self.seen(kind, object),
        }
    }

    fn site(&mut self, object: &Sketch) -> BTreeSet<SiteKey> {
        let (site, meta) = (key(object, &object.name_any()), object.meta());
        let edition = Edition(meta.uid.clone(), meta.generation, meta.deletion_timestamp.is_some());
        if self.sites.get(&site) == Some(&edition) {
            return BTreeSet::new();
        }
        let database = object.database().map(|(server, name)| database_key(server, name));
        self.databases.put(site.clone(), database.into_iter().collect());
        self.uids.put(site.clone(), meta.uid.clone().into_iter().collect());
        let nodes = object.nodes().map(|node| (site.namespace.clone(), node.to_owned()));
        self.named.put(site.clone(), nodes.collect());
        self.sites.insert(site.clone(), edition);
        [site].into()
    }

    fn naming(&self, node: &Sketch) -> BTreeSet<SiteKey> {
        self.named.of(&name_of(node)).cloned().collect()
    }

    /// A stop names no site: it concerns those of its namespace, in the operator's own all of them.
    fn under_stop(&self, stop: &Sketch) -> BTreeSet<SiteKey> {
        let namespace = stop.namespace().unwrap_or_default();
        let everywhere = namespace == self.own_namespace;
        self.sites.keys().filter(|key| everywhere || key.namespace == namespace).cloned().collect()
    }

    /// A change that is over has set its claims free: whoever wants one of them may have waited for it.
    fn after_change(&self, change: &Sketch, is_open: bool) -> BTreeSet<SiteKey> {
        let Some(site) = change.site().map(|site| key(change, site)) else { return BTreeSet::new() };
        let mut concerned = BTreeSet::from([site]);
        if !is_open {
            let free: BTreeSet<&str> = change.claims_wanted().collect();
            let waits = |open: &&OpenChange| open.wanted.iter().any(|claim| free.contains(claim.as_str()));
            concerned.extend(self.open.values().filter(waits).filter_map(|open| open.site.clone()));
        }
        concerned
    }
}

/// What open changes hold or wait for, in the order of claims and holders.
pub(crate) fn claims_of<'a>(changes: impl Iterator<Item = &'a OpenChange>) -> Vec<ForeignClaim> {
    let mut claims = Vec::new();
    for change in changes {
        let of = |claim: &String, waits_since| ForeignClaim {
            claim: claim.clone(),
            holder: change.holder.clone(),
            waits_since,
        };
        if !change.held.is_empty() {
            claims.extend(change.held.iter().map(|claim| of(claim, None)));
        } else if let Some(since) = change.since {
            claims.extend(change.wanted.iter().map(|claim| of(claim, Some(since))));
        }
    }
    claims.sort_by(|one, other| (&one.claim, &one.holder).cmp(&(&other.claim, &other.holder)));
    claims
}

fn key(object: &Sketch, name: &str) -> SiteKey {
    SiteKey::new(&object.namespace().unwrap_or_default(), name)
}

fn name_of(object: &Sketch) -> Name {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Each of some things with several others, found from both sides.
#[derive(Debug)]
struct Pairs<A, B> {
    forth: BTreeMap<A, BTreeSet<B>>,
    back: BTreeMap<B, BTreeSet<A>>,
}

impl<A, B> Default for Pairs<A, B> {
    fn default() -> Self {
        Self { forth: BTreeMap::new(), back: BTreeMap::new() }
    }
}

impl<A: Clone + Ord, B: Clone + Ord> Pairs<A, B> {
    /// From now on these go with it, and no others.
    fn put(&mut self, one: A, others: BTreeSet<B>) {
        for other in self.forth.remove(&one).into_iter().flatten() {
            if let Some(ones) = self.back.get_mut(&other) {
                ones.remove(&one);
                if ones.is_empty() {
                    self.back.remove(&other);
                }
            }
        }
        for other in &others {
            self.back.entry(other.clone()).or_default().insert(one.clone());
        }
        if !others.is_empty() {
            self.forth.insert(one, others);
        }
    }

    fn of(&self, other: &B) -> impl Iterator<Item = &A> {
        self.back.get(other).into_iter().flatten()
    }

    fn has(&self, other: &B) -> bool {
        self.back.contains_key(other)
    }
}

#[cfg(test)]
mod tests;
