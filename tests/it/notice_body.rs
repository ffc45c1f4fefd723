//! The body that a webhook gets: its schema stands beside the guide, and the guide's example is one.

use crm_api::notice::Notice;

use crate::files::{golden, repository};

#[test]
fn the_schema_of_a_notice_is_what_the_type_generates() {
    let text = serde_json::to_string_pretty(&crm_api::notice::schema()).unwrap();
    golden(&repository().join("operator/guides/notice.schema.json"), &format!("{text}\n"));
}

#[test]
fn the_example_in_the_guide_is_a_notice_with_every_field() {
    let guide = std::fs::read_to_string(repository().join("operator/guides/notices.md")).unwrap();
    let example = guide.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let written: serde_json::Value = serde_json::from_str(example).unwrap();
    let notice: Notice = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&notice).unwrap(), written);
    let schema = serde_json::to_value(crm_api::notice::schema()).unwrap();
    for field in schema["properties"].as_object().unwrap().keys() {
        assert!(!written[field].is_null(), "the example lacks {field}");
    }
}
