//! Which machine a node is: the first one that reports. A server that was copied has the same name, files and token as the
//! first, and must not carry out a single order of it.

use crm_api::node::CrmNodeStatus;

/// Who this agent is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Me {
    /// What tells this machine from a copy of it; empty where the machine cannot tell.
    pub(crate) machine: String,
    /// Uid of the ServiceAccount as which it speaks; empty where it speaks as somebody else.
    pub(crate) account: String,
}

/// Whose a node is, by its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// This machine's.
    Mine,
    /// Nobody's yet, as far as this identity goes: whoever reports first, stays. Enrolled anew, a server begins anew.
    Open,
    /// Another machine's, under the same identity.
    Another,
}

impl Me {
    /// Whose the node is. Only [`Standing::Mine`] carries out orders; [`Standing::Another`] does not even report.
    pub(crate) fn standing(&self, status: &CrmNodeStatus) -> Standing {
        if status.machine.is_empty() || status.account != self.account {
            return Standing::Open;
        }
        if status.machine == self.machine { Standing::Mine } else { Standing::Another }
    }

    /// Whether an order that was begun may go on before the node's object was read: only where this very machine began it.
    pub(crate) fn goes_on(&self, began: Option<&str>) -> bool {
        !self.machine.is_empty() && began == Some(self.machine.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{CrmNodeStatus, Me, Standing};

    #[test]
    fn the_first_machine_stays_until_its_identity_is_made_anew() {
        let me = |machine: &str, account: &str| Me { machine: machine.to_owned(), account: account.to_owned() };
        let status = |machine: &str, account: &str| CrmNodeStatus {
            machine: machine.to_owned(),
            account: account.to_owned(),
            ..CrmNodeStatus::default()
        };
        for (who, says, standing) in [
            (me("m1", "a1"), status("", ""), Standing::Open),
            (me("m1", "a1"), status("m1", "a1"), Standing::Mine),
            (me("m2", "a1"), status("m1", "a1"), Standing::Another),
            (me("m2", "a2"), status("m1", "a1"), Standing::Open),
            (me("m1", "a2"), status("m1", "a1"), Standing::Open),
            // A machine that cannot tell itself from a copy never acts.
            (me("", "a1"), status("", "a1"), Standing::Open),
            (me("", "a1"), status("m1", "a1"), Standing::Another),
        ] {
            assert_eq!(who.standing(&says), standing, "{who:?} {says:?}");
        }
        assert!(me("m1", "a1").goes_on(Some("m1")));
        assert!(!me("m1", "a1").goes_on(Some("m2")) && !me("m1", "a1").goes_on(None) && !me("", "").goes_on(Some("")));
    }
}
