//! Facts about the cluster, met through the real client.

mod applying;
mod deleting;
mod faults;
mod objects;
mod reading;
mod rules;
mod watching;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::{Cluster, Kinds};

const CRD: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.org}
spec:
  group: example.org
  names: {kind: Gadget, plural: gadgets}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    selectableFields: [{jsonPath: .spec.code}, {jsonPath: .spec.counter}, {jsonPath: .status.phase}]
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [size]
            x-kubernetes-validations:
            - {rule: "!has(self.limit) || self.size <= self.limit", message: size is above limit}
            properties:
              size: {type: integer, format: int32, minimum: 1, maximum: 100}
              limit: {type: integer, nullable: true}
              color: {type: string, enum: [red, green], default: red}
              code: {type: string, pattern: '^[a-z]+$', maxLength: 5, minLength: 2}
              owner:
                type: string
                x-kubernetes-validations: [{rule: self == oldSelf, message: owner is immutable, reason: FieldValueForbidden}]
              counter:
                type: integer
                x-kubernetes-validations:
                - {rule: self >= oldSelf, messageExpression: "'counter fell to ' + string(self)"}
              said:
                type: string
                x-kubernetes-validations:
                - {rule: "self != 'no' && self != 'n\\no'", message: it is no, messageExpression: "'it is ' + self"}
              until:
                type: string
                format: date-time
                x-kubernetes-validations: [{rule: "self > timestamp('2020-01-01T00:00:00Z')", message: too early}]
              parts:
                type: array
                maxItems: 3
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties:
                    name: {type: string}
                    weight: {type: integer, default: 7}
                    note: {type: string}
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              order: {type: array, items: {type: string}}
              box: {type: object, properties: {a: {type: integer}, b: {type: integer}}}
              settings: {type: object, additionalProperties: {type: string}}
              anything: {type: object, x-kubernetes-preserve-unknown-fields: true}
              port: {x-kubernetes-int-or-string: true}
              choice:
                type: object
                oneOf: [{required: [x]}, {required: [y]}]
                properties: {x: {type: integer}, y: {type: integer}}
          status:
            type: object
            properties:
              phase: {type: string}
              seen: {type: integer}
"#;

/// A world with one namespace, `crm`, and a clock that tests can move.
pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) clock: Arc<AtomicI64>,
}

pub(super) fn world() -> World {
    let crd = serde_saphyr::from_str(CRD).unwrap();
    let kinds = Arc::new(Kinds::from_crds(&[crd]).unwrap());
    let clock = Arc::new(AtomicI64::new(1_700_000_000));
    let seconds = Arc::clone(&clock);
    let now = Arc::new(move || jiff::Timestamp::from_second(seconds.load(Ordering::Relaxed)).unwrap());
    let cluster = Cluster::new(now, kinds);
    cluster.add_namespace("crm");
    World { cluster, clock }
}

impl World {
    pub(super) fn gadgets(&self) -> Api<DynamicObject> {
        self.gadgets_as("tester")
    }

    pub(super) fn gadgets_as(&self, identity: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.cluster.client(identity), "crm", &resource())
    }

    /// Creates a gadget with this spec.
    pub(super) async fn create(&self, name: &str, spec: Value) -> Result<DynamicObject, kube::Error> {
        self.gadgets().create(&PostParams::default(), &gadget(name, spec)).await
    }
}

pub(super) fn resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("example.org", "v1", "Gadget"))
}

pub(super) fn gadget(name: &str, spec: Value) -> DynamicObject {
    DynamicObject::new(name, &resource()).within("crm").data(json!({"spec": spec}))
}

/// Applies a gadget as this manager.
pub(super) async fn apply(
    api: &Api<DynamicObject>,
    manager: &str,
    name: &str,
    body: Value,
) -> Result<DynamicObject, kube::Error> {
    let mut whole = json!({"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": {"name": name}});
    for (key, value) in body.as_object().unwrap() {
        if key == "metadata" {
            whole["metadata"].as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        } else {
            whole[key] = value.clone();
        }
    }
    api.patch(name, &PatchParams::apply(manager), &Patch::Apply(whole)).await
}

pub(super) async fn merge(api: &Api<DynamicObject>, name: &str, patch: Value) -> Result<DynamicObject, kube::Error> {
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
}

/// The `Status` of a refused request.
pub(super) fn refusal<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> kube::core::Status {
    match result {
        Err(kube::Error::Api(status)) => *status,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// `field: message` of each cause.
pub(super) fn causes(status: &kube::core::Status) -> Vec<String> {
    let details = status.details.as_ref().unwrap();
    details.causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect()
}
