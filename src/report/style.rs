//! Layout and colours of text for people.

use std::fmt::Display;

use owo_colors::OwoColorize as _;

use super::sarif::uri;

/// Whether colours are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Color {
    /// Plain text.
    #[default]
    Never,
    /// ANSI escapes of the sixteen basic colours.
    Always,
}

/// How much is shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Verbosity {
    /// Findings, and what the run could not remove.
    Findings,
    /// Findings, counts and the verdict.
    Quiet,
    /// Also the rules that did not pass, observations and drift.
    #[default]
    Normal,
    /// Also every rule with its statement, coverage in detail, and the bodies of the findings' steps.
    Verbose,
}

/// How a report for people looks; the formats for programs ignore it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Whether colours are used.
    pub color: Color,
    /// Columns of the terminal; at least 50 are used.
    pub width: usize,
    /// How much is shown.
    pub detail: Verbosity,
    /// URL of the folder that relative file names refer to, ending with a slash (`file:///work/`): files become links
    /// (OSC 8). `None`: no links.
    pub links: Option<&'static str>,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: Color::Never, width: 100, detail: Verbosity::Normal, links: None }
    }
}

/// The meaning of a piece of text; colour only repeats what the words say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TextStyle {
    Success,
    Error,
    Warning,
    Info,
    Bold,
}

impl Style {
    /// Columns that lines may take.
    pub(super) fn columns(&self) -> usize {
        self.width.max(50)
    }

    /// `text` in the colour of `style`. Dim text and dark blue are not used: they are unreadable on dark screens.
    pub(super) fn paint(&self, style: TextStyle, text: impl Display) -> String {
        let text = text.to_string();
        if self.color == Color::Never || text.is_empty() {
            return text;
        }
        match style {
            TextStyle::Success => text.green().to_string(),
            TextStyle::Error => text.red().bold().to_string(),
            TextStyle::Warning => text.yellow().to_string(),
            TextStyle::Info => text.cyan().to_string(),
            TextStyle::Bold => text.bold().to_string(),
        }
    }

    /// `text` as a link to a file, if links are wanted.
    pub(super) fn link(&self, file: &str, text: &str) -> String {
        let Some(folder) = self.links else { return text.to_owned() };
        let path = uri(file);
        let url = if path.starts_with("file:") { path } else { format!("{folder}{path}") };
        format!("\u{1b}]8;;{url}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_and_links_text_has_no_escapes() {
        let plain = Style::default();
        let coloured = Style { color: Color::Always, ..plain };
        let styles = [TextStyle::Success, TextStyle::Error, TextStyle::Warning, TextStyle::Info, TextStyle::Bold];
        for style in styles {
            assert_eq!(plain.paint(style, "x"), "x");
            assert!(coloured.paint(style, "x").starts_with("\u{1b}["));
        }
        assert_eq!(plain.link("/a", "x"), "x");
        let linked = Style { links: Some("file:///work/"), ..plain };
        assert_eq!(linked.link("/a b", "x"), "\u{1b}]8;;file:///a%20b\u{1b}\\x\u{1b}]8;;\u{1b}\\");
    }
}
