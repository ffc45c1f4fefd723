//! The order of a NetServer of its own, and of a move of Service to another one.

use super::{DBSETUP, Explains, GUIDE, Rule, SAFETY, SERVICE_GUIDE, kind, rule};

const NET_SERVER: &str = "vendor: install/netserver";
const SERVICE: &str = "vendor: install/service";
const RELEASE_NOTES: &str = "vendor: release notes 8.5";

/// Every ordering rule that concerns a NetServer outside Web.
pub(super) const RULES: &[Rule] = &[
    rule(
        "consent",
        Explains::Before,
        kind::NOTICE,
        kind::INSTALL_NET_SERVER,
        "people decide before anything is installed",
        SAFETY,
    ),
    rule(
        "rule 10",
        Explains::Before,
        kind::VERIFY_BACKUP,
        kind::INSTALL_NET_SERVER,
        "servers are backed up as they were, before anything is added to them",
        SAFETY,
    ),
    rule(
        "rule 10",
        Explains::Before,
        kind::VERIFY_BACKUP,
        kind::UPGRADE_NET_SERVER,
        "what stands there is kept before it is changed",
        DBSETUP,
    ),
    rule(
        "rule 11",
        Explains::Both,
        kind::UPGRADE_DATABASE,
        kind::UPGRADE_NET_SERVER,
        "the database comes before every other component",
        GUIDE,
    ),
    rule(
        "rule 11",
        Explains::Before,
        kind::UPGRADE_DATABASE,
        kind::INSTALL_NET_SERVER,
        "the database comes before every other component",
        GUIDE,
    ),
    rule(
        "rule 13",
        Explains::Both,
        kind::UPGRADE_NET_SERVER,
        kind::UPGRADE_SERVICE,
        "the NetServer that Service uses comes before Service",
        GUIDE,
    ),
    rule(
        "rule 13",
        Explains::After,
        kind::UPGRADE_NET_SERVER,
        kind::START_NET_SERVER,
        "only the new NetServer may meet the new database",
        RELEASE_NOTES,
    ),
    rule(
        "rule 13",
        Explains::After,
        kind::INSTALL_NET_SERVER,
        kind::START_NET_SERVER,
        "only the new NetServer may meet the new database",
        RELEASE_NOTES,
    ),
    rule(
        "rule 13",
        Explains::Both,
        kind::REACH_NET_SERVER,
        kind::POINT_TO_NET_SERVER,
        "Service is pointed to a NetServer once that one has answered over HTTP from the Service node itself",
        SERVICE,
    ),
    rule(
        "rule 13",
        Explains::Both,
        kind::POINT_TO_NET_SERVER,
        kind::RUN_UPGRADE_EXE,
        "upgrade.exe connects to the NetServer that Service's config names",
        SERVICE,
    ),
    rule(
        "rule 13",
        Explains::Before,
        kind::POINT_TO_NET_SERVER,
        kind::START_SERVICE_POOL,
        "Service's programs read the address of NetServer when they start",
        SERVICE_GUIDE,
    ),
    rule(
        "one NetServer",
        Explains::After,
        kind::VERIFY_SITE,
        kind::REMOVE_NET_SERVER,
        "a NetServer that has served is removed once the site is proven without it",
        NET_SERVER,
    ),
];
