//! A sweep as plain text.

use std::fmt;

use super::{Difference, SweepReport};

impl fmt::Display for SweepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, seed {}: {} points ({} writes of the controller, {} deeds of agents)",
            self.scenario, self.seed, self.points, self.controller_writes, self.agent_deeds
        )?;
        writeln!(f, "equal        {:5}", self.equal)?;
        writeln!(f, "named stops  {:5}", self.named_stops)?;
        for (stop, times) in &self.stops {
            writeln!(f, "             {times:5} {stop}")?;
        }
        writeln!(f, "different    {:5}", self.different)?;
        for difference in &self.details {
            write!(f, "{difference}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}: {}", self.point, self.outcome)?;
        for (name, undisturbed, here) in &self.facts {
            writeln!(f, "  {name}: {undisturbed} undisturbed, {here} here")?;
        }
        for line in &self.story {
            writeln!(f, "    {line}")?;
        }
        Ok(())
    }
}
