//! The names of the formats.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Style, github, har, html, json, junit, markdown, sarif, terminal};
use crate::finding::Outcome;

/// A form in which an outcome can be written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Format {
    /// For a person at a terminal.
    Human,
    /// The outcome itself: the source of every other format.
    Json,
    /// `JUnit` XML, as CI systems read it.
    Junit,
    /// One page with everything in it, for a browser.
    Html,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For a comment on a pull request or a job's summary.
    Markdown,
    /// HAR 1.2: the requests of the findings and their responses.
    Har,
    /// Annotations for a log of GitHub Actions.
    Github,
}

impl Format {
    /// Every format, in the order in which they are listed to users.
    pub const ALL: [Self; 8] =
        [Self::Human, Self::Json, Self::Junit, Self::Html, Self::Sarif, Self::Markdown, Self::Har, Self::Github];

    /// The name that users type.
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

    /// The extension that a file of this format usually has, without its dot.
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

/// A name that no format has.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("use `{given}` as report format: {}", hint(*.nearest))]
pub struct UnknownFormat {
    /// What was given.
    pub given: String,
    /// The format that was probably meant.
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

/// The report in a format; it ends with a newline. `style` matters to [`Format::Human`] alone.
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
    fn every_name_is_read_back_and_a_near_one_is_suggested() {
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
    fn in_no_format_does_a_string_of_the_target_steer_a_screen() {
        let hostile = sample::hostile();
        for format in Format::ALL {
            let text = render(format, &hostile, &Style::default());
            let treacherous = text.chars().find(|&c| !matches!(c, '\n' | '\t') && visible::is_treacherous(c));
            assert_eq!(treacherous, None, "{format}");
        }
    }

    #[test]
    fn a_run_without_anything_says_so_in_every_format() {
        let said = |format: Format| render(format, &sample::empty(), &Style::default()).to_lowercase();
        for format in Format::ALL {
            // The outcome itself has no words for it, and an archive without entries is one.
            let word = match format {
                Format::Json => "\"rules\": []",
                Format::Har => "\"entries\": []",
                _ => "nothing was tested",
            };
            assert!(said(format).contains(word), "{format}: {}", said(format));
        }
    }

    #[test]
    fn every_format_ends_with_one_newline_and_is_the_same_each_time() {
        for outcome in [sample::fixed(), sample::empty(), sample::hostile()] {
            for format in Format::ALL {
                let text = render(format, &outcome, &Style::default());
                assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{format}");
                assert_eq!(text, render(format, &outcome, &Style::default()));
            }
        }
    }
}
