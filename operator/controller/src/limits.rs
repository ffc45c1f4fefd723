//! Every limit of the controller, with its unit and the reason for the number.

use std::time::Duration;

/// One call to the API server. A lost answer must not hold a round for longer; kube's own retries alone could take
/// minutes.
pub(crate) const API_CALL: Duration = Duration::from_secs(30);
/// Objects per page of a list. A page is held as a whole while it is read, and a change of a large site has 100 KiB: the
/// largest page has 5 MiB, and few lists are read at once.
pub(crate) const LIST_PAGE: u32 = 50;
/// Pages per list. A list that is longer is not a fleet that one controller can serve.
pub(crate) const LIST_PAGES_MAX: u32 = 2_000;

/// A site is looked at this often even if nothing calls for it: the freshness of its facts must be judged again, and a
/// watch may have lost an event.
pub(crate) const REST_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// No decision about one site follows another sooner, whatever the plan asks for.
pub(crate) const ROUND_GAP: Duration = Duration::from_secs(1);
/// Events that belong together (record, order, status) arrive within this time and make one round, not three.
pub(crate) const DEBOUNCE: Duration = Duration::from_millis(100);
/// Sites that are worked on at once: enough that one slow database delays nobody, few enough for one small pod.
pub(crate) const ROUNDS_AT_ONCE: usize = 8;

/// First wait after a failure; doubled with every further one.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// Longest wait after a failure.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// A term lasts this long before it is given up because a node obeys a higher epoch. Whoever holds the token of one node and
/// names ever higher ones holds up the sites of that node, and all others for a moment once in this time.
pub(crate) const TERM_MIN: Duration = Duration::from_secs(60);

/// The server ends a watch after this many seconds, and it is opened again.
pub(crate) const WATCH_SECONDS: u32 = 290;
/// A watch that says nothing for this long hangs: the server should have ended it.
pub(crate) const WATCH_SILENCE: Duration = Duration::from_secs(300);
/// Sightings that wait to be looked at. Past it the watches wait: they only wake, nothing is lost.
pub(crate) const SIGHTINGS_MAX: usize = 1024;

/// Logging in to a database.
pub(crate) const DATABASE_CONNECT: Duration = Duration::from_secs(30);
/// Reading all facts of a database. A dozen short questions; past it the database counts as unreadable this time.
pub(crate) const DATABASE_READ: Duration = Duration::from_secs(60);
/// How often a running backup is looked at.
pub(crate) const BACKUP_POLL: Duration = Duration::from_secs(15);

/// Giving the Lease back at the end. A process that is told to end must be gone within seconds; without an answer the
/// Lease ends by itself.
pub(crate) const GIVE_BACK: Duration = Duration::from_secs(3);

/// Posting one notice. A receiver that takes longer is asked again later.
pub(crate) const NOTICE_POST: Duration = Duration::from_secs(20);

/// Longest note of an event, in bytes (the API server's own limit).
pub(crate) const NOTE_BYTES_MAX: usize = 1024;
/// Longest object name inside an event's name, so that the whole is a valid name.
pub(crate) const EVENT_NAME_BYTES_MAX: usize = 200;
