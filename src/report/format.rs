//! The names of the formats.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Style, github, har, html, json, junit, markdown, sarif, terminal};
use crate::finding::{Finding, Outcome};

/// A format of a report.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Format {
    /// Text for a terminal.
    Human,
    /// The outcome itself: the source of every other format.
    Json,
    /// `JUnit` XML, as CI systems read it.
    Junit,
    /// One self-contained page for a browser.
    Html,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For a comment on a pull request or the summary of a job.
    Markdown,
    /// HAR 1.2: the requests and responses of the findings.
    Har,
    /// Annotations for the log of GitHub Actions.
    Github,
}

impl Format {
    /// All formats, in the order of help texts.
    pub const ALL: [Self; 8] =
        [Self::Human, Self::Json, Self::Junit, Self::Html, Self::Sarif, Self::Markdown, Self::Har, Self::Github];

    /// The name in arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Html => "html",
            Self::Sarif => "sarif",
            Self::Markdown => "markdown",
            Self::Har => "har",
            Self::Github => "github",
        }
    }

    /// The usual file extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Human | Self::Github => "txt",
            Self::Json => "json",
            Self::Junit => "xml",
            Self::Html => "html",
            Self::Sarif => "sarif",
            Self::Markdown => "md",
            Self::Har => "har",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The name of a format is unknown.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("use `{given}` as report format: {}", hint(*.nearest))]
pub struct UnknownFormat {
    /// The unknown name.
    pub given: String,
    /// The format with the nearest name.
    pub nearest: Option<Format>,
}

fn hint(nearest: Option<Format>) -> String {
    let known = Format::ALL.map(Format::name).join(", ");
    match nearest {
        Some(format) => format!("did you mean `{format}`? Known are {known}"),
        None => format!("known are {known}"),
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == given)
            .ok_or_else(|| UnknownFormat { given: given.to_owned(), nearest: nearest(given) })
    }
}

/// The format whose name or extension shares the most letter pairs with `given`.
fn nearest(given: &str) -> Option<Format> {
    let pairs = |text: &str| -> Vec<(char, char)> {
        let text = format!("^{}$", text.to_lowercase());
        text.chars().zip(text.chars().skip(1)).collect()
    };
    let meant = pairs(given);
    let likeness = |format: Format| {
        [format.name(), format.extension()]
            .map(|name| pairs(name).iter().filter(|pair| meant.contains(pair)).count())
            .into_iter()
            .max()
    };
    Format::ALL.into_iter().rev().max_by_key(|&format| likeness(format)).filter(|&format| likeness(format) >= Some(2))
}

/// One finding of an outcome, as in [`Format::Human`].
pub fn render_finding(outcome: &Outcome, finding: &Finding, style: &Style) -> String {
    terminal::finding_of(outcome, finding, style)
}

/// The report in a format; it ends with a newline. Only [`Format::Human`] uses `style`.
pub fn render(format: Format, outcome: &Outcome, style: &Style) -> String {
    match format {
        Format::Human => terminal::render(outcome, style),
        Format::Json => json::render(outcome),
        Format::Junit => junit::render(outcome),
        Format::Html => html::render(outcome),
        Format::Sarif => sarif::render(outcome),
        Format::Markdown => markdown::render(outcome),
        Format::Har => har::render(outcome),
        Format::Github => github::render(outcome),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{sample, visible};
    use super::*;

    #[test]
    fn every_name_is_parsed_and_a_near_one_is_suggested() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let meant = |given: &str| given.parse::<Format>().unwrap_err().nearest;
        assert_eq!(meant("jnuit"), Some(Format::Junit));
        assert_eq!(meant("JSON"), Some(Format::Json));
        assert_eq!(meant("xml"), Some(Format::Junit));
        assert_eq!(meant("md"), Some(Format::Markdown));
        assert_eq!(meant("q"), None);
        assert_eq!(
            "jsn".parse::<Format>().unwrap_err().to_string(),
            "use `jsn` as report format: did you mean `json`? Known are human, json, junit, html, sarif, markdown, har, github"
        );
    }

    #[test]
    fn no_format_contains_control_characters_of_the_target() {
        let hostile = sample::hostile();
        for format in Format::ALL {
            let text = render(format, &hostile, &Style::default());
            let found = text.chars().find(|&c| !matches!(c, '\n' | '\t') && visible::is_unsafe(c));
            assert_eq!(found, None, "{format}");
        }
    }

    #[test]
    fn every_format_reports_that_nothing_was_tested() {
        let text = |format: Format| render(format, &sample::empty(), &Style::default()).to_lowercase();
        for format in Format::ALL {
            // JSON and HAR show it by empty lists.
            let word = match format {
                Format::Json => "\"rules\": []",
                Format::Har => "\"entries\": []",
                _ => "nothing was tested",
            };
            assert!(text(format).contains(word), "{format}: {}", text(format));
        }
    }

    #[test]
    fn every_format_ends_with_a_newline_and_is_deterministic() {
        for outcome in [sample::fixed(), sample::empty(), sample::hostile()] {
            for format in Format::ALL {
                let text = render(format, &outcome, &Style::default());
                assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{format}");
                assert_eq!(text, render(format, &outcome, &Style::default()));
            }
        }
    }
}
