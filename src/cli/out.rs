//! Writing to the two streams. A reader that went away (`| head`) is no error.

use std::io::{self, IsTerminal as _, Write as _};

use qonform::report::Color;

use super::CliError;

/// Writes to stdout.
pub(super) fn out(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::world(format!("write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes to stderr. When even that fails there is nobody left to tell.
pub(super) fn err(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// When colours are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// What it means for stdout.
    pub(super) fn for_stdout(self) -> Color {
        match self {
            Self::Always => Color::Always,
            Self::Never => Color::Never,
            Self::Auto => match anstream::AutoStream::choice(&io::stdout()) {
                anstream::ColorChoice::Never => Color::Never,
                _ if !io::stdout().is_terminal() && std::env::var_os("CLICOLOR_FORCE").is_none() => Color::Never,
                _ => Color::Always,
            },
        }
    }
}

/// Columns for text on stdout: what `COLUMNS` says, or as many as the terminal has, or `otherwise` where there is none;
/// never so many that lines are hard to read.
pub(super) fn width(otherwise: usize) -> usize {
    columns_of_stdout().unwrap_or(otherwise).clamp(50, 160)
}

/// What `COLUMNS` says, or as many columns as the terminal has; `None` where there is none: then nobody counts them.
pub(super) fn columns_of_stdout() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.or_else(|| io::stdout().is_terminal().then(columns)?)
}

/// Columns of the terminal; 80 where it does not say.
pub(super) fn terminal_width() -> usize {
    columns().unwrap_or(80)
}

fn columns() -> Option<usize> {
    terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0)).filter(|columns| *columns > 0)
}

/// `text` for a terminal: what could move its cursor is written as an escape, line ends apart.
pub(super) fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut plain, c| {
        if c.is_control() && c != '\n' {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
        plain
    })
}
