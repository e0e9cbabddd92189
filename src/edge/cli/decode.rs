//! The text of a file that somebody's tools wrote.

/// UTF-8 without its byte order mark, which Windows' tools put before it.
///
/// # Errors
/// What it is instead, and how to make it UTF-8.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16, as PowerShell's `>` writes: write it as UTF-8, with `-o FILE` or `| Out-File -Encoding utf8`"
            .to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())?;
    match text.strip_prefix('\u{feff}') {
        Some(rest) => Ok(rest.to_owned()),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_byte_order_are_known() {
        assert_eq!(text(b"\xef\xbb\xbf{}".to_vec()).as_deref(), Ok("{}"));
        assert_eq!(text(b"{}".to_vec()).as_deref(), Ok("{}"));
        for bytes in [b"\xff\xfe{\0}\0".to_vec(), b"\xfe\xff\0{\0}".to_vec()] {
            let why = text(bytes).unwrap_err();
            assert!(why.contains("UTF-16") && why.contains("Out-File -Encoding utf8"), "{why}");
        }
        assert!(text(vec![b'a', 0xff]).unwrap_err().contains("no text"));
    }
}
