//! Parameters of a call to a companion service.

use serde_json::Value;

use super::Api;
use crate::paging::{self, Page};
use crate::wire::{AwsError, Call, Context};

pub(super) struct Request<'a> {
    pub api: &'static Api,
    pub call: &'a Call,
    /// An object; empty where there is no body.
    pub body: Value,
}

impl<'a> Request<'a> {
    pub(super) fn read(api: &'static Api, call: &'a Call) -> Result<Self, AwsError> {
        Ok(Self { api, call, body: call.json()? })
    }

    pub(super) fn invalid(&self, message: &str) -> AwsError {
        AwsError::new(400, self.api.invalid, message)
    }

    /// All values of a parameter of the query string, which must be among those that exist.
    pub(super) fn query(&self, name: &str, known: &[&str]) -> Result<Vec<String>, AwsError> {
        let values: Vec<String> =
            self.call.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect();
        match values.iter().find(|value| !known.is_empty() && !known.contains(&value.as_str())) {
            Some(value) => Err(self.invalid(&format!("Value '{value}' at '{name}' is none of {known:?}"))),
            None => Ok(values),
        }
    }

    /// The page that the call asks for. Without a size it is the largest one; AWS does not say.
    pub(super) fn page(
        &self,
        context: &Context<'_>,
        binding: &str,
        (total, max): (usize, u64),
        keep: impl Fn(u64) -> bool,
    ) -> Result<Page, AwsError> {
        let paging = &self.api.paging;
        let listing = paging::Listing {
            binding,
            token: self.token()?,
            limit: self.max_results(max)?,
            total: total as u64,
            quirk: context.quirk,
            short: context.world.short_pages,
            nonce: context.nonce,
        };
        listing
            .page(keep)
            .map_err(|_| self.invalid(&format!("Value at '{}' is not a token of this request", paging.next_token)))
    }

    fn token(&self) -> Result<Option<&str>, AwsError> {
        let name = self.api.paging.next_token;
        if !self.api.paging.in_body {
            return Ok(self.call.param(name));
        }
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(serialization("STRING_VALUE")),
        }
    }

    fn max_results(&self, max: u64) -> Result<u64, AwsError> {
        let name = self.api.paging.max_results;
        let number = if self.api.paging.in_body {
            match self.body.get(name) {
                None | Some(Value::Null) => return Ok(max),
                Some(value) => value.as_i64().ok_or_else(|| serialization("NUMBER_VALUE"))?,
            }
        } else {
            match self.call.param(name) {
                None => return Ok(max),
                Some(text) => text.parse().map_err(|_| serialization("NUMBER_VALUE"))?,
            }
        };
        u64::try_from(number).ok().filter(|number| (1..=max).contains(number)).ok_or_else(|| {
            let bound = if number < 1 {
                "greater than or equal to 1".to_owned()
            } else {
                format!("less than or equal to {max}")
            };
            self.invalid(&format!(
                "1 validation error detected: Value '{number}' at '{name}' failed to satisfy constraint: Member must \
                 have value {bound}"
            ))
        })
    }
}

fn serialization(expected: &str) -> AwsError {
    AwsError::new(400, "SerializationException", &format!("{expected} was expected"))
}
