//! How text for people is laid out and coloured.

use std::fmt::Display;

use owo_colors::OwoColorize as _;

/// Whether styles are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Color {
    /// Plain text.
    #[default]
    Never,
    /// ANSI escapes of the sixteen basic colours.
    Always,
}

/// How much a person wants to read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Verbosity {
    /// Findings and the last line.
    Quiet,
    /// Every rule's verdict as well.
    #[default]
    Normal,
    /// The rules' statements and the bodies of the findings' steps as well.
    Verbose,
}

/// What the caller wants of a report for people; the formats for machines do not look at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Whether to colour.
    pub color: Color,
    /// Columns of the terminal; below 50 it is taken as 50.
    pub width: usize,
    /// How much to tell.
    pub detail: Verbosity,
}

impl Default for Style {
    fn default() -> Self {
        Self { color: Color::Never, width: 100, detail: Verbosity::Normal }
    }
}

/// What a piece of text means; colour only repeats what the words say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    Good,
    Bad,
    Doubtful,
    Aside,
    Strong,
    Plain,
}

impl Style {
    /// The width that lines are laid out for.
    pub(super) fn columns(&self) -> usize {
        self.width.max(50)
    }

    /// `text` in the colour of `tone`. Dim text and dark blue are left out: they vanish on dark screens.
    pub(super) fn paint(&self, tone: Tone, text: impl Display) -> String {
        let text = text.to_string();
        if self.color == Color::Never || text.is_empty() {
            return text;
        }
        match tone {
            Tone::Good => text.green().to_string(),
            Tone::Bad => text.red().bold().to_string(),
            Tone::Doubtful => text.yellow().to_string(),
            Tone::Aside => text.cyan().to_string(),
            Tone::Strong => text.bold().to_string(),
            Tone::Plain => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_no_escape_is_written() {
        let plain = Style::default();
        let coloured = Style { color: Color::Always, ..plain };
        for tone in [Tone::Good, Tone::Bad, Tone::Doubtful, Tone::Aside, Tone::Strong] {
            assert_eq!(plain.paint(tone, "x"), "x");
            assert!(coloured.paint(tone, "x").starts_with("\u{1b}["));
        }
    }
}
