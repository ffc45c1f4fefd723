//! The order of what takes FastCGI handlers away.

use super::{Explains, Rule, SAFETY, SERVICE_GUIDE, kind, rule};

/// Every ordering rule that concerns the removal of handlers.
pub(super) const RULES: &[Rule] = &[
    rule(
        "rule 20",
        Explains::After,
        kind::FLUSH_CACHES,
        kind::REMOVE_HANDLERS,
        "handlers go after the last link that needs them was made: links end in .exe, and Service has read that again",
        SERVICE_GUIDE,
    ),
    rule(
        "rule 20",
        Explains::After,
        kind::LINK_FAST_CGI,
        kind::REMOVE_HANDLERS,
        "handlers go after links end in .exe",
        SERVICE_GUIDE,
    ),
    rule(
        "backup",
        Explains::Both,
        kind::BACK_UP_IIS,
        kind::REMOVE_HANDLERS,
        "what IIS had is written down before any of it is taken away",
        SAFETY,
    ),
    rule("rule 28", Explains::After, kind::REMOVE_HANDLERS, kind::VERIFY_SITE, "done only if IIS shows it", SAFETY),
];
