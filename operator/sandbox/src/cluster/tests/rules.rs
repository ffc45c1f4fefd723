//! CEL rules on create and on update.

use serde_json::json;

use super::{causes, merge, refusal, world};

#[tokio::test]
async fn a_rule_refuses_a_new_object() {
    let world = world();
    let refused = refusal(world.create("a", json!({"size": 5, "limit": 3})).await);
    assert_eq!(refused.code, 422);
    assert_eq!(causes(&refused), ["spec: Invalid value: size is above limit"]);
    assert_eq!(refused.message, "Gadget.example.org \"a\" is invalid: spec: Invalid value: size is above limit");
    world.create("a", json!({"size": 3, "limit": 3})).await.unwrap();
}

#[tokio::test]
async fn a_transition_rule_compares_with_the_old_value() {
    let world = world();
    world.create("a", json!({"size": 1, "owner": "me", "counter": 5})).await.unwrap();
    let api = world.gadgets();
    let refused = refusal(merge(&api, "a", json!({"spec": {"owner": "you", "counter": 4}})).await);
    let expected = ["spec.counter: Invalid value: 4: counter fell to 4", "spec.owner: Forbidden: owner is immutable"];
    assert_eq!(causes(&refused), expected);
    assert_eq!(refused.details.unwrap().causes[1].reason, "FieldValueForbidden");
    merge(&api, "a", json!({"spec": {"counter": 6, "size": 2}})).await.unwrap();
    // A field that comes or goes has no old value to be compared with.
    merge(&api, "a", json!({"spec": {"owner": null}})).await.unwrap();
    merge(&api, "a", json!({"spec": {"owner": "you"}})).await.unwrap();
}

#[tokio::test]
async fn a_message_of_several_lines_is_not_said() {
    let world = world();
    for (value, said) in [("no", "it is no"), ("n\no", "it is no")] {
        let refused = refusal(world.create("a", json!({"size": 1, "said": value})).await);
        assert!(causes(&refused)[0].ends_with(said), "{:?}", causes(&refused));
    }
}

#[tokio::test]
async fn dates_are_dates_to_rules() {
    let world = world();
    let refused = refusal(world.create("a", json!({"size": 1, "until": "2019-06-01T00:00:00Z"})).await);
    assert_eq!(causes(&refused), ["spec.until: Invalid value: \"2019-06-01T00:00:00Z\": too early"]);
    world.create("a", json!({"size": 1, "until": "2026-06-01T00:00:00Z"})).await.unwrap();
}

#[tokio::test]
async fn rules_wait_until_the_schema_is_met() {
    let world = world();
    let refused = refusal(world.create("a", json!({"size": "x", "limit": 3})).await);
    assert_eq!(causes(&refused).len(), 2);
    assert!(causes(&refused)[1].contains("some validation rules were not checked"));
}

#[tokio::test]
async fn escaped_and_whole_values_reach_rules() {
    use super::super::cel::check_rules;
    use super::super::path::Path;
    use super::super::schema::Node;
    let schema = json!({
        "type": "object",
        "properties": {"namespace": {"type": "string"}, "a-b": {"type": "integer"}, "n": {"type": "number"}},
        "x-kubernetes-validations": [
            {"rule": "self.__namespace__ == 'x' && self.a__dash__b == 1 && self.n < 2.5"},
            {"rule": "size(self) == 3"},
            {"rule": "!oldSelf.hasValue() || oldSelf.value().n <= self.n", "optionalOldSelf": true, "fieldPath": ".n"},
        ],
    });
    let node = Node::read(&schema, "").unwrap();
    let check = |value, old| {
        let mut causes = Vec::new();
        check_rules(&node, &value, old, &Path::Root, &mut causes);
        causes
    };
    let good = json!({"namespace": "x", "a-b": 1, "n": 2});
    assert_eq!(check(good.clone(), None), []);
    let fell = check(json!({"namespace": "x", "a-b": 1, "n": 1}), Some(&good));
    assert_eq!(fell.iter().map(|cause| cause.field.as_str()).collect::<Vec<_>>(), ["n"]);
}

#[tokio::test]
async fn lists_with_keys_are_the_same_in_another_order_where_they_are_compared_as_wholes() {
    use super::super::cel::check_rules;
    use super::super::path::Path;
    use super::super::schema::Node;
    let schema = json!({
        "type": "object",
        "properties": {
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "plain": {"type": "array", "items": {"type": "string"}},
            "may": {"type": "string", "nullable": true},
        },
        "x-kubernetes-validations": [{"rule": "self == oldSelf"}],
    });
    let node = Node::read(&schema, "").unwrap();
    let old = json!({"set": ["a", "b"], "plain": ["a", "b"]});
    for (new, refusals) in [
        (json!({"set": ["b", "a"], "plain": ["a", "b"]}), 0),
        (json!({"set": ["a", "c"], "plain": ["a", "b"]}), 1),
        (json!({"set": ["a", "b"], "plain": ["b", "a"]}), 1),
        (json!({"set": ["a", "b"], "plain": ["a", "b"], "may": null}), 1),
    ] {
        let mut causes = Vec::new();
        check_rules(&node, &new, Some(&old), &Path::Root, &mut causes);
        assert_eq!(causes.len(), refusals, "{new}");
    }
}
