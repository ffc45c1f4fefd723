//! The order of what concerns people's own machines and phones.

use super::{Explains, Rule, kind, rule};

pub(super) const RULES: &[Rule] = &[
    rule(
        "rule 11",
        Explains::After,
        kind::UPGRADE_DATABASE,
        kind::PUBLISH_CLIENTS,
        "server setup brings the new client, which needs the new database",
        super::GUIDE,
    ),
    rule(
        "rule 26",
        Explains::Before,
        kind::PUBLISH_CLIENTS,
        kind::VERIFY_VERSIONS,
        "whoever keeps a Windows client finds the new one when the site opens; the roll-out itself holds nobody up",
        super::GUIDE,
    ),
    rule(
        "rule 24",
        Explains::After,
        kind::VERIFY_SITE,
        kind::REDIRECT_PHONES,
        "phones go to the new NetServer the moment they are started again: the site is open and proven first",
        "vendor: pocket-crm, upgrade to 8",
    ),
];
