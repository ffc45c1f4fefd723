//! The order of a change that finishes what other hands began.

use super::super::steps::kind;
use super::{CONFIG, DBSETUP, JOBS, SAFETY, rule};
use crate::products::{Explains, Rule};

/// Every ordering rule that concerns only a half-done site.
pub(super) const RULES: &[Rule] = &[
    rule(
        "rule 27",
        Explains::Before,
        kind::STOP_OLD,
        kind::FETCH_MEDIA,
        "old programs crash on a new schema and write what it does not know: they stop before anything else",
        "vendor: release notes 8.5",
    ),
    rule(
        "rule 27",
        Explains::Before,
        kind::STOP_OLD,
        kind::PREFLIGHT,
        "old programs crash on a new schema and write what it does not know: they stop before anything else",
        "vendor: release notes 8.5",
    ),
    rule(
        "consent",
        Explains::Before,
        kind::NOTICE,
        kind::STOP_SECOND_SCHEDULER,
        "people decide before anything is stopped for good",
        SAFETY,
    ),
    rule(
        "consent",
        Explains::Before,
        kind::NOTICE,
        kind::VERIFY_VERSIONS,
        "people decide before anything is opened",
        SAFETY,
    ),
    rule(
        "rule 19",
        Explains::Before,
        kind::STOP_SECOND_SCHEDULER,
        kind::STOP_SCHEDULER,
        "two schedulers both fetch and send mail: the second one goes first",
        "vendor: upgrade to 8.1, move-crm-server",
    ),
    rule(
        "rule 19",
        Explains::Before,
        kind::STOP_SECOND_SCHEDULER,
        kind::VERIFY_VERSIONS,
        "two schedulers both fetch and send mail: one is left before anything is opened",
        JOBS,
    ),
    rule(
        "rule 8",
        Explains::Before,
        kind::FREEZE,
        kind::BACK_UP_DATABASE,
        "Service is frozen before anything of it is kept or changed",
        CONFIG,
    ),
    rule(
        "rule 16",
        Explains::After,
        kind::VERIFY_BACKUP,
        kind::RUN_UPGRADE_EXE,
        "upgrade.exe changes the data for good: what stands there half done is kept first",
        DBSETUP,
    ),
    rule(
        "rule 10",
        Explains::Both,
        kind::VERIFY_BACKUP,
        kind::UPGRADE_WEB,
        "what stands there half done is kept before it is changed",
        DBSETUP,
    ),
    rule(
        "rule 10",
        Explains::Both,
        kind::VERIFY_BACKUP,
        kind::UPGRADE_SERVICE,
        "what stands there half done is kept before it is changed",
        DBSETUP,
    ),
    rule(
        "rule 10",
        Explains::Both,
        kind::VERIFY_BACKUP,
        kind::START_NET_SERVER,
        "nobody writes while the set is taken",
        DBSETUP,
    ),
    rule(
        "rule 8",
        Explains::Before,
        kind::VERIFY_VERSIONS,
        kind::START_SCHEDULER,
        "what is put to work again shows one release",
        CONFIG,
    ),
];
