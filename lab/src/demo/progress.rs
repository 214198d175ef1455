//! A line that moves while a stage runs, and stays when it is done.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// The line of one stage.
pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
}

impl Progress {
    /// Shows that something goes on; where there is no terminal, nothing moves.
    pub(super) fn start(title: &str) -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        let bar = ProgressBar::new_spinner()
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, began: Instant::now() }
    }

    /// Says how it went.
    pub(super) fn done(self, summary: &str, good: bool) {
        self.bar.finish_and_clear();
        let mark = if good { '✓' } else { '✗' };
        println!("{mark} {summary} ({:.1} s)", self.began.elapsed().as_secs_f64());
    }
}
