//! One call to the API server: a time limit around it, and what its failure means.

use std::fmt::Debug;

use kube::Api;
use kube::api::ListParams;
use kube::core::Status;
use serde::de::DeserializeOwned;

use crate::limits::{API_CALL, LIST_PAGE, LIST_PAGES_MAX};

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Try again soon.
    Retry,
    /// It comes back until somebody changes something: look again at rest.
    Wait,
}

/// A call that brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// No answer in time. What was asked may have happened all the same.
    #[error("{what}: no answer within {} seconds", API_CALL.as_secs())]
    Lost {
        /// What was asked.
        what: &'static str,
    },
    /// An answer, or a broken connection.
    #[error("{what}: {source}")]
    Failed {
        /// What was asked.
        what: &'static str,
        /// What came.
        #[source]
        source: Box<kube::Error>,
    },
    /// The list does not end.
    #[error("{what}: more than {LIST_PAGES_MAX} pages of {LIST_PAGE} objects")]
    Endless {
        /// What was asked.
        what: &'static str,
    },
}

impl CallError {
    fn status(&self) -> Option<&Status> {
        match self {
            Self::Failed { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(status),
                _ => None,
            },
            Self::Lost { .. } | Self::Endless { .. } => None,
        }
    }

    /// Somebody else wrote first.
    pub(crate) fn is_conflict(&self) -> bool {
        self.status().is_some_and(Status::is_conflict)
    }

    /// The object to create is there.
    pub(crate) fn is_already_exists(&self) -> bool {
        self.status().is_some_and(Status::is_already_exists)
    }

    /// There is no such object.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status().is_some_and(Status::is_not_found)
    }

    /// Our rights do not reach there.
    pub(crate) fn is_forbidden(&self) -> bool {
        self.status().is_some_and(Status::is_forbidden)
    }

    /// The version to go on from is forgotten.
    pub(crate) fn is_gone(&self) -> bool {
        self.status().is_some_and(|status| status.code == 410)
    }

    /// What to do about it.
    pub(crate) fn class(&self) -> Class {
        if self.is_forbidden() || self.status().is_some_and(Status::is_invalid) { Class::Wait } else { Class::Retry }
    }

    /// In one word.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Lost { .. } => "AnswerLost",
            Self::Endless { .. } => "ListTooLong",
            Self::Failed { .. } if self.is_conflict() => "Conflict",
            Self::Failed { .. } if self.is_forbidden() => "Forbidden",
            Self::Failed { .. } => "CallFailed",
        }
    }
}

/// What goes into a request: without a demand there is no selector.
pub(crate) fn selector(fields: &str) -> Option<String> {
    (!fields.is_empty()).then(|| fields.to_owned())
}

/// Makes a call within its time limit.
///
/// # Errors
/// When no answer, or a bad one, came.
pub(crate) async fn call<T>(
    what: &'static str,
    future: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(API_CALL, future).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(source)) => Err(CallError::Failed { what, source: Box::new(source) }),
        Err(_) => Err(CallError::Lost { what }),
    }
}

/// Those objects of a collection that have these fields (all of them, where none are asked for), page by page, and the version at
/// which it was so.
///
/// # Errors
/// When one page did not come. Half a list is none; reading again is harmless.
pub(crate) async fn list<K>(what: &'static str, api: &Api<K>, fields: &str) -> Result<(Vec<K>, String), CallError>
where
    K: Clone + DeserializeOwned + Debug,
{
    let mut items = Vec::new();
    let mut params = ListParams { field_selector: selector(fields), ..ListParams::default() }.limit(LIST_PAGE);
    for _ in 0..LIST_PAGES_MAX {
        let page = call(what, api.list(&params)).await?;
        items.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok((items, page.metadata.resource_version.unwrap_or_default())),
        }
    }
    Err(CallError::Endless { what })
}
