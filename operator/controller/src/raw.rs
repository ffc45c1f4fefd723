//! Objects as the API server sent them: text with its header read. What does not parse stops only itself, what belongs to
//! another site is never parsed at all.

use std::borrow::Cow;

use kube::api::{GetParams, ListParams, Request};
use kube::core::{NamespaceResourceScope, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::call::{CallError, call, selector};
use crate::limits::{LIST_PAGE, LIST_PAGES_MAX};
use crate::validate::Malformed;

/// One object, not parsed yet.
#[derive(Debug)]
pub(crate) struct Raw {
    text: Box<RawValue>,
    header: Header,
}

/// The little that is read of every object, so that one that does not parse can be named.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Header {
    metadata: HeaderMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HeaderMetadata {
    name: String,
    namespace: Option<String>,
    uid: String,
}

/// Where `metadata.managedFields` stands in an object: who wrote which field says nothing about a site, and is often
/// longer than the rest.
#[derive(Deserialize)]
struct Owned<'a> {
    #[serde(borrow)]
    metadata: OwnedMetadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OwnedMetadata<'a> {
    #[serde(borrow)]
    managed_fields: &'a RawValue,
}

/// The text of an object without who wrote which field.
fn without_owners(text: &str) -> Cow<'_, str> {
    let Ok(Owned { metadata: OwnedMetadata { managed_fields } }) = serde_json::from_str(text) else {
        return Cow::Borrowed(text);
    };
    let start = managed_fields.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let rest = start.saturating_add(managed_fields.get().len());
    match (text.get(..start), text.get(rest..)) {
        (Some(before), Some(after)) => Cow::Owned([before, "null", after].concat()),
        (_, _) => Cow::Borrowed(text),
    }
}

#[derive(Deserialize)]
struct Page {
    metadata: PageMetadata,
    items: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    continue_: Option<String>,
}

impl Raw {
    /// Reads the header of an object.
    pub(crate) fn new(text: Box<RawValue>) -> Self {
        let header = serde_json::from_str(text.get()).unwrap_or_default();
        Self { text, header }
    }

    /// Its own uid.
    pub(crate) fn uid(&self) -> &str {
        &self.header.metadata.uid
    }

    /// A part of it that can be read whatever the rest is; nothing where it cannot.
    pub(crate) fn part<T: DeserializeOwned + Default>(&self) -> T {
        serde_json::from_str(self.text.get()).unwrap_or_default()
    }

    /// Parses it.
    ///
    /// # Errors
    /// When it is not of its kind.
    pub(crate) fn parse<K>(&self) -> Result<K, Malformed>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        serde_json::from_str(&without_owners(self.text.get())).map_err(|error| Malformed {
            kind: K::kind(&()).into_owned(),
            namespace: self.header.metadata.namespace.clone(),
            name: self.header.metadata.name.clone(),
            uid: self.header.metadata.uid.clone(),
            message: error.to_string(),
        })
    }
}

/// The objects of a kind that have these fields (all of them, where none are asked for), in one namespace or in all of them.
///
/// # Errors
/// When one page did not come. Half a list is none; reading again is harmless.
pub(crate) async fn list<K: Resource<DynamicType = ()>>(
    client: &kube::Client,
    what: &'static str,
    namespace: Option<&str>,
    fields: &str,
) -> Result<Vec<Raw>, CallError> {
    let request = Request::new(K::url_path(&(), namespace));
    let mut params = ListParams { field_selector: selector(fields), ..ListParams::default() }.limit(LIST_PAGE);
    let mut items = Vec::new();
    for _ in 0..LIST_PAGES_MAX {
        let page: Page = call(what, async {
            let text = client.request_text(request.list(&params).map_err(kube::Error::BuildRequest)?).await?;
            serde_json::from_str(&text).map_err(kube::Error::SerdeError)
        })
        .await?;
        items.extend(page.items.into_iter().map(Raw::new));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(items),
        }
    }
    Err(CallError::Endless { what })
}

/// One object, or `None` where there is none.
///
/// # Errors
/// When no answer, or a bad one, came.
pub(crate) async fn get<K>(
    client: &kube::Client,
    what: &'static str,
    namespace: &str,
    name: &str,
) -> Result<Option<Raw>, CallError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let request = Request::new(K::url_path(&(), Some(namespace)));
    let answer = call(what, async {
        let text =
            client.request_text(request.get(name, &GetParams::default()).map_err(kube::Error::BuildRequest)?).await?;
        serde_json::from_str(&text).map_err(kube::Error::SerdeError)
    })
    .await;
    match answer {
        Ok(text) => Ok(Some(Raw::new(text))),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is read of the answer to a write: the version that it made, and who still holds the object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) resource_version: Option<String>,
    pub(crate) finalizers: Vec<String>,
}

/// Sends a write and reads the head of what is stored then.
///
/// # Errors
/// When it was refused, or no answer came.
pub(crate) async fn write(
    client: &kube::Client,
    request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<Head, kube::Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        metadata: Head,
    }
    let text = client.request_text(request.map_err(kube::Error::BuildRequest)?).await?;
    serde_json::from_str::<Answer>(&text).map(|answer| answer.metadata).map_err(kube::Error::SerdeError)
}

#[cfg(test)]
pub(crate) fn of(value: &serde_json::Value) -> Raw {
    Raw::new(serde_json::value::to_raw_value(value).unwrap())
}
