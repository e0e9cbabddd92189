//! Ids as one text: an item of the table has little room.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(ids: &BTreeSet<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(ids.len() * 16);
    for id in ids {
        // A string takes every write.
        let _ = write!(text, "{id:016x}");
    }
    serializer.serialize_str(&text)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digits = text.as_bytes().chunks(16).map(|digits| std::str::from_utf8(digits).unwrap_or_default());
    digits.map(|digits| u64::from_str_radix(digits, 16).map_err(D::Error::custom)).collect()
}
