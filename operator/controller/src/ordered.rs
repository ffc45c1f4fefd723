//! Each order goes into the log once, when it was given: node, change, step, attempt.

use serde_json::Value;

use crate::context::Context;
use crate::signs::Sign;

/// Shows what is new among the orders of a node: `stored` is its spec before the write, `spec` after it.
pub(crate) fn show(context: &Context, node: &str, stored: &Value, spec: &Value) {
    let new = new_orders(stored, spec);
    for (order, attempt) in &new {
        let (change, step) = order.split_once('/').unwrap_or(("", order));
        tracing::info!(node, change, step, attempt, "ordered");
    }
    if !new.is_empty() {
        context.signs.show(Sign::Ordered { orders: new.len() });
    }
}

/// Ids and attempts of orders that were not there before.
fn new_orders<'a>(stored: &Value, spec: &'a Value) -> Vec<(&'a str, i64)> {
    let before = tries(stored);
    tries(spec).into_iter().filter(|order| !before.contains(order)).collect()
}

fn tries(spec: &Value) -> Vec<(&str, i64)> {
    let orders = spec["orders"].as_array().map_or(&[][..], Vec::as_slice);
    orders.iter().filter_map(|order| Some((order["id"].as_str()?, order["attempt"].as_i64()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::new_orders;
    use serde_json::{Value, json};

    #[test]
    fn an_order_that_stays_is_not_new_and_another_try_is() {
        let before = json!({"orders": [{"id": "c-1/stop", "attempt": 1}]});
        let after = json!({"orders": [{"id": "c-1/stop", "attempt": 2}, {"id": "c-1/copy", "attempt": 1}]});
        assert_eq!(new_orders(&before, &before), []);
        assert_eq!(new_orders(&before, &after), [("c-1/stop", 2), ("c-1/copy", 1)]);
        assert_eq!(new_orders(&Value::Null, &before), [("c-1/stop", 1)]);
    }
}
