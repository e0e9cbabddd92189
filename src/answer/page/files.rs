//! How the pages of instances are called.

use crate::answer::stored::StoredInstance;

/// AWS's ids are hexadecimal; whatever else a document holds becomes no path.
pub(super) fn file_name(place: usize, instance: &StoredInstance) -> String {
    let id = &instance.instance_id;
    let is_plain = (1..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_plain { format!("{id}.html") } else { format!("instance-{place}.html") }
}

/// A file's name as a part of an address.
pub(super) fn encoded(name: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    name.bytes()
        .map(|byte| if is_plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
