//! The companion services of Amazon Connect: Cases, Customer Profiles, Q in Connect, AppIntegrations and
//! outbound campaigns. All are REST JSON, and one table each: a line for each operation.

mod answer;
mod campaigns;
mod cases;
mod integrations;
mod profiles;
mod request;
mod resource;
mod wisdom;

use serde_json::Value;

pub(crate) use answer::answer;
pub use resource::Resource;

use crate::throttle::Rate;
use crate::wire::{Answer, AwsError, Call};
use answer::View;
use request::Request;

/// One companion service.
#[derive(Debug)]
pub(crate) struct Api {
    /// The signing name.
    pub name: &'static str,
    pub operations: &'static [Operation],
    /// What its operations call a bad parameter.
    pub invalid: &'static str,
    pub internal: &'static str,
    /// The status of its throttling error.
    pub throttled: u16,
    /// The member of its errors that holds the message.
    pub message: &'static str,
    paging: Paging,
    /// Whether paths take an ARN in place of an id.
    arns: bool,
    /// Whether this may be an id of the service at all.
    id: fn(&str) -> bool,
    /// Members of a resource that its listing does not show, but another operation.
    hidden: &'static [&'static str],
}

/// Where the page is asked for, and how its token is answered.
#[derive(Debug)]
struct Paging {
    in_body: bool,
    max_results: &'static str,
    next_token: &'static str,
    /// The token's member in the answer.
    answered: &'static str,
}

/// How the id of a resource is made.
#[derive(Clone, Copy, Debug)]
enum Ids {
    Uuid,
    /// Its name is its id.
    Name,
    /// It is the one at the same place of this listing, which stands beside the resource.
    Like(&'static str),
}

/// One operation of a table.
#[derive(Debug)]
pub(crate) struct Operation {
    pub name: &'static str,
    method: &'static str,
    /// Ids stand at `{}`.
    path: &'static str,
    /// The listings that these ids come from, in their order.
    parents: &'static [&'static str],
    /// The listing whose items hold what this operation shows; empty for the account itself.
    of: &'static str,
    ids: Ids,
    /// How names begin, before their number.
    label: &'static str,
    /// The resource part of an ARN, with `{}` for the ids from the top.
    arn: &'static str,
    pub rate: Rate,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    List(List),
    Detail(fn(&View<'_>, &Request<'_>) -> Answer),
    /// Not an operation: a part of what another one shows.
    Part,
}

