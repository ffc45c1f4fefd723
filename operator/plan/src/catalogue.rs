//! The catalogue of releases: names and aliases, what may follow what, and the path between two releases. Versions are
//! ordered by the catalogue alone, never by comparing numbers.

use std::collections::{BTreeMap, VecDeque};

use crm_api::CrmRelease;
use crm_api::release::CrmReleaseSpec;
use crm_api::site::Product;

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

    /// The release that a person means.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'a CrmReleaseSpec> {
        self.releases.iter().find(|release| release.is_called(name)).copied()
    }

    /// The release whose programs show a number.
    #[must_use]
    pub fn by_number(&self, number: &str) -> Option<&'a CrmReleaseSpec> {
        self.releases.iter().find(|release| release.number == number).copied()
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

    /// The releases to pass through, the last one being the wanted one: fewest changes first, newest stop on a tie.
    ///
    /// # Errors
    /// When the wanted release is older, or no listed edges lead to it.
    pub fn path(&self, from: &CrmReleaseSpec, to: &CrmReleaseSpec) -> Result<Vec<&'a CrmReleaseSpec>, NoPath> {
        if to.rank < from.rank {
            return Err(NoPath::Downgrade);
        }
        let mut came_from: BTreeMap<&str, &CrmReleaseSpec> = BTreeMap::new();
        let mut queue = VecDeque::from([from.version.as_str()]);
        while let Some(at) = queue.pop_front() {
            if at == to.version {
                break;
            }
            for next in self.releases.iter().rev() {
                let listed = next.from.iter().any(|allowed| self.same(allowed, at));
                let new = next.version != from.version && !came_from.contains_key(next.version.as_str());
                if listed
                    && new
                    && next.on_site
                    && next.rank <= to.rank
                    && let Some(before) = self.find(at)
                {
                    came_from.insert(&next.version, before);
                    queue.push_back(&next.version);
                }
            }
        }
        let mut path = Vec::new();
        let mut at = to.version.as_str();
        while at != from.version {
            let (Some(before), Some(release)) = (came_from.get(at), self.find(at)) else {
                return Err(NoPath::Unlisted { predecessors: to.from.clone() });
            };
            path.push(release);
            at = &before.version;
        }
        path.reverse();
        Ok(path)
    }

    fn same(&self, name: &str, version: &str) -> bool {
        name == version || self.find(name).is_some_and(|release| release.version == version)
    }
}
