//! What people see while they wait: one line on stderr that changes. Nothing of it where stderr is
//! no terminal, or where a program reads.

use crate::output::{printable, Output};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{io::IsTerminal, time::Duration};

/// The line.
pub struct Progress {
    spinner: ProgressBar,
}

impl Progress {
    /// A line that shows itself only to people on a terminal.
    pub fn new(output: Output) -> Self {
        let shown = !output.is_json() && std::io::stderr().is_terminal();
        let spinner = ProgressBar::new_spinner();
        // Cut to the terminal's width: a line that wraps can't be drawn over.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}") {
            spinner.set_style(style);
        }
        if shown {
            spinner.enable_steady_tick(Duration::from_millis(120));
        } else {
            spinner.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { spinner }
    }

    /// Says what is being waited for.
    pub fn say(&self, words: impl AsRef<str>) {
        self.spinner.set_message(printable(words.as_ref()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.spinner.finish_and_clear();
    }
}
