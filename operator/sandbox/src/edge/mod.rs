//! What stands between the shipping code and the simulated world: who is alive, where somebody can be killed, and what
//! an agent was really doing. Nothing in here changes an answer; [`crate::plants`] does.

mod host;
mod life;
mod points;
mod sql;

pub(crate) use host::{AgentHost, Deeds};
pub(crate) use life::Lives;
pub(crate) use points::{Fate, Points};
pub use points::{KillPoint, Moment, PointNames};
pub(crate) use sql::ControllerSql;
