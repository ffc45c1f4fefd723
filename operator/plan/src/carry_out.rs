//! The agent's half of deciding: order, journal and probe answers in, the next thing to do out.
