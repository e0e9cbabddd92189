//! Parameters of a Connect call, from wherever the operation carries them.

use serde_json::Value;

use crate::paging::{self, Page};
use crate::wire::{AwsError, Call, Context};
use crate::world::Instance;

/// The parameters of one call: the query string's, or the members of the body.
#[derive(Debug)]
pub(crate) struct Params {
    values: Vec<(String, Value)>,
    in_body: bool,
    instance_in_path: Option<String>,
}

/// How large the pages of an operation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageSize {
    pub default: u64,
    pub max: u64,
}

impl Params {
    pub(crate) fn read(call: &Call, in_body: bool) -> Result<Self, AwsError> {
        let values = match (in_body, call.json()) {
            (true, Ok(Value::Object(members))) => members.into_iter().filter(|(_, v)| !v.is_null()).collect(),
            (true, Err(error)) => return Err(error),
            _ => call.query.iter().map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect(),
        };
        Ok(Self { values, in_body, instance_in_path: None })
    }

    pub(crate) fn at_path(mut self, segment: Option<&str>) -> Self {
        self.instance_in_path = segment.map(str::to_owned);
        self
    }

    /// The name of a member where it is carried: query strings begin in lower case.
    fn spelled(&self, member: &str) -> String {
        match member.chars().next() {
            Some(first) if !self.in_body => {
                format!("{}{}", first.to_ascii_lowercase(), &member[first.len_utf8()..])
            }
            _ => member.to_owned(),
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, AwsError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(serialization("STRING_VALUE")),
        }
    }

    /// All values of a parameter that may be repeated (query) or is a list (body).
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&str>, AwsError> {
        let mut texts = Vec::new();
        for (_, value) in self.values.iter().filter(|(key, _)| key == name) {
            match value {
                Value::String(text) => texts.push(text.as_str()),
                Value::Array(list) => {
                    for value in list {
                        texts.push(value.as_str().ok_or_else(|| serialization("STRING_VALUE"))?);
                    }
                }
                _ => return Err(serialization("STRING_VALUE")),
            }
        }
        Ok(texts)
    }

    /// The instance that the call is about; `code` is what the operation calls a bad parameter.
    pub(crate) fn instance<'w>(&self, context: &'w Context<'_>, code: &str) -> Result<&'w Instance, AwsError> {
        let id = match &self.instance_in_path {
            Some(id) => Some(id.as_str()),
            None => self.text("InstanceId")?,
        };
        let Some(id) = id else {
            return Err(AwsError::new(400, code, "InstanceId is a required parameter"));
        };
        if !(1..=100).contains(&id.chars().count()) {
            return Err(AwsError::new(400, code, "InstanceId must be of 1 to 100 characters"));
        }
        context.world.instance(id).ok_or_else(|| instance_not_found(id))
    }

    /// The page that the call asks for, among `total` things of which `keep` lets some through.
    pub(crate) fn page(
        &self,
        context: &Context<'_>,
        binding: &str,
        (size, code): (PageSize, &str),
        total: u64,
        keep: impl Fn(u64) -> bool,
    ) -> Result<Page, AwsError> {
        let max_results = match self.value(&self.spelled("MaxResults")) {
            None => size.default,
            Some(value) => {
                let number = match value {
                    Value::Number(number) => number.as_i64(),
                    Value::String(text) if !self.in_body => text.parse().ok(),
                    _ => None,
                };
                let number = number.ok_or_else(|| serialization("NUMBER_VALUE"))?;
                u64::try_from(number).ok().filter(|number| (1..=size.max).contains(number)).ok_or_else(|| {
                    let max = size.max;
                    let message = format!("MaxResults {number} is not valid: it must be between 1 and {max}");
                    AwsError::new(400, code, &message)
                })?
            }
        };
        let next_token = self.spelled("NextToken");
        let listing = paging::Listing {
            binding,
            token: self.text(&next_token)?,
            limit: max_results,
            total,
            quirk: context.quirk,
            short: context.world.short_pages,
            nonce: context.nonce,
        };
        listing.page(keep).map_err(|_| AwsError::new(400, code, "The NextToken is not valid for this request"))
    }
}

pub(crate) fn serialization(expected: &str) -> AwsError {
    AwsError::new(400, "SerializationException", &format!("Expected {expected}"))
}

pub(crate) fn instance_not_found(id: &str) -> AwsError {
    AwsError::new(404, "ResourceNotFoundException", &format!("Instance with id {id} does not exist"))
}
