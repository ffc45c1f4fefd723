//! Faults that a runner sets before a run. Each states what comes of it in the world; what comes of it in the operator
//! is for the tests to say.

/// A fault of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorldFault {
    /// An installer shows a window that nobody sees.
    InstallerHangs,
    /// An installer ends with success and has done nothing.
    ExitZeroWithoutEffect,
    /// An installer ends with an error and has done everything.
    ExitOneWithEffect,
    /// `upgrade.exe` fails in the midst of good output.
    ExceptionInMain,
    /// Windows restarts in the middle of a vendor program.
    RebootInMidStep,
    /// Somebody ends a vendor program in the task manager.
    EndedInMidStep,
    /// The backup share is full.
    DiskFullDuringBackup,
    /// The backup file is damaged after it was written.
    BackupTruncated,
    /// A page of the database is damaged, and goes into the backup as it is.
    DamagedPage,
    /// A report server holds a session.
    ForeignSession,
    /// The Service installer takes the first instance that the registry lists, whichever was chosen.
    TakesFirstInstance,
}

impl WorldFault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::InstallerHangs,
        Self::ExitZeroWithoutEffect,
        Self::ExitOneWithEffect,
        Self::ExceptionInMain,
        Self::RebootInMidStep,
        Self::EndedInMidStep,
        Self::DiskFullDuringBackup,
        Self::BackupTruncated,
        Self::DamagedPage,
        Self::ForeignSession,
        Self::TakesFirstInstance,
    ];

    /// Its name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InstallerHangs => "installer-hangs",
            Self::ExitZeroWithoutEffect => "exit-zero-without-effect",
            Self::ExitOneWithEffect => "exit-one-with-effect",
            Self::ExceptionInMain => "exception-in-main",
            Self::RebootInMidStep => "reboot-in-mid-step",
            Self::EndedInMidStep => "ended-in-mid-step",
            Self::DiskFullDuringBackup => "disk-full-during-backup",
            Self::BackupTruncated => "backup-truncated",
            Self::DamagedPage => "damaged-page",
            Self::ForeignSession => "foreign-session",
            Self::TakesFirstInstance => "takes-first-instance",
        }
    }

    /// What it does to the world.
    #[must_use]
    pub fn outcome(self) -> &'static str {
        match self {
            Self::InstallerHangs => "the first run never ends and changes nothing until a person ends its process",
            Self::ExitZeroWithoutEffect => {
                "the first run ends with exit code 0 after its usual time and changes nothing"
            }
            Self::ExitOneWithEffect => "the first run does all its work and ends with exit code 1",
            Self::ExceptionInMain => {
                "the first run of upgrade.exe prints `Exception caught in main()` amid good output, records no version, \
                 and goes on printing"
            }
            Self::RebootInMidStep => "Windows restarts half-way through the first run; a part of its work stays",
            Self::EndedInMidStep => {
                "somebody ends the first run in the task manager half-way; a part of its work stays"
            }
            Self::DiskFullDuringBackup => "the first backup ends with SQL Server error 3202 and leaves a broken file",
            Self::BackupTruncated => "the first backup file loses its end after it was written; its check finds damage",
            Self::DamagedPage => {
                "the first backup holds a damaged page whose checksum fits: it reads to its end, and only DBCC CHECKDB on a \
                 restored copy finds it"
            }
            Self::ForeignSession => "a session of REPORTSRV (Crystal Reports) stays until a person ends it",
            Self::TakesFirstInstance => {
                "the first run of the Service installer works on the first instance that the registry lists, whichever was \
                 chosen"
            }
        }
    }

    /// The fault of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Whether it strikes once only: the natural case, since a second try finds the machine well.
    #[must_use]
    pub fn strikes_once(self) -> bool {
        self != Self::ForeignSession
    }
}

impl std::str::FromStr for WorldFault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::named(name).ok_or_else(|| UnknownFault { name: name.to_owned() })
    }
}

/// There is no fault of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no fault is called {name}; there are installer-hangs, exit-zero-without-effect, exit-one-with-effect, \
     exception-in-main, reboot-in-mid-step, ended-in-mid-step, disk-full-during-backup, backup-truncated, damaged-page, \
     foreign-session and takes-first-instance"
)]
pub struct UnknownFault {
    /// What was asked for.
    pub name: String,
}

/// Faults that wait for their moment.
#[derive(Default)]
pub(crate) struct Faults {
    armed: Vec<(WorldFault, Option<String>)>,
}

impl Faults {
    pub(crate) fn arm(&mut self, fault: WorldFault, at: Option<String>) {
        self.armed.push((fault, at));
    }

    /// Whether the fault strikes at one of these places (component word, program name); it is spent where it strikes once.
    pub(crate) fn strikes(&mut self, fault: WorldFault, places: &[&str]) -> bool {
        let here = |at: &Option<String>| match at {
            None => true,
            Some(at) => places.iter().any(|place| place.eq_ignore_ascii_case(at)),
        };
        let Some(index) = self.armed.iter().position(|(armed, at)| *armed == fault && here(at)) else {
            return false;
        };
        if fault.strikes_once() {
            self.armed.remove(index);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_its_name_and_the_error_names_them_all() {
        let error = "tea-break".parse::<WorldFault>().unwrap_err().to_string();
        for fault in WorldFault::ALL {
            assert_eq!(fault.name().parse(), Ok(fault));
            assert!(error.contains(fault.name()), "{error}");
        }
    }

    #[test]
    fn a_fault_bound_to_a_component_spares_the_others_and_strikes_once() {
        let mut faults = Faults::default();
        faults.arm(WorldFault::InstallerHangs, Some("Service".to_owned()));
        assert!(!faults.strikes(WorldFault::InstallerHangs, &["Web", "Setup.exe"]));
        assert!(faults.strikes(WorldFault::InstallerHangs, &["service", "SuperOffice.CustomerService.exe"]));
        assert!(!faults.strikes(WorldFault::InstallerHangs, &["service"]));
    }
}
