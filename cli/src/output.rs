//! How answers and errors come out: for people, or one JSON object for programs.

use crate::failure::Failure;
use anyhow::{Context, Result};
use serde_json::Value;
use std::io::{ErrorKind, Write};

/// Where and how a command answers.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Answers as JSON, or for people.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read the answer.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints the answer in the form that was asked for.
    pub fn answer(
        self,
        json: impl FnOnce() -> Value,
        words: impl FnOnce() -> String,
    ) -> Result<()> {
        let text = if self.json {
            json().to_string()
        } else {
            printable(words().trim_end())
        };
        line(&mut std::io::stdout().lock(), &text).context("The answer can't be written")
    }

    /// Tells people something on the way, on stderr.
    pub fn note(self, words: &str) {
        if !self.json {
            tell(words);
        }
    }

    /// Tells what went wrong.
    pub fn failure(self, failure: &Failure) {
        if self.json {
            tell(&failure.to_json().to_string());
        } else {
            tell(&format!("error: {}", failure.message));
        }
    }
}

/// Writes a line to stderr. That it can't be written is no reason to stop.
fn tell(words: &str) {
    let _ = line(&mut std::io::stderr().lock(), &printable(words));
}

/// Writes a line. A reader that has seen enough (`| head`) is no error.
fn line(to: &mut impl Write, text: &str) -> std::io::Result<()> {
    match writeln!(to, "{text}").and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// The text without control characters, but for tabs and line ends: answers and descriptions come
/// from strangers and could otherwise steer the terminal.
pub fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(shown).collect()
}

/// Lines of a name and what stands for it, in two columns.
pub fn table(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(name, value)| format!("{name:width$}  {value}\n"));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_can_not_steer_the_terminal() {
        assert_eq!(
            printable("a\x1b[2Jb\x07\r\nc\td\u{9b}"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}\nc\td\u{fffd}"
        );
        assert_eq!(printable("篝 äß ✓"), "篝 äß ✓");
    }

    #[test]
    fn a_table_lines_up() {
        let rows = [("Job", "1".to_owned()), ("Provider", "2".to_owned())];
        assert_eq!(table(&rows), "Job       1\nProvider  2\n");
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        assert!(line(&mut Closed, "text").is_ok());
    }
}
