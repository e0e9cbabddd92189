//! Amazon Connect: REST JSON at the root path.

mod account;
mod items;
mod kinds;
mod listings;
mod request;

use http::Method;

use crate::wire::{Answer, AwsError, Call, Context};
use listings::{LISTINGS, Shape};
use request::Params;

/// A route of an operation that is not one instance's listing.
type Special = (&'static str, Method, &'static str, fn(&Context<'_>, &Params) -> Answer);

const SPECIALS: [Special; 4] = [
    ("ListInstances", Method::GET, "/instance", account::list_instances),
    ("DescribeInstance", Method::GET, "/instance/{}", account::describe_instance),
    ("ListPhoneNumbersV2", Method::POST, "/phone-number/list", account::list_phone_numbers),
    (
        "ListTrafficDistributionGroups",
        Method::GET,
        "/traffic-distribution-groups",
        account::list_traffic_distribution_groups,
    ),
];

/// The operation of this method and path.
pub(crate) fn operation(call: &Call) -> Result<String, AwsError> {
    let segments = call.segments();
    let special = SPECIALS
        .iter()
        .find(|(_, method, path, _)| *method == call.method && matches(path, &segments).is_some())
        .map(|(operation, ..)| *operation);
    let listing = || {
        LISTINGS
            .iter()
            .find(|listing| listing.method() == call.method && matches(listing.path, &segments).is_some())
            .map(|listing| listing.operation)
    };
    special.or_else(listing).map(str::to_owned).ok_or_else(|| {
        AwsError::new(404, "UnknownOperationException", "Unable to determine service/operation name to be authorized")
    })
}

pub(crate) fn answer(context: &Context<'_>) -> Answer {
    let segments = context.call.segments();
    for (operation, method, path, run) in &SPECIALS {
        if *operation == context.operation {
            let params = Params::read(context.call, *method == Method::POST)?;
            return run(context, &params.at_path(matches(path, &segments).flatten()));
        }
    }
    let Some(listing) = LISTINGS.iter().find(|listing| listing.operation == context.operation) else {
        return Err(AwsError::new(404, "UnknownOperationException", ""));
    };
    let params = Params::read(context.call, listing.shape != Shape::Get)?;
    listing.answer(context, &params.at_path(matches(listing.path, &segments).flatten()))
}

/// Whether the path fits the template; and if so, the segment at its `{}`.
fn matches<'a>(template: &str, segments: &'a [String]) -> Option<Option<&'a str>> {
    let mut parts = template.trim_start_matches('/').split('/');
    let mut found = None;
    for segment in segments {
        match parts.next()? {
            "{}" if segment.is_empty() => return None,
            "{}" => found = Some(segment.as_str()),
            part if part == segment => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_paths_match() {
        let segments = |path: &str| -> Vec<String> { path.split('/').map(str::to_owned).collect() };
        assert_eq!(matches("/instance/{}/bots", &segments("instance/i-1/bots")), Some(Some("i-1")));
        assert_eq!(matches("/instance", &segments("instance")), Some(None));
        for path in ["instance", "instance/i-1", "instance//bots", "instance/i-1/bots/x", "Instance/i-1/bots"] {
            assert_eq!(matches("/instance/{}/bots", &segments(path)), None, "{path}");
        }
    }
}
