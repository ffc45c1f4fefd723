//! The order of a move of Web and Service to one host.

use super::{Explains, MOVE, ONE_DOMAIN, Rule, SAFETY, kind, rule};

const OLD_SERVICE: &str = "vendor: upgrade to 8.1, using the old Service domain";
const NEW_DOMAIN: &str = "vendor: upgrade to 8.1, using a new domain";

const DATABASE_FIRST: &str = "the database comes before every other component";
const BEFORE_UPGRADE_EXE: &str = "upgrade.exe is run for the new host, and works with what names it";
const ONE_SCHEDULER: &str = "two schedulers both fetch and send mail: the former instance is stopped and frozen first";
const NOBODY_READS: &str = "the database names the new address when nobody works with the former one any more";

/// Every ordering rule that concerns a move.
pub(super) const RULES: &[Rule] = &[
    rule(
        "rule 2",
        Explains::After,
        kind::PREFLIGHT,
        kind::CONSIDER_REDIRECTS,
        "what a machine can refuse comes before a person is asked",
        SAFETY,
    ),
    rule(
        "consent",
        Explains::Before,
        kind::CONSIDER_REDIRECTS,
        kind::NOTICE,
        "people decide what becomes of the former address before users feel anything",
        ONE_DOMAIN,
    ),
    rule("rule 11", Explains::Both, kind::UPGRADE_DATABASE, kind::MOVE_WEB, DATABASE_FIRST, ONE_DOMAIN),
    rule("rule 11", Explains::Both, kind::UPGRADE_DATABASE, kind::MOVE_SERVICE, DATABASE_FIRST, ONE_DOMAIN),
    rule("rule 19", Explains::Both, kind::STOP_SCHEDULER, kind::MOVE_SERVICE, ONE_SCHEDULER, MOVE),
    rule("rule 19", Explains::Both, kind::FREEZE, kind::MOVE_SERVICE, ONE_SCHEDULER, MOVE),
    rule(
        "shared NetServer",
        Explains::Both,
        kind::UPGRADE_WEB,
        kind::MOVE_SERVICE,
        "Service uses the NetServer inside Web, so Web goes first",
        "vendor: upgrade to 8.1, using the old Sales domain",
    ),
    rule(
        "one domain",
        Explains::After,
        kind::MOVE_SERVICE,
        kind::MOVE_WEB,
        "the installer of Service makes the IIS site on which Web is installed",
        NEW_DOMAIN,
    ),
    rule(
        "shared NetServer",
        Explains::Both,
        kind::MOVE_WEB,
        kind::UPGRADE_SERVICE,
        "Service uses the NetServer inside Web, so Web goes first",
        super::SERVICE_GUIDE,
    ),
    rule(
        "rule 13",
        Explains::After,
        kind::MOVE_WEB,
        kind::START_NET_SERVER,
        "only the new NetServer may meet the new database",
        "vendor: release notes 8.5",
    ),
    rule(
        "one domain",
        Explains::After,
        kind::MOVE_SERVICE,
        kind::MOVE_CONFIG,
        "the installer makes the folder, then what belongs to the customer is carried over",
        MOVE,
    ),
    rule(
        "one domain",
        Explains::After,
        kind::UPGRADE_SERVICE,
        kind::MOVE_CONFIG,
        "an installer may write the files anew that a person changes",
        MOVE,
    ),
    rule(
        "one domain",
        Explains::After,
        kind::MOVE_WEB,
        kind::MOVE_CONFIG,
        "Service is pointed to the NetServer of Web where it is now",
        OLD_SERVICE,
    ),
    rule("rule 11", Explains::After, kind::UPGRADE_DATABASE, kind::SET_ADDRESS, NOBODY_READS, MOVE),
    rule("rule 11", Explains::After, kind::UPGRADE_DATABASE, kind::SET_INTERNAL_ADDRESS, NOBODY_READS, MOVE),
    rule("rule 11", Explains::After, kind::UPGRADE_DATABASE, kind::SET_WWW_PATH, NOBODY_READS, MOVE),
    rule("rule 11", Explains::After, kind::UPGRADE_DATABASE, kind::MOVE_PATHS, NOBODY_READS, MOVE),
    rule("rule 11", Explains::After, kind::UPGRADE_DATABASE, kind::REPLACE_ADDRESSES, NOBODY_READS, MOVE),
    rule(
        "one domain",
        Explains::After,
        kind::MOVE_SERVICE,
        kind::SET_ADDRESS,
        "Service is told its new address once it is there",
        MOVE,
    ),
    rule(
        "one domain",
        Explains::After,
        kind::MOVE_CONFIG,
        kind::MOVE_PATHS,
        "the database is told folders that exist",
        MOVE,
    ),
    rule(
        "one domain",
        Explains::After,
        kind::SET_ADDRESS,
        kind::REPLACE_ADDRESSES,
        "the address itself is changed before the texts that name it",
        MOVE,
    ),
    rule("rule 16", Explains::After, kind::MOVE_SERVICE, kind::RUN_UPGRADE_EXE, BEFORE_UPGRADE_EXE, NEW_DOMAIN),
    rule("one domain", Explains::Before, kind::MOVE_CONFIG, kind::REACH_NET_SERVER, BEFORE_UPGRADE_EXE, OLD_SERVICE),
    rule("one domain", Explains::Before, kind::MOVE_CONFIG, kind::RUN_UPGRADE_EXE, BEFORE_UPGRADE_EXE, NEW_DOMAIN),
    rule("one domain", Explains::Before, kind::SET_ADDRESS, kind::RUN_UPGRADE_EXE, BEFORE_UPGRADE_EXE, NEW_DOMAIN),
    rule(
        "one domain",
        Explains::Before,
        kind::SET_INTERNAL_ADDRESS,
        kind::RUN_UPGRADE_EXE,
        BEFORE_UPGRADE_EXE,
        NEW_DOMAIN,
    ),
    rule("one domain", Explains::Before, kind::SET_WWW_PATH, kind::RUN_UPGRADE_EXE, BEFORE_UPGRADE_EXE, NEW_DOMAIN),
    rule("one domain", Explains::Before, kind::MOVE_PATHS, kind::RUN_UPGRADE_EXE, BEFORE_UPGRADE_EXE, NEW_DOMAIN),
    rule(
        "one domain",
        Explains::Before,
        kind::REPLACE_ADDRESSES,
        kind::RUN_UPGRADE_EXE,
        BEFORE_UPGRADE_EXE,
        NEW_DOMAIN,
    ),
];
