//! The form in which one request wants to see objects: as they are, or as a table; and Events in their older form.

use bytes::Bytes;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::Value;

use super::super::kinds::Origin;
use super::super::refusal::Refusal;
use super::super::{Clock, Cluster, route};
use super::core_event;
use super::table::{self, Column, Include};

/// A form.
pub(super) enum View {
    /// As the model answers.
    AsIs,
    /// Another one.
    Other(Box<Form>),
}

pub(super) struct Form {
    older_events: bool,
    table: Option<Table>,
}

struct Table {
    columns: Vec<Column>,
    include: Include,
    /// A stream names its columns once.
    headings_told: bool,
    clock: Clock,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AsIs => "AsIs",
            Self::Other(form) if form.table.is_some() => "Table",
            Self::Other(_) => "OlderEvents",
        })
    }
}

impl View {
    /// What a request asks for.
    pub(super) fn read(cluster: &Cluster, parts: &Parts) -> Result<Self, Refusal> {
        let path = parts.uri.path();
        let newer = core_event::newer_path(path);
        let older_events = newer.is_some();
        if older_events {
            core_event::check(&parts.method)?;
        }
        let accept = parts.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let wants_table = parts.method == http::Method::GET && accept.split(',').any(is_table);
        let kind =
            wants_table.then(|| route::kind_at(&cluster.inner.kinds, newer.as_deref().unwrap_or(path))).flatten();
        let table = kind.map(|kind| Table {
            columns: match kind.origin {
                Origin::Custom => kind.columns.clone(),
                Origin::BuiltIn => table::columns_built_in(&kind.kind),
            },
            include: include(parts.uri.query().unwrap_or_default()),
            headings_told: false,
            clock: cluster.inner.clock.clone(),
        });
        let is_other = older_events || table.is_some();
        Ok(if is_other { Self::Other(Box::new(Form { older_events, table })) } else { Self::AsIs })
    }

    /// The path behind which the model has what is asked for.
    pub(super) fn path(&self, path: &str) -> String {
        let newer =
            if matches!(self, Self::Other(form) if form.older_events) { core_event::newer_path(path) } else { None };
        newer.unwrap_or_else(|| path.to_owned())
    }

    /// The same of a parameter of the query.
    pub(super) fn query_pair(&self, pair: &str) -> String {
        match self {
            Self::Other(form) if form.older_events && pair.starts_with("fieldSelector=") => {
                core_event::newer_selector(pair)
            }
            Self::AsIs | Self::Other(_) => pair.to_owned(),
        }
    }

    /// A whole answer in this form.
    pub(super) fn whole(&mut self, json: Bytes) -> Bytes {
        match self {
            Self::AsIs => json,
            Self::Other(form) => changed(&json, |value| form.show(value)),
        }
    }

    /// A line of a watch in this form.
    pub(super) fn line(&mut self, json: Bytes) -> Bytes {
        let Self::Other(form) = self else { return json };
        let mut line = changed(&json, |mut event| {
            if event["type"] != "ERROR" {
                let object = event["object"].take();
                event["object"] = if event["type"] == "BOOKMARK" { object } else { form.show(object) };
            }
            event
        })
        .to_vec();
        line.push(b'\n');
        Bytes::from(line)
    }
}

impl Form {
    fn show(&mut self, value: Value) -> Value {
        if value["kind"] == "Status" {
            return value;
        }
        let value = if self.older_events { core_event::older(value) } else { value };
        let Some(table) = &mut self.table else { return value };
        let now: Timestamp = (table.clock)();
        let headings = !std::mem::replace(&mut table.headings_told, true);
        table::table(&table.columns, &value, table.include, headings, now)
    }
}

fn changed(json: &Bytes, change: impl FnOnce(Value) -> Value) -> Bytes {
    match serde_json::from_slice(json) {
        Ok(value) => Bytes::from(change(value).to_string()),
        // What is no JSON is no object either.
        Err(_) => json.clone(),
    }
}

/// `application/json;as=Table;v=v1;g=meta.k8s.io`.
fn is_table(accepted: &str) -> bool {
    let mut parameters = accepted.split(';').map(str::trim);
    let is_json = parameters.next() == Some("application/json");
    let parameters: Vec<&str> = parameters.collect();
    is_json && ["as=Table", "v=v1", "g=meta.k8s.io"].iter().all(|wanted| parameters.contains(wanted))
}

fn include(query: &str) -> Include {
    match query.split('&').find_map(|pair| pair.strip_prefix("includeObject=")) {
        Some("Object") => Include::Object,
        Some("None") => Include::Nothing,
        _ => Include::Metadata,
    }
}

#[cfg(test)]
mod tests {
    use super::is_table;

    #[test]
    fn tables_are_made_in_the_version_that_there_is() {
        assert!(is_table("application/json;as=Table;v=v1;g=meta.k8s.io"));
        assert!(is_table(" application/json; as=Table; g=meta.k8s.io; v=v1"));
        assert!(!is_table("application/json;as=Table;v=v1beta1;g=meta.k8s.io"));
        assert!(!is_table("application/json"));
    }
}
