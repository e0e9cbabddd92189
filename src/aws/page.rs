//! One page of a listing, as every service's file reads it.

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
    pub id: Option<String>,
    /// Only of configuration, never of a person.
    pub name: Option<String>,
    pub arn: Option<String>,
    /// The type by which visits choose.
    pub kind: Option<String>,
}

impl Item {
    /// Something that is counted and nothing else.
    pub fn plain<T>(_: &T) -> Self {
        Self::new(None, None)
    }

    pub fn new(id: Option<&str>, name: Option<&str>) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Self { weight: Some(1), group: None, id: own(id), name: own(name), arn: None, kind: None }
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

    pub fn weight(mut self, weight: Option<u64>) -> Self {
        self.weight = weight;
        self
    }
}

/// Asks for one page. The list's key must be there: an answer without it says nothing, not zero.
macro_rules! page {
    ($self:ident, $at:ident, $request:expr, $list:ident, $item:expr) => {{
        let output = page!(@call $self, $at, $request);
        let list = output.$list.as_ref().ok_or_else(|| $self.without($at.listing.operation(), stringify!($list)))?;
        Page { items: list.iter().map($item).collect(), next: output.next_token.clone(), total: None }
    }};
    // The SDK makes these lists plain vectors, empty where the key is missing.
    ($self:ident, $at:ident, $request:expr, [$list:ident], $item:expr) => {{
        let output = page!(@call $self, $at, $request);
        Page { items: output.$list.iter().map($item).collect(), next: output.next_token.clone(), total: None }
    }};
    (@call $self:ident, $at:ident, $request:expr) => {{
        let request = $request;
        $self
            .caller
            .call($at.listing.operation(), $at.deadline, || request.clone().set_next_token($at.token.clone()).send())
            .await?
    }};
}

/// Asks for the first page of a search, which carries the total.
macro_rules! search {
    ($self:ident, $at:ident, $request:expr, $list:ident, $item:expr) => {{
        let request = $request;
        let operation = $at.listing.operation();
        let output = $self.caller.call(operation, $at.deadline, || request.clone().send()).await?;
        // A negative total is none: it must not pass for nothing at all.
        let total = output.approximate_total_count.filter(|total| *total >= 0);
        let total = total.ok_or_else(|| $self.without(operation, "ApproximateTotalCount"))?;
        let list = output.$list.as_deref().unwrap_or_default();
        Page { items: list.iter().map($item).collect(), next: None, total: Some(total) }
    }};
}

/// Asks for one resource whose description holds what is counted.
macro_rules! describe {
    ($self:ident, $at:ident, $request:expr, $items:expr) => {{
        let request = $request;
        let output = $self.caller.call($at.listing.operation(), $at.deadline, || request.clone().send()).await?;
        Page { items: $items(&output), next: None, total: None }
    }};
}

pub(super) use {describe, page, search};
