//! Texts that people give: as an argument, or on stdin.

use crate::failure::Failure;
use std::{ffi::OsStr, io::Read, os::unix::ffi::OsStrExt};

/// Most bytes of a text. No job takes so much; it bounds what is read and sent to the node.
const MAX_TEXT: u64 = 1 << 20;

/// The text of an argument; `-` stands for what comes on stdin.
pub fn read(argument: &OsStr, what: &str) -> Result<String, Failure> {
    if argument == "-" {
        return read_from(std::io::stdin().lock(), what);
    }
    decode(argument.as_bytes(), what)
}

/// Reads a text whole, and drops one line end at its end: `echo` and editors add it.
fn read_from(from: impl Read, what: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(MAX_TEXT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(format!("The {what} can't be read from stdin: {error}.")))?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    decode(line.strip_suffix(b"\r").unwrap_or(line), what)
}

fn decode(bytes: &[u8], what: &str) -> Result<String, Failure> {
    if bytes.is_empty() {
        return Err(Failure::new(format!(
            "The {what} is empty: there is nothing to compute."
        )));
    }
    if bytes.len() as u64 > MAX_TEXT {
        return Err(Failure::new(format!(
            "The {what} is longer than {MAX_TEXT} bytes."
        )));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Failure::new(format!(
            "The {what} is not valid UTF-8: look at its byte {}.",
            at + 1
        ))
    })?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> String {
        read_from(bytes, "prompt").expect_err("is refused").message
    }

    #[test]
    fn one_line_end_is_dropped_and_no_more() {
        for (given, kept) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            (" a ", " a "),
        ] {
            assert_eq!(read_from(given.as_bytes(), "prompt").expect("reads"), kept);
        }
    }

    #[test]
    fn bad_utf8_is_refused_with_its_place() {
        assert!(told(b"ab\xffcd").contains("not valid UTF-8: look at its byte 3"));
        let argument = OsStr::from_bytes(b"\xc3(");
        assert!(read(argument, "prompt")
            .expect_err("is refused")
            .message
            .contains("byte 1"));
        assert_eq!(
            read(OsStr::new("Warum? 篝"), "prompt").expect("reads"),
            "Warum? 篝"
        );
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert!(told(b"").contains("empty"));
        assert!(told(b"\n").contains("empty"));
        let most = vec![b'a'; MAX_TEXT as usize];
        assert!(read_from(&most[..], "prompt").is_ok());
        assert!(told(&[&most[..], b"a"].concat()).contains("longer than"));
    }
}
