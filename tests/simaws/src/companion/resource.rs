//! What the companion services hold: trees of resources, by the operation that shows them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Ids, Operation, api_of};
use crate::ids::uuid;
use crate::world::World;

/// One resource of a companion service: an item of a listing, and what stands below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    pub id: String,
    pub name: String,
    /// Members of the item that replace or join the usual ones, such as `knowledgeBaseType`.
    pub members: Map<String, Value>,
    /// By the operation that shows them. What only a `Get*` shows is under that operation's name.
    pub children: BTreeMap<&'static str, Vec<Resource>>,
    service: &'static str,
    /// The operation that shows this resource.
    listing: &'static str,
    /// The id of the resource above, or the service.
    owner: String,
}

impl Resource {
    fn new(operation: &'static Operation, service: &'static str, owner: &str, n: usize, name: Option<&str>) -> Self {
        let name = name.map_or_else(|| format!("{}{}", operation.label, n + 1), str::to_owned);
        let id = match operation.ids {
            Ids::Name => name.clone(),
            Ids::Uuid => uuid(operation.name, owner, n as u64),
            Ids::Like(other) => uuid(other, owner, n as u64),
        };
        let (members, children) = (Map::new(), BTreeMap::new());
        Self { id, name, members, children, service, listing: operation.name, owner: owner.to_owned() }
    }

    /// Adds `n` children with names and ids that follow from their place.
    ///
    /// # Panics
    /// As all helpers here: when the service has no such operation below this resource, because then a
    /// test has a typing error.
    pub fn add(&mut self, operation: &str, n: usize) -> &mut Self {
        for _ in 0..n {
            self.grow(operation, None);
        }
        self
    }

    /// Adds a child of this name.
    pub fn add_named(&mut self, operation: &str, name: &str) -> &mut Self {
        self.grow(operation, Some(name))
    }

    /// The child at this place.
    pub fn child(&mut self, operation: &str, index: usize) -> &mut Self {
        let known = self.children.get_mut(operation).and_then(|children| children.get_mut(index));
        known.unwrap_or_else(|| panic!("there is no child {index} of {operation}"))
    }

    /// Sets a member of the item.
    pub fn set(&mut self, member: &str, value: impl Into<Value>) -> &mut Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    fn grow(&mut self, operation: &str, name: Option<&str>) -> &mut Self {
        let operation = operation_of(self.service, operation);
        assert_eq!(operation.of, self.listing, "{} shows nothing of {}", operation.name, self.listing);
        // What a detail names stands beside the resource, and so its id follows from the owner.
        let owner = if matches!(operation.ids, Ids::Like(_)) { &self.owner } else { &self.id };
        let siblings = self.children.entry(operation.name).or_default();
        siblings.push(Self::new(operation, self.service, owner, siblings.len(), name));
        let last = siblings.len() - 1;
        &mut siblings[last]
    }

    pub(super) fn shown_by(&self, operation: &str) -> &[Self] {
        self.children.get(operation).map_or(&[], Vec::as_slice)
    }

    pub(super) fn text(&self, member: &str) -> Option<&str> {
        self.members.get(member).and_then(Value::as_str)
    }
}

fn operation_of(service: &str, name: &str) -> &'static Operation {
    let api = api_of(service).unwrap_or_else(|| panic!("there is no service {service}"));
    let found = api.operations.iter().find(|operation| operation.name == name);
    found.unwrap_or_else(|| panic!("{service} has no operation {name}"))
}

impl World {
    /// Adds a resource to a companion service (by signing name), as an item of a listing of the account.
    ///
    /// # Panics
    /// As all helpers here: when there is no such service or listing.
    pub fn add(&mut self, service: &str, listing: &str, name: &str) -> &mut Resource {
        let operation = operation_of(service, listing);
        assert_eq!(operation.of, "", "{listing} lists nothing of the account itself");
        let service = api_of(service).map_or("", |api| api.name);
        let list = self.resources.entry(service).or_default().entry(operation.name).or_default();
        list.push(Resource::new(operation, service, service, list.len(), Some(name)));
        let last = list.len() - 1;
        &mut list[last]
    }

    /// Adds `n` resources with names that follow from their place.
    pub fn add_many(&mut self, service: &str, listing: &str, n: usize) -> &mut Self {
        let operation = operation_of(service, listing);
        for _ in 0..n {
            let place = self.top(service, listing).len() + 1;
            self.add(service, listing, &format!("{}{place}", operation.label));
        }
        self
    }

    /// The resource at this place of a listing of the account.
    pub fn resource(&mut self, service: &str, listing: &str, index: usize) -> &mut Resource {
        let listings = self.resources.get_mut(service);
        let found = listings.and_then(|lists| lists.get_mut(listing)).and_then(|list| list.get_mut(index));
        found.unwrap_or_else(|| panic!("there is no resource {index} of {service} {listing}"))
    }

    /// The ARN of that resource, as an integration association names it.
    #[must_use]
    pub fn arn_of(&self, service: &str, listing: &str, index: usize) -> String {
        let found = self.top(service, listing).get(index);
        let found = found.unwrap_or_else(|| panic!("there is no resource {index} of {service} {listing}"));
        self.arn(service, &operation_of(service, listing).arn(&[&found.id]))
    }

    pub(super) fn top(&self, service: &str, listing: &str) -> &[Resource] {
        self.resources.get(service).and_then(|lists| lists.get(listing)).map_or(&[], Vec::as_slice)
    }
}
