//! Text from outside, fit for mails and keys.

/// Printable ASCII, at most `most` characters.
#[must_use]
pub fn clean(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
