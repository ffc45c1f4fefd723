//! The agent of one Windows server.

pub mod host;
