//! A Markdown page with the maximum length of a comment.

use super::super::words::count;

/// Maximum length in characters: GitHub rejects comments of more than 65 536.
pub(super) const MAX_LENGTH: usize = 60_000;
/// Room for the line about omitted sections, in characters.
const RESERVE: usize = 300;

/// A sequence of blocks. Blocks that do not fit are counted.
#[derive(Default)]
pub(in crate::report) struct MarkdownPage {
    blocks: Vec<String>,
    used: usize,
    omitted: usize,
}

impl MarkdownPage {
    /// Adds a block that ends with a newline, if it fits; an empty one is ignored.
    pub(in crate::report) fn push(&mut self, block: &str) {
        if block.is_empty() {
            return;
        }
        let needed = block.chars().count() + 1;
        if self.used + needed > MAX_LENGTH - RESERVE {
            self.omitted += 1;
            return;
        }
        self.used += needed;
        self.blocks.push(block.to_owned());
    }

    /// The text, with an empty line between blocks.
    pub(in crate::report) fn finish(mut self) -> String {
        if self.omitted > 0 {
            let sections = count(self.omitted, "section");
            self.blocks.push(format!("{sections} omitted for length: the JSON and HTML reports have everything.\n"));
        }
        self.blocks.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_do_not_fit_are_counted() {
        let mut page = MarkdownPage::default();
        page.push("a\n");
        page.push("");
        page.push(&"x".repeat(MAX_LENGTH));
        page.push("b\n");
        let text = page.finish();
        assert_eq!(text, "a\n\nb\n\n1 section omitted for length: the JSON and HTML reports have everything.\n");
    }
}
