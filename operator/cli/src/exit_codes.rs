//! What the exit codes mean, in one place. README and guides carry the same text; a test compares them.

/// The help topic.
pub const TEXT: &str = "\
code  meaning
0     what was asked for is there: a plan, a site as declared, a decision that is recorded, no drift, a goal reached
1     it is not, and the output says why: no plan, no such site, drift, nothing to approve, nobody said yes
2     the command line or a file is wrong
3     the change was taken back, or the site restored from its backup (sandbox run, status --watch)
4     halted: nothing goes on until a person acts (sandbox run, status --watch)
5     waiting for a person (sandbox run, status --watch --until-person); it cannot be told (drift)
6     an invariant of safety was violated: a fault of the operator (sandbox run, start)
7     the cluster did not answer, or does not let you ask
";
