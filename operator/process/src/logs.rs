//! The log: one JSON object per line for machines, or text for people, on standard error. Fields of the spans around an
//! event stand in its line as if they were its own, so that `site`, `node`, `change` and `step` are found in one place.

use std::io::{IsTerminal as _, Write};
use std::sync::Mutex;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::exit::Failure;

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object per line.
    Json,
    /// Text for people.
    Text,
}

/// What is logged, how, and where traces go.
#[derive(Clone, Debug, clap::Args)]
pub struct LogFlags {
    /// Form of the log on standard error: `json` (one object per line) or `text`
    #[arg(long, env = "CRM_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value = "json")]
    pub log_format: Format,
    /// What is logged: `error`, `warn`, `info`, `debug` or `trace`, also for one part of the program, as in
    /// `info,crm_controller=debug`
    #[arg(long, env = "CRM_LOG_LEVEL", value_name = "FILTER", default_value = "info", value_parser = filter)]
    pub log_level: String,
    /// Collector to which traces go by OTLP over HTTP, as in `http://127.0.0.1:4318`. Left out: no traces
    #[arg(long, env = "CRM_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| format!("{error}; give for example info"))
}

/// Sends what is under way when it is dropped.
#[must_use]
#[derive(Debug, Default)]
pub struct Logging {
    #[cfg(feature = "otlp")]
    traces: Option<crate::traces::Traces>,
}

impl Logging {
    /// Sends the last traces, if there are any.
    pub fn end(self) {
        #[cfg(feature = "otlp")]
        if let Some(traces) = self.traces {
            traces.end();
        }
    }
}

/// Begins to log, for the whole process.
///
/// # Errors
/// When a flag cannot be followed.
pub fn start(flags: &LogFlags, program: &'static str) -> Result<Logging, Failure> {
    let filter = EnvFilter::try_new(&flags.log_level)
        .map_err(|error| Failure::Flag(format!("--log-level {}: {error}", flags.log_level)))?;
    let (json, text) = match flags.log_format {
        Format::Json => (Some(JsonLines::to(std::io::stderr())), None),
        Format::Text => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            (None, Some(fmt::layer().with_writer(std::io::stderr).with_ansi(colours)))
        }
    };
    let registry = tracing_subscriber::registry().with(filter).with(json).with(text);
    let (logging, begun) = with_traces(flags.otlp_endpoint.as_deref(), program, registry)?;
    begun.map_err(|error| Failure::Broken(format!("the log cannot be begun: {error}")))?;
    Ok(logging)
}

type Begun = Result<(), tracing_subscriber::util::TryInitError>;

#[cfg(feature = "otlp")]
fn with_traces<S>(endpoint: Option<&str>, program: &'static str, registry: S) -> Result<(Logging, Begun), Failure>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static,
{
    let Some(endpoint) = endpoint else { return Ok((Logging::default(), registry.try_init())) };
    let (layer, traces) = crate::traces::start(endpoint, program)?;
    Ok((Logging { traces: Some(traces) }, registry.with(layer).try_init()))
}

#[cfg(not(feature = "otlp"))]
fn with_traces<S>(endpoint: Option<&str>, program: &'static str, registry: S) -> Result<(Logging, Begun), Failure>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static,
{
    match endpoint {
        None => Ok((Logging::default(), registry.try_init())),
        Some(_) => Err(Failure::Flag(format!(
            "--otlp-endpoint: this {program} was built without traces; leave it out, or build with --features otlp"
        ))),
    }
}

/// Writes each event as one line of JSON.
struct JsonLines<W> {
    writer: Mutex<W>,
}

impl<W: Write> JsonLines<W> {
    fn to(writer: W) -> Self {
        Self { writer: Mutex::new(writer) }
    }
}

/// Fields of a span, kept beside it.
struct Fields(Map<String, Value>);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Write + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Collected::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Fields(fields.0));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut fields = Collected::default();
        values.record(&mut fields);
        if let Some(span) = context.span(id)
            && let Some(Fields(known)) = span.extensions_mut().get_mut::<Fields>()
        {
            known.extend(fields.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Map::new();
        for span in context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(Fields(fields)) = span.extensions().get::<Fields>() {
                line.extend(fields.clone());
            }
        }
        let mut own = Collected::default();
        event.record(&mut own);
        line.extend(own.0);
        let metadata = event.metadata();
        line.insert("time".to_owned(), Value::from(jiff::Timestamp::now().to_string()));
        line.insert("level".to_owned(), Value::from(metadata.level().as_str().to_lowercase()));
        line.insert("target".to_owned(), Value::from(metadata.target()));
        let Ok(mut writer) = self.writer.lock() else { return };
        // A log that cannot be written has nobody to be told to.
        let _ = writeln!(writer, "{}", Value::Object(line));
    }
}

/// Takes fields in with their types.
#[derive(Default)]
struct Collected(Map<String, Value>);

impl Collected {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Collected {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, crate::told(value));
    }
}

#[cfg(test)]
mod tests {
    use super::{JsonLines, filter};
    use serde_json::Value;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt as _;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_has_the_fields_of_its_event_and_of_the_spans_around_it() {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::registry().with(JsonLines::to(lines.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let site = tracing::info_span!("reconcile", site = %"crm/contoso", step = tracing::field::Empty);
            site.record("step", "outer");
            site.in_scope(|| {
                tracing::info_span!("task", change = "contoso-1", attempt = 2_i64).in_scope(|| {
                    tracing::warn!(step = "back-up", done = false, "it \"failed\"\nhere");
                });
            });
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["site"], "crm/contoso");
        assert_eq!(line["change"], "contoso-1");
        assert_eq!(line["step"], "back-up", "the event's own field wins");
        assert_eq!(line["attempt"], 2);
        assert_eq!(line["done"], false);
        assert_eq!(line["level"], "warn");
        assert_eq!(line["message"], "it \"failed\"\nhere");
        assert!(line["time"].as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()), "{line}");
    }

    #[test]
    fn a_filter_is_refused_where_it_is_none() {
        assert!(filter("info,crm_controller=debug").is_ok());
        assert!(filter("crm_controller=loud").is_err());
    }
}
