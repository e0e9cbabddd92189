//! Identifiers that look like AWS's and are the same on every run.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A hash that depends on nothing but its input (the standard hasher's keys are fixed when it is
/// made this way).
pub(crate) fn hash(parts: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// A version 4 UUID, to look at.
pub(crate) fn uuid(kind: &str, owner: &str, index: u64) -> String {
    let high = hash((kind, owner, index, 1u8));
    let low = hash((kind, owner, index, 2u8));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

/// The index below `total` from which [`uuid`] makes this id.
pub(crate) fn place_of(kind: &str, owner: &str, total: u64, id: &str) -> Option<u64> {
    let start = u64::from_str_radix(id.get(..8)?, 16).ok()?;
    // The whole id is written only where its beginning fits: there may be many users.
    let fits = |index: &u64| hash((kind, owner, *index, 1u8)) >> 32 == start && uuid(kind, owner, *index) == id;
    (0..total).find(fits)
}

/// The 32 hex digits of an S3 entity tag, or of anything of that length.
pub(crate) fn hex32(content: &[u8]) -> String {
    format!("{:016x}{:016x}", hash((content, 1u8)), hash((content, 2u8)))
}
