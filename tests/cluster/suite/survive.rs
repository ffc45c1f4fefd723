//! Stories on the real API server: simulated machines, SQL and people, the shipping controller and agents, and nothing of
//! our model of the API. Undisturbed, and with everything that may befall a cluster in mid-change: each of these ends as the
//! undisturbed one does, or in a stop that has a name.

mod stories;
