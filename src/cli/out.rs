//! Writing to stdout and stderr. A closed pipe (`| head`) is no error.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::OnceLock;

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

/// Writes to stderr; an error there cannot be reported.
pub(super) fn err(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// When to use colours.
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
    /// Whether stdout gets colours.
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

/// URL of the current folder, if stdout is a terminal that shows links (OSC 8) and `document` is a file that they can open.
pub(super) fn links(color: Color, document: &str) -> Option<&'static str> {
    static FOLDER: OnceLock<Option<String>> = OnceLock::new();
    let is_shown = color == Color::Always && io::stdout().is_terminal() && shows_links(|name| std::env::var(name).ok());
    if !is_shown || !Path::new(document).is_file() {
        return None;
    }
    let folder = || {
        let folder = std::env::current_dir().ok()?.to_str()?.replace('\\', "/").replace('%', "%25").replace(' ', "%20");
        Some(format!("file:///{}/", folder.trim_matches('/')))
    };
    FOLDER.get_or_init(folder).as_deref()
}

/// Whether the terminal, as its environment variables describe it, shows links.
fn shows_links(variable: impl Fn(&str) -> Option<String>) -> bool {
    const TERMINALS: [&str; 10] = [
        "iTerm.app",
        "WezTerm",
        "vscode",
        "ghostty",
        "Hyper",
        "rio",
        "xterm-kitty",
        "xterm-ghostty",
        "alacritty",
        "foot",
    ];
    let is_known = |name| variable(name).is_some_and(|value| TERMINALS.contains(&value.as_str()));
    // VTE (GNOME Terminal and others) shows them from version 0.50.
    let vte = variable("VTE_VERSION").and_then(|version| version.parse::<u32>().ok());
    is_known("TERM_PROGRAM")
        || is_known("TERM")
        || ["WT_SESSION", "KONSOLE_VERSION"].iter().any(|name| variable(name).is_some())
        || vte.is_some_and(|version| version >= 5_000)
}

/// Width of text on stdout, in columns, from 50 to 160: `COLUMNS`, or the width of the terminal, or `otherwise`.
pub(super) fn width(otherwise: usize) -> usize {
    columns_of_stdout().unwrap_or(otherwise).clamp(50, 160)
}

/// `COLUMNS`, or the width of the terminal; `None` if stdout is no terminal: lines then need no limit.
pub(super) fn columns_of_stdout() -> Option<usize> {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    set.or_else(|| io::stdout().is_terminal().then(columns)?)
}

/// Width of the terminal, in columns; 80 if unknown.
pub(super) fn terminal_width() -> usize {
    columns().unwrap_or(80)
}

fn columns() -> Option<usize> {
    terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0)).filter(|columns| *columns > 0)
}

/// `text` for a terminal: control characters other than line ends are escaped.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_need_a_terminal_that_shows_them() {
        let shows = |name: &str, value: &str| shows_links(|asked| (asked == name).then(|| value.to_owned()));
        assert!(shows("TERM", "xterm-kitty") && shows("TERM_PROGRAM", "vscode") && shows("VTE_VERSION", "7200"));
        assert!(!shows("TERM", "xterm-256color") && !shows("VTE_VERSION", "4900") && !shows_links(|_| None));
    }
}
