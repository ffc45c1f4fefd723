//! What CrmSetup prints (vendor: install/database, crmsetup-and-crmtask). Its words prove nothing: the database does. But a
//! run that did not say that it succeeded is named beside that proof.

use crm_api::change::{Executor, Step};
use crm_api::order::Action;

use super::layout::CRM_SETUP;

const UPGRADED: &str = "upgrade completed successfully";
const NOTHING_PENDING: &str = "no pending upgrades";
const INSPECTED: &str = "database inspection completed successfully";
/// Before and behind the number of upgrades that an inspection found.
const PENDING: (&str, &str) = ("found ", " pending upgrades");
/// What an agent writes before the end of a program's output. Where it is missing, nobody has seen any.
const OUTPUT: &str = "output ends:";

/// What an output says in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The upgrade is complete.
    Upgraded,
    /// There was nothing to upgrade: what a second run says.
    NothingPending,
    /// The database was looked at, and so many upgrades are pending, where it said how many.
    Inspected {
        /// How many.
        pending: Option<u32>,
    },
    /// Nothing of that.
    Nothing,
}

impl Said {
    /// Whether an upgrade says with this that it succeeded.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Upgraded | Self::NothingPending)
    }
}

/// Reads an output. The last line that says how it ended counts: a run that is repeated prints after the one before.
#[must_use]
pub fn read(output: &str) -> Said {
    let mut pending = None;
    let mut said = Said::Nothing;
    for line in output.lines().map(str::to_lowercase) {
        if let Some(number) = pending_in(&line) {
            pending = Some(number);
        } else if line.contains(UPGRADED) {
            said = Said::Upgraded;
        } else if line.contains(NOTHING_PENDING) {
            said = Said::NothingPending;
        } else if line.contains(INSPECTED) {
            said = Said::Inspected { pending };
        }
    }
    said
}

/// The number in `Found 269 pending upgrades`.
fn pending_in(line: &str) -> Option<u32> {
    let (before, _) = line.split_once(PENDING.1)?;
    let (_, number) = before.rsplit_once(PENDING.0)?;
    number.trim().parse().ok()
}

/// What has to be named where a step ended with its evidence: that its CrmSetup did not say so.
#[must_use]
pub fn silent_about_success(step: &Step, message: &str) -> Option<String> {
    let Executor::Agent { actions } = &step.executor else { return None };
    let runs =
        |action: &Action| matches!(action, Action::RunInstaller { program, .. } if program.starts_with(CRM_SETUP));
    let (_, output) = message.split_once(OUTPUT).filter(|_| actions.iter().any(runs))?;
    (!read(output).is_success()).then(|| {
        format!(
            "{}: CrmSetup did not print \"Upgrade completed successfully\", and the database shows the new release all the same; read what it printed before the next change",
            step.id
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_vendor_documents_is_recognised() {
        let inspection = "Found a SuperOfficeCdd database\r\nFound 269 pending upgrades\r\n\
                          Database inspection completed successfully\r\n";
        for (output, said) in [
            ("Step 3 of 3\r\nUpgrade completed successfully\r\n", Said::Upgraded),
            ("12:00:01 INFO Upgrade completed successfully.", Said::Upgraded),
            ("No pending upgrades\n", Said::NothingPending),
            (inspection, Said::Inspected { pending: Some(269) }),
            ("Database inspection completed successfully", Said::Inspected { pending: None }),
            ("", Said::Nothing),
            ("Upgrade failed: licence server was not reached", Said::Nothing),
            ("Found many pending upgrades", Said::Nothing),
        ] {
            assert_eq!(read(output), said, "{output:?}");
        }
        assert!(!read(inspection).is_success(), "to have looked is not to have upgraded");
    }

    #[test]
    fn a_later_run_counts() {
        assert_eq!(read("Upgrade completed successfully\nNo pending upgrades"), Said::NothingPending);
    }

    proptest! {
        #[test]
        fn whatever_is_printed_around_it_the_last_word_counts(before in ".{0,80}", after in "[a-z0-9 ]{0,40}") {
            let output = format!("{before}\nUpgrade completed successfully\r\n{after}");
            let other = ["pending upgrades", "completed successfully"].iter().any(|words| after.contains(words));
            prop_assert!(other || read(&output) == Said::Upgraded, "{output:?}");
        }

        #[test]
        fn no_number_is_made_up(output in "\\PC{0,200}") {
            if let Said::Inspected { pending: Some(number) } = read(&output) {
                prop_assert!(output.contains(&number.to_string()));
            }
        }
    }
}
