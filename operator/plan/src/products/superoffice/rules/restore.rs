//! The order of a restore.

use super::super::steps::kind;
use super::{DBSETUP, SAFETY, SERVICE_GUIDE, rule};
use crate::products::{Explains, Rule};

/// Every ordering rule that concerns only a restore.
pub(super) const RULES: &[Rule] = &[
    rule(
        "restore",
        Explains::Before,
        kind::CHECK_SET,
        kind::NOTICE,
        "a set that is not what was recorded brings nothing back",
        SAFETY,
    ),
    rule(
        "restore",
        Explains::Before,
        kind::SEE_NOTHING_RUNS,
        kind::NOTICE,
        "a program of the halted change would write into what comes back",
        SAFETY,
    ),
    rule(
        "rule 10",
        Explains::After,
        kind::PROVE_ALONE,
        kind::RESTORE_DATABASE,
        "nobody may be connected to a database that is overwritten",
        DBSETUP,
    ),
    rule(
        "restore",
        Explains::Both,
        kind::RESTORE_DATABASE,
        kind::RESTORE_FILES,
        "a restored old database needs the old programs: both come back, the database first",
        DBSETUP,
    ),
    rule(
        "restore",
        Explains::After,
        kind::RESTORE_FILES,
        kind::START_NET_SERVER,
        "only programs of its own release may meet the database",
        DBSETUP,
    ),
    rule(
        "restore",
        Explains::After,
        kind::RESTORE_FILES,
        kind::START_SERVICE_POOL,
        "only programs of its own release may meet the database",
        DBSETUP,
    ),
    rule(
        "restore",
        Explains::After,
        kind::START_NET_SERVER,
        kind::START_SERVICE_POOL,
        "Service works through NetServer",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 22",
        Explains::After,
        kind::START_SERVICE_POOL,
        kind::FLUSH_CACHES,
        "what came back in the database is read again by the flush",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 28",
        Explains::After,
        kind::RESTORE_FILES,
        kind::VERIFY_VERSIONS,
        "every part shows the release of the set before users return",
        DBSETUP,
    ),
];
