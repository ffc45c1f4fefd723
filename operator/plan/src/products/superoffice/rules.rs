//! The order of a change as a table: what comes before what, why, and who says so. The planner sorts by it and gives
//! every step its reasons from it; nothing else decides the order. Ties go to the order in which steps are declared.
//!
//! Numbers are those of the vendor's rules as this project counts them; `operator/ARCHITECTURE.md` lists them.

mod clients;
mod correct;
mod fast_cgi;
mod forward;
mod install;
mod moving;
mod net_server;
mod restore;
mod until_backup;

use std::sync::LazyLock;

use crm_api::change::Purpose;

use super::steps::kind;
use crate::products::{Explains, Rule};

/// Every ordering rule that concerns a step of ours.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    [
        until_backup::RULES,
        FROM_THE_DATABASE_ON,
        fast_cgi::RULES,
        clients::RULES,
        net_server::RULES,
        install::RULES,
        moving::RULES,
        restore::RULES,
    ]
    .concat()
});
/// The same, with those that order a change that has not every step of a hop.
static FORWARD: LazyLock<Vec<Rule>> = LazyLock::new(|| [RULES.as_slice(), forward::RULES].concat());

/// The same, with those that order a correction.
static CORRECT: LazyLock<Vec<Rule>> = LazyLock::new(|| [RULES.as_slice(), correct::RULES].concat());

/// The rules of a change for a purpose.
pub fn of(purpose: Purpose) -> &'static [Rule] {
    match purpose {
        Purpose::Forward => &FORWARD,
        Purpose::Correct => &CORRECT,
        Purpose::Upgrade | Purpose::Configure | Purpose::Restore => &RULES,
    }
}

const fn rule(
    name: &'static str,
    explains: Explains,
    before: &'static str,
    after: &'static str,
    because: &'static str,
    source: &'static str,
) -> Rule {
    Rule { name, explains, before, after, because, source }
}

const GUIDE: &str = "vendor: upgrade 7.5 to 8, crm-server";
const SERVICE_GUIDE: &str = "vendor: upgrade Service";
const CONFIG: &str = "vendor: config/service";
const ONE_DOMAIN: &str = "vendor: upgrade to 8.1";
const MOVE: &str = "vendor: upgrade to 8.1, move-crm-server";
const JOBS: &str = "vendor: automated-tasks, ejournalcron";
const DBSETUP: &str = "vendor: install/database, dbsetup-exe";
const SAFETY: &str = "safety";

const FROM_THE_DATABASE_ON: &[Rule] = &[
    rule(
        "rule 11",
        Explains::Both,
        kind::UPGRADE_DATABASE,
        kind::UPGRADE_WEB,
        "the database comes before every other component",
        GUIDE,
    ),
    rule(
        "rule 11",
        Explains::Both,
        kind::UPGRADE_DATABASE,
        kind::UPGRADE_SERVICE,
        "the database comes before every other component",
        GUIDE,
    ),
    rule(
        "Web first",
        Explains::Both,
        kind::UPGRADE_WEB,
        kind::UPGRADE_SERVICE,
        "Service may use the NetServer inside Web, so Web goes first",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 13",
        Explains::After,
        kind::UPGRADE_WEB,
        kind::START_NET_SERVER,
        "only the new NetServer may meet the new database",
        "vendor: release notes 8.5",
    ),
    rule(
        "rule 13",
        Explains::After,
        kind::START_NET_SERVER,
        kind::REACH_NET_SERVER,
        "NetServer has to answer over HTTP from the Service node itself",
        "vendor: install/service",
    ),
    rule(
        "rule 13",
        Explains::Before,
        kind::REACH_NET_SERVER,
        kind::RUN_UPGRADE_EXE,
        "Service's upgrade.exe connects to NetServer",
        "vendor: install/service",
    ),
    rule(
        "rule 16",
        Explains::After,
        kind::UPGRADE_SERVICE,
        kind::RUN_UPGRADE_EXE,
        "Service files come before upgrade.exe, which must be run after every change of them, elevated, per instance",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 20",
        Explains::After,
        kind::RUN_UPGRADE_EXE,
        kind::START_SERVICE_POOL,
        "FastCGI handlers are mapped per program, and new programs may have come",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 20",
        Explains::After,
        kind::START_SERVICE_POOL,
        kind::LINK_FAST_CGI,
        "links end in .fcgi only after a .fcgi request was answered",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 22",
        Explains::After,
        kind::RUN_UPGRADE_EXE,
        kind::FLUSH_CACHES,
        "caches are flushed after upgrade.exe, or Service shows odd behaviour",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 22",
        Explains::After,
        kind::LINK_FAST_CGI,
        kind::FLUSH_CACHES,
        "what was set in the database is read again by the flush",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 22",
        Explains::Before,
        kind::FLUSH_CACHES,
        kind::UNFREEZE,
        "caches are flushed before users return",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 28",
        Explains::After,
        kind::FLUSH_CACHES,
        kind::VERIFY_VERSIONS,
        "the flush counts among the evidence",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 28",
        Explains::After,
        kind::RUN_UPGRADE_EXE,
        kind::VERIFY_VERSIONS,
        "every part shows the new release before users return",
        "vendor: all components at the same version",
    ),
    rule(
        "rule 28",
        Explains::After,
        kind::UPGRADE_DATABASE,
        kind::VERIFY_VERSIONS,
        "every part shows the new release before users return",
        "vendor: all components at the same version",
    ),
    rule(
        "rule 28",
        Explains::After,
        kind::VERIFY_VERSIONS,
        kind::VERIFY_SITE,
        "the site as a whole is proven after each of its parts",
        SAFETY,
    ),
    rule(
        "rule 8",
        Explains::Both,
        kind::VERIFY_VERSIONS,
        kind::UNFREEZE,
        "the site opens only after it was verified",
        CONFIG,
    ),
    rule(
        "rule 8",
        Explains::After,
        kind::UNFREEZE,
        kind::START_WRITERS,
        "what was stopped starts in reverse order",
        MOVE,
    ),
    rule(
        "rule 7",
        Explains::After,
        kind::UNFREEZE,
        kind::START_SCHEDULER,
        "the scheduler starts last: it writes at once",
        MOVE,
    ),
    rule(
        "rule 7",
        Explains::After,
        kind::START_WRITERS,
        kind::START_SCHEDULER,
        "the scheduler starts last: it writes at once",
        MOVE,
    ),
    rule(
        "rule 28",
        Explains::After,
        kind::START_SCHEDULER,
        kind::VERIFY_SITE,
        "done only if nothing is frozen and the scheduler gives fresh signs of life",
        "vendor: config/service",
    ),
    rule(
        "rule 28",
        Explains::After,
        kind::LINK_FAST_CGI,
        kind::VERIFY_SITE,
        "done only if the database shows it",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 28",
        Explains::After,
        kind::FLUSH_CACHES,
        kind::VERIFY_SITE,
        "the flush counts among the evidence",
        SERVICE_GUIDE,
    ),
];
