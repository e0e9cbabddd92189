//! One page of a listing, as every service's file reads it.

use std::collections::BTreeMap;

use aws_sdk_connect::config::http::HttpResponse;
use aws_sdk_connect::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_connect::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_connect::error::BoxError;
use aws_sdk_connect::error::{ProvideErrorMetadata, SdkError};

use serde::de::IgnoredAny;

use super::call::Attempt;
use super::fault::failure;
use crate::catalogue::Listing;
use crate::domain::{Fault, FaultKind, Told};

/// The items of one page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub items: Vec<Item>,
    pub next: Option<String>,
    /// `ApproximateTotalCount` of a search of which only the first page is read.
    pub total: Option<i64>,
}

/// What is kept of an item: what quotas count by, and what a visit or a row needs to name it.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// How much the item weighs in its listing and group: 1, where an item is what is counted; none,
    /// where AWS should have told and did not.
    pub weight: Option<u64>,
    pub group: Option<String>,
    /// It counts among the marked ones of its group, too.
    pub is_marked: bool,
    pub id: Option<String>,
    /// Only of configuration, never of a person.
    pub name: Option<String>,
    pub arn: Option<String>,
    /// The type by which visits choose.
    pub kind: Option<String>,
    /// See [`crate::domain::Resource::told`].
    pub told: BTreeMap<&'static str, Told>,
}

impl Item {
    /// Something that is counted and nothing else.
    pub fn plain<T>(_: &T) -> Self {
        Self::new(None, None)
    }

    pub fn new(id: Option<&str>, name: Option<&str>) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Self {
            weight: Some(1),
            group: None,
            is_marked: false,
            id: own(id),
            name: own(name),
            arn: None,
            kind: None,
            told: BTreeMap::new(),
        }
    }

    pub fn arn(mut self, arn: Option<&str>) -> Self {
        self.arn = arn.map(str::to_owned);
        self
    }

    pub fn kind(mut self, kind: Option<&str>) -> Self {
        self.kind = kind.map(str::to_owned);
        self
    }

    pub fn group(mut self, group: Option<&str>) -> Self {
        self.group = group.map(str::to_owned);
        self
    }

    pub fn marked(mut self, is_marked: bool) -> Self {
        self.is_marked = is_marked;
        self
    }

    /// What the item tells of what a visit by this listing would count; nothing where it does not tell.
    pub fn tells(mut self, listing: Listing, told: Option<Told>) -> Self {
        self.told.extend(told.map(|told| (listing.operation(), told)));
        self
    }

    pub fn weight(mut self, weight: Option<u64>) -> Self {
        self.weight = weight;
        self
    }
}

/// Makes attempts at one page: what is compiled for each listing is no more than this.
pub(super) type Ask = Box<dyn Fn() -> Attempt<Answer> + Send + Sync>;

/// A page, or why the answer is none.
pub(super) type Answer = Result<Page, Fault>;

/// `send` sends a copy of the request, `read` reads its output.
pub(super) fn ask<R, F, T, E>(
    request: R,
    send: impl Fn(R) -> F + Send + Sync + 'static,
    read: impl Fn(&T) -> Answer + Copy + Send + Sync + 'static,
) -> Ask
where
    R: Clone + Send + Sync + 'static,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    Box::new(move || {
        let reply = send(request.clone());
        Box::pin(async move { reply.await.map(|output| read(&output)).map_err(|error| failure(&error)) })
    })
}

/// An answer without a member that must be there says nothing, not zero.
pub(super) fn lacks(listing: Listing, member: &str) -> Fault {
    Fault::new(listing.qualified(), FaultKind::BadResponse, format!("the answer has no {member}"))
}

/// Refuses an answer whose body has no such member, which the SDK would show as an empty list. The name
/// is the SDK's: `rule_summary_list` for `RuleSummaryList`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holds(pub &'static str);

impl Intercept for Holds {
    fn name(&self) -> &'static str {
        "Holds"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default();
        if !response.status().is_success() || has_member(body, self.0) {
            return Ok(());
        }
        Err(format!("the answer has no {}", self.0).into())
    }
}

#[expect(clippy::zero_sized_map_values, reason = "the names of an object are read as those of a map")]
fn has_member(body: &[u8], snake: &str) -> bool {
    let members: Result<BTreeMap<String, IgnoredAny>, _> = serde_json::from_slice(body);
    let wanted = snake.replace('_', "");
    members.is_ok_and(|members| members.keys().any(|name| name.eq_ignore_ascii_case(&wanted)))
}

/// Asks for one page. The list's key must be there.
macro_rules! page {
    ($at:ident, $request:expr, $list:ident, $item:expr) => {{
        let listing = $at.listing;
        ask(
            $request.set_next_token($at.token.clone()),
            |r| r.send(),
            move |output| {
                let list = output.$list.as_ref().ok_or_else(|| lacks(listing, stringify!($list)))?;
                Ok(Page { items: list.iter().map($item).collect(), next: output.next_token.clone(), total: None })
            },
        )
    }};
    // The SDK makes these lists plain vectors, empty where the key is missing: the body is asked.
    ($at:ident, $request:expr, [$list:ident], $item:expr) => {{
        ask(
            $request.set_next_token($at.token.clone()),
            |r| r.customize().interceptor($crate::aws::page::Holds(stringify!($list))).send(),
            |output| {
                Ok(Page {
                    items: output.$list.iter().map($item).collect(),
                    next: output.next_token.clone(),
                    total: None,
                })
            },
        )
    }};
}

/// Asks for the first page of a search, which carries the total.
macro_rules! search {
    ($at:ident, $request:expr, $list:ident, $item:expr) => {{
        let listing = $at.listing;
        ask(
            $request,
            |r| r.send(),
            move |output| {
                let total = output.approximate_total_count.ok_or_else(|| lacks(listing, "ApproximateTotalCount"))?;
                let list = output.$list.as_deref().unwrap_or_default();
                Ok(Page { items: list.iter().map($item).collect(), next: None, total: Some(total) })
            },
        )
    }};
}

/// Asks for one resource whose description holds what is counted.
macro_rules! describe {
    ($request:expr, $items:expr) => {
        ask($request, |r| r.send(), |output| Ok(Page { items: $items(output), ..Page::default() }))
    };
}

pub(super) use {describe, page, search};
