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

use std::sync::LazyLock;

use crm_api::change::Purpose;

use super::steps::kind;
use crate::products::{Explains, Rule};

/// Every ordering rule that concerns a step of ours.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    [UPGRADE, fast_cgi::RULES, clients::RULES, net_server::RULES, install::RULES, moving::RULES, restore::RULES]
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

const UPGRADE: &[Rule] = &[
    rule(
        "rule 4",
        Explains::Before,
        kind::FETCH_MEDIA,
        kind::PREFLIGHT,
        "packages are on every node and checked before anything is decided; nothing is downloaded while users are out",
        "vendor: install/server",
    ),
    rule(
        "rule 2",
        Explains::Before,
        kind::PREFLIGHT,
        kind::NOTICE,
        "refusals come before anything is frozen: a refused upgrade wastes a window",
        "vendor: database tables, moduleowner",
    ),
    rule(
        "consent",
        Explains::Before,
        kind::NOTICE,
        kind::STOP_SCHEDULER,
        "people decide and users are told before users feel anything",
        SAFETY,
    ),
    rule(
        "consent",
        Explains::Before,
        kind::NOTICE,
        kind::STOP_WRITERS,
        "people decide and users are told before users feel anything",
        SAFETY,
    ),
    rule(
        "consent",
        Explains::Before,
        kind::NOTICE,
        kind::PROVE_ALONE,
        "people decide and users are told before users feel anything",
        SAFETY,
    ),
    rule(
        "consent",
        Explains::Before,
        kind::NOTICE,
        kind::RUN_UPGRADE_EXE,
        "people decide and users are told before users feel anything",
        SAFETY,
    ),
    rule(
        "consent",
        Explains::Both,
        kind::NOTICE,
        kind::LINK_FAST_CGI,
        "people decide and users are told before links change",
        SAFETY,
    ),
    rule(
        "rule 7",
        Explains::Before,
        kind::STOP_SCHEDULER,
        kind::FREEZE,
        "jobs write every minute: the scheduler and its children are gone before a freeze is trusted",
        JOBS,
    ),
    rule(
        "rule 7",
        Explains::Before,
        kind::STOP_SCHEDULER,
        kind::BACK_UP_DATABASE,
        "jobs write every minute: they are gone before the backup",
        JOBS,
    ),
    rule(
        "rule 8",
        Explains::After,
        kind::FREEZE,
        kind::STOP_WRITERS,
        "Service's users are out before its programs are stopped",
        CONFIG,
    ),
    rule(
        "rule 8",
        Explains::Before,
        kind::FREEZE,
        kind::UPGRADE_DATABASE,
        "Service is frozen before the schema changes",
        CONFIG,
    ),
    rule(
        "rule 9",
        Explains::Both,
        kind::STOP_WRITERS,
        kind::PROVE_ALONE,
        "an old NetServer crashes on a new schema: pools and batch server stop, then the database itself shows that nobody is left",
        "vendor: release notes 8.5",
    ),
    rule(
        "rule 9",
        Explains::After,
        kind::PROVE_ALONE,
        kind::BACK_UP_FILES,
        "all parts of a backup set are of one moment: nobody may write any more",
        DBSETUP,
    ),
    rule(
        "rule 9",
        Explains::Both,
        kind::PROVE_ALONE,
        kind::BACK_UP_DATABASE,
        "a backup taken while somebody writes is not of one moment",
        DBSETUP,
    ),
    rule(
        "backup",
        Explains::Both,
        kind::BACK_UP_IIS,
        kind::RUN_UPGRADE_EXE,
        "upgrade.exe changes the IIS configuration: it is exported first",
        SERVICE_GUIDE,
    ),
    rule(
        "backup",
        Explains::Both,
        kind::BACK_UP_ATTACHMENTS,
        kind::RUN_UPGRADE_EXE,
        "upgrade.exe moves attachments: the store is backed up as it was before any is moved",
        SERVICE_GUIDE,
    ),
    rule(
        "backup",
        Explains::After,
        kind::LIST_ATTACHMENTS,
        kind::BACK_UP_ATTACHMENTS,
        "the list of what lay there comes first: what people add while the store is copied is theirs",
        SAFETY,
    ),
    rule(
        "backup",
        Explains::Both,
        kind::LIST_ATTACHMENTS,
        kind::RUN_UPGRADE_EXE,
        "upgrade.exe moves attachments: which of them lies where is written down first",
        SERVICE_GUIDE,
    ),
    rule(
        "consent",
        Explains::Before,
        kind::NOTICE,
        kind::BACK_UP_IIS,
        "people decide and users are told before anything begins",
        SAFETY,
    ),
    rule(
        "rule 21",
        Explains::After,
        kind::BACK_UP_IIS,
        kind::LIST_ATTACHMENTS,
        "attachments may be moved at any time after the upgrade, while the site is open",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 10",
        Explains::After,
        kind::BACK_UP_DATABASE,
        kind::RECORD_BACKUP,
        "size and hash of the backup are recorded where it lies",
        SAFETY,
    ),
    rule("rule 10", Explains::After, kind::BACK_UP_FILES, kind::VERIFY_BACKUP, "a set is proven as a whole", SAFETY),
    rule(
        "rule 10",
        Explains::After,
        kind::RECORD_BACKUP,
        kind::TEST_RESTORE,
        "what was recorded where it lies is what is restored to be checked",
        SAFETY,
    ),
    rule(
        "rule 10",
        Explains::Before,
        kind::TEST_RESTORE,
        kind::VERIFY_BACKUP,
        "a set counts as verified only after what the site declares for it was done",
        "Microsoft: RESTORE VERIFYONLY does not look into the structure of the data",
    ),
    rule("rule 10", Explains::After, kind::RECORD_BACKUP, kind::VERIFY_BACKUP, "a set is proven as a whole", SAFETY),
    rule(
        "rule 10",
        Explains::Both,
        kind::VERIFY_BACKUP,
        kind::UPGRADE_DATABASE,
        "there is no undo for a schema change but a verified backup",
        DBSETUP,
    ),
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
