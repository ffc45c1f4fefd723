//! The catalogue of releases: names and aliases, what may follow what, and the path between two releases. Versions are
//! ordered by the catalogue alone, never by comparing numbers.

use std::collections::{BTreeMap, VecDeque};

use crm_api::CrmRelease;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::Product;

use crate::version_text::{is_number_of, telling_numbers};

/// The releases of one product, oldest first.
#[derive(Clone, Debug)]
pub struct Catalogue<'a> {
    releases: Vec<&'a CrmReleaseSpec>,
}

/// Why a release is not reachable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPath {
    /// The wanted release is older.
    Downgrade,
    /// The vendor released it for others than on-site.
    NotOnSite {
        /// The next release that is for on-site, if there is one.
        next: Option<String>,
    },
    /// The catalogue lists no way. The second part names what may lead to the wanted release.
    Unlisted {
        /// Allowed predecessors of the wanted release.
        predecessors: Vec<String>,
    },
}

impl<'a> Catalogue<'a> {
    /// The part of a catalogue that is about one product.
    #[must_use]
    pub fn of(product: Product, releases: &'a [CrmRelease]) -> Self {
        let mut releases: Vec<_> =
            releases.iter().map(|release| &release.spec).filter(|spec| spec.product == product).collect();
        releases.sort_by(|left, right| (left.rank, &left.version).cmp(&(right.rank, &right.version)));
        Self { releases }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &'a CrmReleaseSpec> {
        self.releases.iter().copied()
    }

    /// The release that a person means.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'a CrmReleaseSpec> {
        self.releases.iter().find(|release| release.is_called(name)).copied()
    }

    /// The release whose programs show a number, however they write it. Of several that could be meant the one whose
    /// number says most; none where two say as much.
    #[must_use]
    pub fn by_number(&self, shown: &str) -> Option<&'a CrmReleaseSpec> {
        let exact = self.releases.iter().find(|release| release.number == shown);
        let named = || self.releases.iter().find(|release| release.aliases.iter().any(|alias| alias == shown));
        if let Some(release) = exact.or_else(named) {
            return Some(release);
        }
        match self.meant_by(shown).as_slice() {
            [release] => Some(release),
            [] | [_, _, ..] => None,
        }
    }

    /// The releases that a program may mean by a number: more than one where their numbers do not tell them apart.
    #[must_use]
    pub fn meant_by(&self, shown: &str) -> Vec<&'a CrmReleaseSpec> {
        let meant = self.releases.iter().filter(|release| is_number_of(&release.number, shown));
        let meant: Vec<_> = meant.map(|release| (telling_numbers(&release.number), *release)).collect();
        let most = meant.iter().map(|(telling, _)| *telling).max();
        meant.into_iter().filter(|(telling, _)| Some(*telling) == most).map(|(_, release)| release).collect()
    }

    /// Another release whose programs show what those of a release show: what proves the one proves the other as well.
    #[must_use]
    pub fn twin_of(&self, release: &CrmReleaseSpec) -> Option<&'a CrmReleaseSpec> {
        let others = self.releases.iter().copied().filter(|other| other.version != release.version);
        let mut others = others.filter(|other| telling_numbers(&other.number) > 0);
        others
            .find(|other| is_number_of(&release.number, &other.number) || is_number_of(&other.number, &release.number))
    }

    /// A number as the catalogue writes it; as it stands where no release has it.
    #[must_use]
    pub fn number_of<'t>(&self, shown: &'t str) -> &'t str
    where
        'a: 't,
    {
        self.by_number(shown).map_or(shown, |release| release.number.as_str())
    }

    /// The releases that are newer than one and not newer than another, oldest first.
    #[must_use]
    pub fn between(&self, after: &CrmReleaseSpec, until: &CrmReleaseSpec) -> Vec<&'a CrmReleaseSpec> {
        let passed = |release: &&CrmReleaseSpec| release.rank > after.rank && release.rank <= until.rank;
        self.releases.iter().copied().filter(|release| passed(release)).collect()
    }

    /// The names most like a mistyped one, best first, at most three.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Vec<&'a str> {
        let wanted = name.to_lowercase();
        let mut scored: Vec<(usize, i32, &str)> = self
            .releases
            .iter()
            .flat_map(|release| {
                std::iter::once(&release.version)
                    .chain(&release.aliases)
                    .map(|called| (strsim::damerau_levenshtein(&wanted, &called.to_lowercase()), release.rank))
                    .min()
                    .map(|(distance, rank)| (distance, rank.saturating_neg(), release.version.as_str()))
            })
            .collect();
        scored.sort_unstable();
        scored.into_iter().take(3).map(|(_, _, version)| version).collect()
    }

    /// The releases to pass through, the last one being the wanted one: fewest changes first, newest stop on a tie. A
    /// release without packages is a stop only where no other way leads on.
    ///
    /// # Errors
    /// When the wanted release is older, is none for on-site, or no listed edges lead to it.
    pub fn path(&self, from: &CrmReleaseSpec, to: &CrmReleaseSpec) -> Result<Vec<&'a CrmReleaseSpec>, NoPath> {
        if to.rank < from.rank {
            return Err(NoPath::Downgrade);
        }
        if !to.on_site {
            let next = self.releases.iter().find(|release| release.on_site && release.rank > to.rank);
            return Err(NoPath::NotOnSite { next: next.map(|release| release.version.clone()) });
        }
        let path = self.way(from, to, |stop| !stop.packages.is_empty()).or_else(|| self.way(from, to, |_| true));
        path.ok_or_else(|| NoPath::Unlisted {
            predecessors: self
                .releases
                .iter()
                .filter(|release| to.may_follow(release, self.releases.iter().copied()))
                .map(|release| release.version.clone())
                .collect(),
        })
    }

    fn way(
        &self,
        from: &CrmReleaseSpec,
        to: &CrmReleaseSpec,
        may_stop: impl Fn(&CrmReleaseSpec) -> bool,
    ) -> Option<Vec<&'a CrmReleaseSpec>> {
        let mut came_from: BTreeMap<&str, &CrmReleaseSpec> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            if at.version == to.version {
                break;
            }
            for next in self.releases.iter().rev().filter(|next| next.on_site && next.rank <= to.rank) {
                let new = next.version != from.version && !came_from.contains_key(next.version.as_str());
                let stops = next.version == to.version || may_stop(next);
                if new && stops && next.may_follow(at, self.releases.iter().copied()) {
                    came_from.insert(&next.version, at);
                    queue.push_back(next);
                }
            }
        }
        let mut path = Vec::new();
        let mut at = to.version.as_str();
        while at != from.version {
            path.push(self.find(at)?);
            at = &came_from.get(at)?.version;
        }
        path.reverse();
        Some(path)
    }
}
