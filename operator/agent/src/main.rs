//! `crm-agent`: the agent as a process. Everything that it does is in the library; this is the door.

use std::process::ExitCode;

fn main() -> ExitCode {
    crm_agent::program::main()
}
