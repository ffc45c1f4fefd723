//! A registry of metrics that knows what stands in it, so that a guide can list it.

use std::fmt::Write as _;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

use crate::requests;

/// What is said of one metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Whole name, as Prometheus stores it.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// The metrics of one program.
#[derive(Debug)]
pub struct Metrics {
    prefix: &'static str,
    registry: Registry,
    described: Vec<Described>,
}

/// Requests to the API server by verb and status code.
#[derive(Clone, Debug, Default)]
pub struct ApiRequests(Family<[(&'static str, String); 2], Counter>);

impl requests::Counter for ApiRequests {
    fn count(&self, verb: &'static str, code: &str) {
        self.0.get_or_create(&[("verb", verb.to_owned()), ("code", code.to_owned())]).inc();
    }
}

impl Metrics {
    /// No metrics yet but those that every program has: which build it is, and its requests to the API server.
    #[must_use]
    pub fn new(prefix: &'static str, version: &str) -> (Self, ApiRequests) {
        let mut metrics = Self { prefix, registry: Registry::with_prefix(prefix), described: Vec::new() };
        let build = Family::<[(&'static str, String); 1], Gauge>::default();
        build.get_or_create(&[("version", version.to_owned())]).set(1);
        metrics.gauge("build_info", &["version"], "Always 1; which build this is.", build);
        let requests = ApiRequests::default();
        let help = "Requests to the API server; code is its status, none where no answer came.";
        metrics.counter("api_requests", &["verb", "code"], help, requests.0.clone());
        (metrics, requests)
    }

    /// Adds a counter; Prometheus stores it with the ending `_total`.
    pub fn counter(&mut self, name: &str, labels: &'static [&'static str], help: &'static str, metric: impl Metric) {
        self.describe(&format!("{name}_total"), "counter", labels, help);
        self.registry.register(name, help.trim_end_matches('.'), metric);
    }

    /// Adds a gauge.
    pub fn gauge(&mut self, name: &str, labels: &'static [&'static str], help: &'static str, metric: impl Metric) {
        self.describe(name, "gauge", labels, help);
        self.registry.register(name, help.trim_end_matches('.'), metric);
    }

    /// Adds a histogram.
    pub fn histogram(&mut self, name: &str, labels: &'static [&'static str], help: &'static str, metric: impl Metric) {
        self.describe(name, "histogram", labels, help);
        self.registry.register(name, help.trim_end_matches('.'), metric);
    }

    fn describe(&mut self, name: &str, kind: &'static str, labels: &'static [&'static str], help: &'static str) {
        self.described.push(Described { name: format!("{}_{name}", self.prefix), kind, labels, help });
    }

    /// The text that Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }

    /// What stands in it, in the order in which it was added.
    #[must_use]
    pub fn described(&self) -> &[Described] {
        &self.described
    }

    /// The same as a table of a guide.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = "| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n".to_owned();
        for Described { name, kind, labels, help } in &self.described {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let _ = writeln!(text, "| `{name}` | {kind} | {} | {help} |", labels.join(", "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;
    use crate::requests::Counter as _;

    #[test]
    fn the_text_names_build_and_requests_under_the_names_that_are_described() {
        let (metrics, requests) = Metrics::new("crm_test", "1.2.3");
        requests.count("list", "200");
        requests.count("list", "200");
        requests.count("watch", "none");
        let text = metrics.text();
        assert!(text.contains("crm_test_build_info{version=\"1.2.3\"} 1\n"), "{text}");
        assert!(text.contains("crm_test_api_requests_total{verb=\"list\",code=\"200\"} 2\n"), "{text}");
        assert!(text.contains("crm_test_api_requests_total{verb=\"watch\",code=\"none\"} 1\n"), "{text}");
        assert!(
            metrics.described().iter().all(|described| text.contains(&format!("\n{}{{", described.name))),
            "{text}"
        );
    }
}
