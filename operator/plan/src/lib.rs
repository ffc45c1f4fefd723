//! Decisions, pure: no async, no clock, no I/O, no randomness, no logging.

pub mod carry_out;
pub mod evidence;
