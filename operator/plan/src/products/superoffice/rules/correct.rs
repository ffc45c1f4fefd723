//! The order of a correction: a change that has hardly any of the steps of a hop.

use super::super::steps::kind;
use super::{CONFIG, JOBS, SAFETY, SERVICE_GUIDE, rule};
use crate::products::{Explains, Rule};

const TOLD: &str = "people are told, and asked where the site says so, before anything is put right";

/// Every ordering rule that concerns only a correction.
pub(super) const RULES: &[Rule] = &[
    rule("consent", Explains::Before, kind::NOTICE, kind::UNFREEZE, TOLD, SAFETY),
    rule("consent", Explains::Before, kind::NOTICE, kind::START_SCHEDULER, TOLD, SAFETY),
    rule("consent", Explains::Before, kind::NOTICE, kind::RESTART_SCHEDULER, TOLD, SAFETY),
    rule("consent", Explains::Before, kind::NOTICE, kind::LINK_FAST_CGI, TOLD, SAFETY),
    rule("consent", Explains::Before, kind::NOTICE, kind::RUN_UPGRADE_EXE, TOLD, SAFETY),
    rule("consent", Explains::Before, kind::NOTICE, kind::REMOVE_HANDLERS, TOLD, SAFETY),
    rule("consent", Explains::Before, kind::NOTICE, kind::POINT_TO_NET_SERVER, TOLD, SAFETY),
    rule(
        "rule 22",
        Explains::After,
        kind::POINT_TO_NET_SERVER,
        kind::FLUSH_CACHES,
        "what was written to config is read again by the flush",
        CONFIG,
    ),
    rule(
        "drift",
        Explains::Before,
        kind::UNFREEZE,
        kind::VERIFY_SITE,
        "nobody holds the site any more, and nobody can work in Service while the line stands",
        CONFIG,
    ),
    rule(
        "drift",
        Explains::Before,
        kind::START_SCHEDULER,
        kind::VERIFY_SITE,
        "without the scheduler no mail comes in or goes out",
        JOBS,
    ),
    rule(
        "drift",
        Explains::Before,
        kind::RESTART_SCHEDULER,
        kind::VERIFY_SITE,
        "the scheduler works every minute: one that runs and writes nothing hangs",
        JOBS,
    ),
    rule(
        "drift",
        Explains::Before,
        kind::LINK_FAST_CGI,
        kind::VERIFY_SITE,
        "links have the ending that was proven",
        SERVICE_GUIDE,
    ),
    rule(
        "drift",
        Explains::Before,
        kind::POINT_TO_NET_SERVER,
        kind::VERIFY_SITE,
        "Service works through the web services of its own release",
        CONFIG,
    ),
    rule("drift", Explains::Before, kind::REMOVE_HANDLERS, kind::VERIFY_SITE, "what was removed stays removed", SAFETY),
    rule(
        "drift",
        Explains::After,
        kind::NOTICE,
        kind::VERIFY_SITE,
        "a correction is done when what was proven is seen again",
        SAFETY,
    ),
];
