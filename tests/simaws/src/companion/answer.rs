//! Answers of the companion services, the same way for every line of their tables.

use serde_json::{Value, json};

use super::request::Request;
use super::{Api, Kind, List, Operation, Resource, ids_in};
use crate::ids::hash;
use crate::text::iso_time;
use crate::wire::{Answer, AwsError, Context, respond};
use crate::world::World;

/// One resource as an operation shows it.
pub(super) struct View<'a> {
    pub world: &'a World,
    pub api: &'static Api,
    pub operation: &'static Operation,
    /// The resources that the path names, from the top.
    pub above: Vec<&'a Resource>,
    /// The resource itself; for a detail, and before there is an item, the last one of the path.
    pub resource: Option<&'a Resource>,
    pub index: u64,
}

pub(crate) fn answer(api: &'static Api, context: &Context<'_>) -> Answer {
    let unknown = || AwsError::new(404, "UnknownOperationException", "");
    let operation = api.operations.iter().find(|operation| operation.name == context.operation).ok_or_else(unknown)?;
    let segments = context.call.segments();
    let ids = ids_in(operation.path, &segments).ok_or_else(unknown)?;
    let request = Request::read(api, context.call)?;
    let above = above(&request, context.world, operation, &ids)?;
    let resource = above.last().copied();
    let view = View { world: context.world, api, operation, above, resource, index: 0 };
    match &operation.kind {
        Kind::List(list) => page(&view, list, context, &request),
        Kind::Detail(answer) => answer(&view, &request),
        Kind::Part => Err(unknown()),
    }
}

/// The resources that the ids of the path name.
fn above<'a>(
    request: &Request<'_>,
    world: &'a World,
    operation: &Operation,
    ids: &[&str],
) -> Result<Vec<&'a Resource>, AwsError> {
    let mut above: Vec<&Resource> = Vec::new();
    for (listing, id) in operation.parents.iter().zip(ids) {
        if !id.starts_with("arn:") && !(request.api.id)(id) {
            return Err(request.invalid(&format!("Value '{id}' is not an identifier")));
        }
        let among = match above.last() {
            None => world.top(request.api.name, listing),
            Some(last) => last.shown_by(listing),
        };
        let found = among.iter().find(|resource| {
            let arn = || arn(world, request.api, listing, &above, resource);
            resource.id == *id || (request.api.arns && arn() == *id)
        });
        above.push(found.ok_or_else(|| {
            AwsError::new(404, "ResourceNotFoundException", &format!("{id} was not found by {}", operation.name))
        })?);
    }
    Ok(above)
}

/// The ARN of a resource that this listing shows, below others.
pub(super) fn arn(world: &World, api: &Api, listing: &str, above: &[&Resource], resource: &Resource) -> String {
    let ids: Vec<&str> = above.iter().copied().chain([resource]).map(|resource| resource.id.as_str()).collect();
    let operation = api.operations.iter().find(|operation| operation.name == listing);
    world.arn(api.name, &operation.map(|operation| operation.arn(&ids)).unwrap_or_default())
}

fn page(view: &View<'_>, list: &List, context: &Context<'_>, request: &Request<'_>) -> Answer {
    if let Some(check) = list.check {
        check(view)?;
    }
    let resources = match view.above.last() {
        None => view.world.top(view.api.name, view.operation.name),
        Some(last) => last.shown_by(view.operation.name),
    };
    let make = |index: u64| {
        let resource = resources.get(usize::try_from(index).ok()?)?;
        Some(View { above: view.above.clone(), resource: Some(resource), index, ..*view }.item(list.item))
    };
    let wanted = list.narrow.as_ref().map(|narrow| Ok((narrow.member, (narrow.read)(request)?))).transpose()?;
    let wanted = wanted.filter(|(_, values)| !values.is_empty());
    let keep = |index: u64| {
        let Some((member, values)) = &wanted else { return true };
        make(index).is_some_and(|item| values.iter().any(|value| item[*member] == value.as_str()))
    };
    let ids: Vec<&str> = view.above.iter().map(|resource| resource.id.as_str()).collect();
    let binding = format!("{} {} {ids:?} {wanted:?}", view.api.name, view.operation.name);
    let page = request.page(context, &binding, (resources.len(), list.max), keep)?;
    let items: Vec<Value> = page.indexes.into_iter().filter_map(make).collect();
    let mut body = json!({ list.member: items });
    if let Some(next) = page.next {
        body[view.api.paging.answered] = next.into();
    }
    ok(&body)
}

pub(super) fn ok(body: &Value) -> Answer {
    Ok(respond(200, "application/json", body.to_string()))
}

impl<'a> View<'a> {
    /// The item with the resource's own members in it.
    fn item(&self, make: fn(&View<'_>) -> Value) -> Value {
        let mut item = make(self);
        self.join(&mut item);
        item
    }

    /// Puts the resource's own members into what is shown of it.
    pub(super) fn join(&self, item: &mut Value) {
        for (name, value) in self.resource.iter().flat_map(|resource| &resource.members) {
            if !self.api.hidden.contains(&name.as_str()) {
                item[name] = value.clone();
            }
        }
    }

    pub(super) fn id(&self) -> &'a str {
        self.resource.map_or("", |resource| &resource.id)
    }

    pub(super) fn name(&self) -> &'a str {
        self.resource.map_or("", |resource| &resource.name)
    }

    /// A name that nobody needs to know: with the world's marker.
    pub(super) fn marked_name(&self) -> String {
        self.text(self.name())
    }

    /// As [`marked_name`](Self::marked_name), where blanks are not allowed.
    pub(super) fn marked_word(&self) -> String {
        self.marked_name().replace(' ', "-")
    }

    pub(super) fn arn(&self) -> String {
        self.resource.map_or_else(String::new, |own| arn(self.world, self.api, self.operation.name, &self.above, own))
    }

    /// The resource of the path at this depth, with its ARN.
    pub(super) fn parent(&self, depth: usize) -> (&'a str, String) {
        let (Some(parent), Some(listing)) = (self.above.get(depth), self.operation.parents.get(depth)) else {
            return ("", String::new());
        };
        (&parent.id, arn(self.world, self.api, listing, &self.above[..depth], parent))
    }

    /// What the resource holds for a detail to show.
    pub(super) fn shown(&self, operation: &str) -> &'a [Resource] {
        self.resource.map_or(&[], |resource| resource.shown_by(operation))
    }

    /// Free text, with the world's marker where one is set.
    pub(super) fn text(&self, text: &str) -> String {
        match &self.world.marker {
            Some(marker) => format!("{text} {marker}"),
            None => text.to_owned(),
        }
    }

    pub(super) fn tags(&self) -> Value {
        json!({ "owner": self.text("Ada") })
    }

    pub(super) fn epoch(&self) -> u64 {
        1_700_000_000 + hash(self.id()) % 50_000_000
    }

    /// The same moment as text.
    pub(super) fn iso(&self) -> String {
        iso_time(i64::try_from(self.epoch()).unwrap_or(0))
    }
}
