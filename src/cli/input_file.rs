//! A TOML input file. Errors name the line and the column, and never quote a line, which may hold a key.

use std::fs;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

use super::CliError;
use super::files::unreadable;

/// The text of a file, and its name as given.
pub(super) struct InputFile {
    name: String,
    text: String,
}

impl InputFile {
    /// Reads `path`; `kind` names the purpose of the file.
    pub(super) fn read(path: &Path, kind: &str) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| CliError::usage(format!("read the {kind} {name}: {}", unreadable(&error))))?;
        Ok(Self { name, text })
    }

    #[cfg(test)]
    pub(super) fn of(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The file as a table.
    pub(super) fn table(&self) -> Result<Spanned<DeTable<'_>>, CliError> {
        DeTable::parse(&self.text)
            .map_err(|error| self.error_at(&error.span().unwrap_or_default(), format_args!("{}", error.message())))
    }

    /// `qonform.toml:3:8`; line and column count from 1, the column in characters.
    pub(super) fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
        format!("{}:{line}:{column}", self.name)
    }

    /// An error at a place.
    pub(super) fn error_at(&self, span: &Range<usize>, what: impl std::fmt::Display) -> CliError {
        CliError::usage(format!("use {}: {what}", self.place(span)))
    }
}

/// `; is `token` meant?`, or an empty text.
pub(super) fn hint(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; is `{near}` meant?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters() {
        let written = InputFile::of("f.toml", "a = 1\nżó = 2\n");
        assert_eq!(written.place(&(0..1)), "f.toml:1:1");
        let two = written.text.find('2').unwrap();
        assert_eq!(written.place(&(two..two + 1)), "f.toml:2:6");
    }

    #[test]
    fn invalid_toml_is_rejected_without_quoting_it() {
        let failure = InputFile::of("f.toml", "token = \"test_sk_1\" x\n").table().unwrap_err().to_string();
        assert!(failure.starts_with("use f.toml:1:"), "{failure}");
        assert!(!failure.contains("test_sk_1"), "{failure}");
    }
}