#[derive(Debug)]
struct List {
    /// The member that holds the items.
    member: &'static str,
    max: u64,
    item: fn(&View<'_>) -> Value,
    narrow: Option<Narrow>,
    check: Option<Check>,
}

/// Whether the resource of the path can be listed at all.
type Check = fn(&View<'_>) -> Result<(), AwsError>;

/// A parameter that narrows a listing to items of which a member has one of its values.
#[derive(Debug)]
struct Narrow {
    member: &'static str,
    read: fn(&Request<'_>) -> Result<Vec<String>, AwsError>,
}

impl Operation {
    const fn new(name: &'static str, method: &'static str, path: &'static str, kind: Kind) -> Self {
        let (ids, rate) = (Ids::Uuid, Rate::new(2.0, 5));
        Self { name, method, path, parents: &[], of: "", ids, label: "", arn: "", rate, kind }
    }

    /// A listing: its member, its largest page and its items.
    const fn list(
        name: &'static str,
        method: &'static str,
        path: &'static str,
        (member, max): (&'static str, u64),
        item: fn(&View<'_>) -> Value,
    ) -> Self {
        Self::new(name, method, path, Kind::List(List { member, max, item, narrow: None, check: None }))
    }

    const fn detail(
        name: &'static str,
        method: &'static str,
        path: &'static str,
        answer: fn(&View<'_>, &Request<'_>) -> Answer,
    ) -> Self {
        Self::new(name, method, path, Kind::Detail(answer))
    }

    const fn part(name: &'static str, of: &'static str) -> Self {
        Self { of, ..Self::new(name, "", "", Kind::Part) }
    }

    /// The label of its names and the resource part of its ARNs.
    const fn called(mut self, label: &'static str, arn: &'static str) -> Self {
        (self.label, self.arn) = (label, arn);
        self
    }

    /// The path's ids are of these listings; what is shown belongs to the last.
    const fn under(mut self, parents: &'static [&'static str]) -> Self {
        (self.parents, self.of) = (parents, parents[parents.len() - 1]);
        self
    }

    /// What is shown belongs to this listing, whatever the path names.
    const fn of(mut self, listing: &'static str) -> Self {
        self.of = listing;
        self
    }

    const fn ids(mut self, ids: Ids) -> Self {
        self.ids = ids;
        self
    }

    const fn rate(mut self, per_second: f64, burst: u32) -> Self {
        self.rate = Rate::new(per_second, burst);
        self
    }

    const fn narrowed(mut self, narrow: Narrow) -> Self {
        if let Kind::List(list) = &mut self.kind {
            list.narrow = Some(narrow);
        }
        self
    }

    const fn checked(mut self, check: Check) -> Self {
        if let Kind::List(list) = &mut self.kind {
            list.check = Some(check);
        }
        self
    }

    /// The resource part of the ARN of the resource with these ids, from the top.
    fn arn(&self, ids: &[&str]) -> String {
        ids.iter().fold(self.arn.to_owned(), |arn, id| arn.replacen("{}", id, 1))
    }
}

pub(crate) static APIS: [&Api; 5] = [&cases::API, &profiles::API, &wisdom::API, &integrations::API, &campaigns::API];

pub(crate) fn api_of(name: &str) -> Option<&'static Api> {
    APIS.into_iter().find(|api| api.name == name)
}

/// The operation of this method and path.
pub(crate) fn operation(api: &'static Api, call: &Call) -> Result<String, AwsError> {
    let segments = call.segments();
    let found = api
        .operations
        .iter()
        .find(|operation| operation.method == call.method.as_str() && ids_in(operation.path, &segments).is_some());
    found.map(|operation| operation.name.to_owned()).ok_or_else(|| {
        AwsError::new(404, "UnknownOperationException", "Unable to determine service/operation name to be authorized")
    })
}

/// The ids at the `{}` of a path that fits the template. A slash at the end is as good as none.
fn ids_in<'a>(template: &str, segments: &'a [String]) -> Option<Vec<&'a str>> {
    let segments = match segments {
        [whole @ .., last] if last.is_empty() => whole,
        whole => whole,
    };
    let parts: Vec<&str> = template.trim_matches('/').split('/').collect();
    if parts.len() != segments.len() || template.is_empty() {
        return None;
    }
    let mut ids = Vec::new();
    for (part, segment) in parts.into_iter().zip(segments) {
        match part {
            "{}" if segment.is_empty() => return None,
            "{}" => ids.push(segment.as_str()),
            part if part == segment => {}
            _ => return None,
        }
    }
    Some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_fit_together() {
        for api in APIS {
            let known = |name: &str| api.operations.iter().any(|operation| operation.name == name);
            for operation in api.operations {
                let line = format!("{} {}", api.name, operation.name);
                assert_eq!(operation.path.matches("{}").count(), operation.parents.len(), "{line}");
                assert!(operation.parents.iter().all(|parent| known(parent)), "{line}");
                assert!(operation.of.is_empty() || known(operation.of), "{line}");
                assert!(!matches!(operation.ids, Ids::Like(other) if !known(other)), "{line}");
                let same = |other: &&Operation| other.method == operation.method && other.path == operation.path;
                let part = matches!(operation.kind, Kind::Part);
                assert_eq!(api.operations.iter().filter(same).count(), 1, "{line}");
                assert_eq!(operation.path.is_empty(), part, "{line}");
                if matches!(operation.kind, Kind::List(_)) && !operation.arn.is_empty() {
                    assert_eq!(operation.arn.matches("{}").count(), operation.parents.len() + 1, "{line}");
                }
            }
        }
    }

    #[test]
    fn a_slash_at_the_end_is_as_good_as_none() {
        let segments = |path: &str| -> Vec<String> { path.split('/').map(str::to_owned).collect() };
        for path in ["domains/d-1/rules-list", "domains/d-1/rules-list/"] {
            assert_eq!(ids_in("/domains/{}/rules-list/", &segments(path)), Some(vec!["d-1"]), "{path}");
        }
        for path in ["domains//rules-list", "domains/d-1", "domains/d-1/rules-list/x", ""] {
            assert_eq!(ids_in("/domains/{}/rules-list/", &segments(path)), None, "{path}");
        }
    }
}
