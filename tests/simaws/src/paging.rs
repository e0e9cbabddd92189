//! Pages and their tokens.
//!
//! A token is opaque and bound to the listing that issued it: operation, instance and filters. AWS
//! refuses a token that belongs to another request, and so does this; a client that mixes tokens up,
//! or makes one, cannot pass its tests.

use crate::ids::hash;
use crate::text::{base64, from_base64};

/// How a scripted fault bends the paging of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quirk {
    Endless,
    Repeat,
    EmptyFirst,
}

/// What the caller asks for.
pub(crate) struct Listing<'a> {
    /// Everything that the token is bound to.
    pub binding: &'a str,
    pub token: Option<&'a str>,
    /// The largest page.
    pub limit: u64,
    pub total: u64,
    pub quirk: Option<Quirk>,
    /// Pages may be shorter than asked for, or empty, though more follow.
    pub short: bool,
    /// Makes the tokens of an endless listing differ.
    pub nonce: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub indexes: Vec<u64>,
    pub next: Option<String>,
}

/// The token is not one of this listing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadToken;

/// Where a listing stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Position {
    pub offset: u64,
    /// Tells tokens for the same offset apart; also how an empty page knows not to follow another.
    pub nonce: u64,
}

const AFTER_EMPTY: u64 = u64::MAX;

pub(crate) fn token(binding: &str, position: Position) -> String {
    let Position { offset, nonce } = position;
    base64(format!("1.{offset:x}.{nonce:x}.{:016x}", hash((binding, offset, nonce))).as_bytes())
}

pub(crate) fn read_token(binding: &str, text: &str) -> Result<Position, BadToken> {
    let parse = || {
        let plain = String::from_utf8(from_base64(text)?).ok()?;
        let mut parts = plain.split('.').skip(1).map(|part| u64::from_str_radix(part, 16));
        Some(Position { offset: parts.next()?.ok()?, nonce: parts.next()?.ok()? })
    };
    let position = parse().ok_or(BadToken)?;
    // Issued again and compared: whatever was changed in it, it is not ours any more.
    if token(binding, position) == text { Ok(position) } else { Err(BadToken) }
}

impl Listing<'_> {
    /// The page of the items that `keep` lets through. Filters are applied before paging, so that a
    /// page is as full as it can be.
    pub(crate) fn page(&self, keep: impl Fn(u64) -> bool) -> Result<Page, BadToken> {
        let start = match self.token {
            Some(text) => read_token(self.binding, text)?,
            None => Position { offset: 0, nonce: 0 },
        };
        let issue = |offset, nonce| Some(token(self.binding, Position { offset, nonce }));
        match self.quirk {
            Some(Quirk::EmptyFirst) if self.token.is_none() => {
                return Ok(Page { indexes: Vec::new(), next: issue(0, AFTER_EMPTY) });
            }
            Some(Quirk::Endless) => {
                let (indexes, _) = self.collect(0, self.limit, keep);
                return Ok(Page { indexes, next: issue(0, self.nonce) });
            }
            Some(Quirk::Repeat) => {
                let (indexes, _) = self.collect(0, self.limit, keep);
                return Ok(Page { indexes, next: issue(0, 0) });
            }
            _ => {}
        }
        let mood = if self.short { hash((self.binding, start.offset)) % 3 } else { 3 };
        if mood == 0 && start.nonce != AFTER_EMPTY {
            return Ok(Page { indexes: Vec::new(), next: issue(start.offset, AFTER_EMPTY) });
        }
        let limit = if mood == 1 { self.limit.div_ceil(2) } else { self.limit };
        let (indexes, rest) = self.collect(start.offset, limit, keep);
        let next = match rest {
            Some(offset) => issue(offset, 0),
            // AWS may promise another page that turns out to be empty.
            None if mood == 2 && start.offset < self.total => issue(self.total, AFTER_EMPTY),
            None => None,
        };
        Ok(Page { indexes, next })
    }

    /// Up to `limit` kept indexes from `offset` on, and where the next one is, if there is one.
    fn collect(&self, offset: u64, limit: u64, keep: impl Fn(u64) -> bool) -> (Vec<u64>, Option<u64>) {
        let mut kept = (offset..self.total).filter(|index| keep(*index));
        let mut indexes = Vec::new();
        loop {
            match kept.next() {
                Some(index) if (indexes.len() as u64) < limit => indexes.push(index),
                rest => return (indexes, rest),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing<'a>(token: Option<&'a str>, total: u64) -> Listing<'a> {
        Listing { binding: "ListUsers i-1", token, limit: 10, total, quirk: None, short: false, nonce: 7 }
    }

    fn all(total: u64, short: bool, quirk: Option<Quirk>) -> (Vec<u64>, Vec<usize>) {
        let (mut seen, mut sizes, mut next) = (Vec::new(), Vec::new(), None::<String>);
        loop {
            let page = Listing { short, quirk, ..listing(next.as_deref(), total) };
            let page = page.page(|index| index % 2 == 0).expect("own tokens are good");
            sizes.push(page.indexes.len());
            seen.extend(page.indexes);
            next = page.next;
            if next.is_none() {
                return (seen, sizes);
            }
        }
    }

    #[test]
    fn every_item_is_listed_once_however_the_pages_fall() {
        let even: Vec<u64> = (0..55).filter(|i| i % 2 == 0).collect();
        assert_eq!(all(55, false, None), (even.clone(), vec![10, 10, 8]));
        assert_eq!(all(55, true, None).0, even);
        assert_eq!(all(55, false, Some(Quirk::EmptyFirst)), (even, vec![0, 10, 10, 8]));
        assert_eq!(all(0, false, None), (vec![], vec![0]));
        assert_eq!(all(20, false, None).1, vec![10], "no token after the last full page");
    }

    #[test]
    fn a_token_of_another_listing_or_of_nobody_is_refused() {
        let issued = listing(None, 50).page(|_| true).expect("first page").next.expect("more");
        assert!(read_token("ListUsers i-1", &issued).is_ok());
        assert_eq!(read_token("ListUsers i-2", &issued), Err(BadToken));
        for made in ["", "AAAA", "next-page", "MS4wLjAuMDAwMDAwMDAwMDAwMDAwMA=="] {
            assert_eq!(read_token("ListUsers i-1", made), Err(BadToken), "{made}");
        }
    }

    #[test]
    fn endless_tokens_differ_and_repeated_ones_do_not() {
        let page = |quirk, nonce| {
            let listing = Listing { quirk: Some(quirk), nonce, ..listing(None, 3) };
            listing.page(|_| true).expect("first page").next
        };
        assert_ne!(page(Quirk::Endless, 1), page(Quirk::Endless, 2));
        assert_eq!(page(Quirk::Repeat, 1), page(Quirk::Repeat, 2));
    }
}
