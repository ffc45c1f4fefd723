//! Tables: what `kubectl get` prints. Custom kinds have the printer columns of their definitions, built-in ones the
//! columns that the real server has for them.
//!
//! Ages are told by the simulated clock and in the words of the real server (`duration.HumanDuration`).

use jiff::Timestamp;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinitionVersion;
use serde_json::{Map, Value, json};

use super::json_path::JsonPath;

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    name: String,
    /// `string`, `integer`, `date`, ...
    column_type: String,
    format: String,
    description: String,
    priority: i32,
    cell: Cell,
}

#[derive(Clone, Debug)]
enum Cell {
    At(JsonPath),
    Of(fn(&Value, Timestamp) -> Value),
}

/// How much of each object a table carries along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Include {
    #[default]
    Metadata,
    Object,
    Nothing,
}

impl Column {
    fn of(name: &str, priority: i32, cell: fn(&Value, Timestamp) -> Value) -> Self {
        Self {
            name: name.to_owned(),
            column_type: "string".to_owned(),
            format: if name == "Name" { "name" } else { "" }.to_owned(),
            description: String::new(),
            priority,
            cell: Cell::Of(cell),
        }
    }

    fn definition(&self) -> Value {
        json!({
            "name": self.name, "type": self.column_type, "format": self.format, "description": self.description,
            "priority": self.priority,
        })
    }

    fn value(&self, object: &Value, now: Timestamp) -> Value {
        match &self.cell {
            Cell::Of(cell) => cell(object, now),
            Cell::At(path) => match path.follow(object) {
                None | Some(Value::Null) if self.column_type == "date" => "<unknown>".into(),
                None => Value::Null,
                Some(found) if self.column_type == "date" => age(found, now),
                Some(found @ (Value::Object(_) | Value::Array(_))) => found.to_string().into(),
                Some(found) => found.clone(),
            },
        }
    }
}

/// The columns of a custom kind; without any the real server shows its age.
pub(crate) fn columns_of_definition(version: &CustomResourceDefinitionVersion) -> Vec<Column> {
    let mut columns = vec![name()];
    let declared = version.additional_printer_columns.as_deref().unwrap_or_default();
    columns.extend(declared.iter().map(|column| Column {
        name: column.name.clone(),
        column_type: column.type_.clone(),
        format: column.format.clone().unwrap_or_default(),
        description: column.description.clone().unwrap_or_default(),
        priority: column.priority.unwrap_or_default(),
        cell: Cell::At(JsonPath::read(&column.json_path).unwrap_or_default()),
    }));
    if declared.is_empty() {
        columns.push(Column::of("Age", 0, age_of));
    }
    columns
}

/// The columns of a built-in kind.
pub(super) fn columns_built_in(kind: &str) -> Vec<Column> {
    match kind {
        "Namespace" => vec![name(), Column::of("Status", 0, |_, _| "Active".into()), Column::of("Age", 0, age_of)],
        "Secret" => vec![
            name(),
            Column::of("Type", 0, |secret, _| secret["type"].clone()),
            Column::of("Data", 0, |secret, _| secret["data"].as_object().map_or(0, Map::len).into()),
            Column::of("Age", 0, age_of),
        ],
        "Lease" => vec![
            name(),
            Column::of("Holder", 0, |lease, _| lease["spec"]["holderIdentity"].clone()),
            Column::of("Age", 0, age_of),
        ],
        "Event" => events(),
        _ => vec![name(), Column::of("Age", 0, age_of)],
    }
}

/// The columns of events, for both of their forms.
fn events() -> Vec<Column> {
    vec![
        Column::of("Last Seen", 0, |event, now| age(last_seen(event), now)),
        Column::of("Type", 0, |event, _| event["type"].clone()),
        Column::of("Reason", 0, |event, _| event["reason"].clone()),
        Column::of("Object", 0, |event, _| {
            let about = event.get("involvedObject").unwrap_or(&event["regarding"]);
            let text = |field: &str| about[field].as_str().unwrap_or_default();
            format!("{}/{}", text("kind").to_lowercase(), text("name")).into()
        }),
        Column::of("Source", 1, |event, _| {
            event.get("reportingComponent").unwrap_or(&event["reportingController"]).clone()
        }),
        Column::of("Message", 0, |event, _| {
            event.get("message").unwrap_or(&event["note"]).as_str().unwrap_or_default().trim().into()
        }),
        Column::of("Name", 1, |event, _| event["metadata"]["name"].clone()),
    ]
}

fn last_seen(event: &Value) -> &Value {
    let series = &event["series"]["lastObservedTime"];
    if series.is_null() { &event["eventTime"] } else { series }
}

fn name() -> Column {
    Column::of("Name", 0, |object, _| object["metadata"]["name"].clone())
}

fn age_of(object: &Value, now: Timestamp) -> Value {
    age(&object["metadata"]["creationTimestamp"], now)
}

/// How long ago a time is.
fn age(since: &Value, now: Timestamp) -> Value {
    let since = since.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    since.map_or_else(|| "<unknown>".into(), |since| human(now.duration_since(since).as_secs()).into())
}

/// A duration in the words of the real server.
fn human(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    let two = |large: i64, unit: &str, small: i64, of: &str| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{of}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 24 * 8 => two(hours / 24, "d", hours % 24, "h"),
        _ if hours < 24 * 365 * 2 => format!("{}d", hours / 24),
        _ if hours < 24 * 365 * 8 => two(hours / (24 * 365), "y", hours / 24 % 365, "d"),
        _ => format!("{}y", hours / (24 * 365)),
    }
}

/// An object, or a list of objects, as a table. The headings may be left out where the client has them already.
pub(super) fn table(columns: &[Column], value: &Value, include: Include, headings: bool, now: Timestamp) -> Value {
    let row = |object: &Value| {
        let cells: Vec<Value> = columns.iter().map(|column| column.value(object, now)).collect();
        let mut row = json!({"cells": cells});
        match include {
            Include::Metadata => {
                row["object"] = json!({
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
                });
            }
            Include::Object => row["object"] = object.clone(),
            Include::Nothing => {}
        }
        row
    };
    let (rows, metadata): (Vec<Value>, Value) = match value["items"].as_array() {
        Some(items) => (items.iter().map(row).collect(), value["metadata"].clone()),
        None => (vec![row(value)], json!({"resourceVersion": value["metadata"]["resourceVersion"]})),
    };
    let definitions: Vec<Value> = columns.iter().filter(|_| headings).map(Column::definition).collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": definitions,
        "rows": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn ages_are_told_as_the_real_server_tells_them() {
        let minute = 60;
        let hour = 60 * minute;
        let day = 24 * hour;
        for (seconds, told) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (119, "119s"),
            (2 * minute, "2m"),
            (9 * minute + 5, "9m5s"),
            (10 * minute + 5, "10m"),
            (3 * hour + 5 * minute, "3h5m"),
            (8 * hour + minute, "8h"),
            (2 * day + hour, "2d1h"),
            (8 * day + hour, "8d"),
            (365 * day * 2 + day, "2y1d"),
            (365 * day * 9, "9y"),
        ] {
            assert_eq!(human(seconds), told);
        }
    }
}
