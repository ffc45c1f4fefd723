//! The paths of printer columns: `.status.conditions[?(@.type=="Ready")].status`, `.spec.orders[0].id`.

use serde_json::Value;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
    /// The first item of which this field has this text.
    Where(String, String),
}

/// A path that is ready to be followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Reads a path; none, where it has a form that no column of ours uses.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, more) = after.split_at(end);
                steps.push(Step::Field(name.to_owned()));
                rest = more;
            } else if let Some(after) = rest.strip_prefix("[?(@.") {
                let (condition, more) = after.split_once(")]")?;
                let (field, wanted) = condition.split_once("==")?;
                let wanted = wanted.trim().trim_matches(['"', '\'']);
                steps.push(Step::Where(field.trim().to_owned(), wanted.to_owned()));
                rest = more;
            } else {
                let (index, more) = rest.strip_prefix('[')?.split_once(']')?;
                steps.push(Step::Index(index.parse().ok()?));
                rest = more;
            }
        }
        Some(Self(steps))
    }

    /// What is there.
    pub(crate) fn follow<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Index(index) => value.get(index),
            Step::Where(field, wanted) => value.as_array()?.iter().find(|item| item[field] == wanted.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::JsonPath;

    #[test]
    fn fields_items_and_conditions_are_followed() {
        let object = json!({"status": {"list": [{"type": "A", "ok": 1}, {"type": "B", "ok": 2}]}});
        let at = |path: &str| JsonPath::read(path).unwrap().follow(&object).cloned();
        assert_eq!(at(".status.list[?(@.type==\"B\")].ok"), Some(json!(2)));
        assert_eq!(at(".status.list[0].ok"), Some(json!(1)));
        assert_eq!(at(".status.list[2].ok"), None);
        assert_eq!(at(".spec.list"), None);
        assert_eq!(JsonPath::read(".a[*].b"), None);
    }
}
