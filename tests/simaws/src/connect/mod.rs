//! Amazon Connect: REST JSON at the root path.

mod account;
mod children;
mod items;
mod kinds;
mod listings;
mod more;
mod request;

use http::Method;

use crate::wire::{Answer, AwsError, Call, Context};
use children::CHILDREN;
use listings::{LISTINGS, Shape};
use request::Params;

/// A route of an operation that is not one instance's listing.
type Special = (&'static str, Method, &'static str, fn(&Context<'_>, &Params, &[&str]) -> Answer);

const SPECIALS: [Special; 5] = [
    ("ListInstances", Method::GET, "/instance", |context, params, _| account::list_instances(context, params)),
    ("DescribeInstance", Method::GET, "/instance/{}", |context, params, _| account::describe_instance(context, params)),
    ("ListPhoneNumbersV2", Method::POST, "/phone-number/list", |context, params, _| {
        account::list_phone_numbers(context, params)
    }),
    ("ListTrafficDistributionGroups", Method::GET, "/traffic-distribution-groups", |context, params, _| {
        account::list_traffic_distribution_groups(context, params)
    }),
    ("GetTaskTemplate", Method::GET, "/instance/{}/task/template/{}", children::get_task_template),
];

/// The operation of this method and path.
pub(crate) fn operation(call: &Call) -> Result<String, AwsError> {
    let segments = call.segments();
    let special = SPECIALS
        .iter()
        .find(|(_, method, path, _)| *method == call.method && matches(path, &segments).is_some())
        .map(|(operation, ..)| *operation);
    let child = || {
        let fits = |children: &&children::Children| {
            call.method == *children.method && matches(children.path, &segments).is_some()
        };
        CHILDREN.iter().find(fits).map(|children| children.operation)
    };
    let listing = || {
        LISTINGS
            .iter()
            .find(|listing| listing.method() == call.method && matches(listing.path, &segments).is_some())
            .map(|listing| listing.operation)
    };
    special.or_else(listing).or_else(child).map(str::to_owned).ok_or_else(|| {
        AwsError::new(404, "UnknownOperationException", "Unable to determine service/operation name to be authorized")
    })
}

pub(crate) fn answer(context: &Context<'_>) -> Answer {
    let segments = context.call.segments();
    for (operation, method, path, run) in &SPECIALS {
        if *operation == context.operation {
            let params = Params::read(context.call, *method == Method::POST)?;
            let ids = matches(path, &segments).unwrap_or_default();
            return run(context, &params.at_path(ids.first().copied()), &ids);
        }
    }
    if let Some(children) = CHILDREN.iter().find(|children| children.operation == context.operation) {
        return children.answer(context, &matches(children.path, &segments).unwrap_or_default());
    }
    let Some(listing) = LISTINGS.iter().find(|listing| listing.operation == context.operation) else {
        return Err(AwsError::new(404, "UnknownOperationException", ""));
    };
    let params = Params::read(context.call, listing.shape != Shape::Get)?;
    let ids = matches(listing.path, &segments).unwrap_or_default();
    listing.answer(context, &params.at_path(ids.first().copied()))
}

/// Whether the path fits the template; and if so, the segments at its `{}`.
fn matches<'a>(template: &str, segments: &'a [String]) -> Option<Vec<&'a str>> {
    let mut parts = template.trim_start_matches('/').split('/');
    let mut found = Vec::new();
    for segment in segments {
        match parts.next()? {
            "{}" if segment.is_empty() => return None,
            "{}" => found.push(segment.as_str()),
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
        assert_eq!(matches("/instance/{}/bots", &segments("instance/i-1/bots")), Some(vec!["i-1"]));
        assert_eq!(matches("/instance", &segments("instance")), Some(vec![]));
        for path in ["instance", "instance/i-1", "instance//bots", "instance/i-1/bots/x", "Instance/i-1/bots"] {
            assert_eq!(matches("/instance/{}/bots", &segments(path)), None, "{path}");
        }
    }
}
