//! As much Markdown as fits into a comment.

use super::super::words::count;

/// Never longer than this, in characters: GitHub refuses comments of more than 65 536.
pub(super) const MAX_LENGTH: usize = 60_000;
/// Kept free for the line that says what was left out.
const RESERVE: usize = 300;

/// Blocks one under the other, as long as there is room; what does not fit is counted.
#[derive(Default)]
pub(in crate::report) struct MarkdownPage {
    blocks: Vec<String>,
    used: usize,
    left_out: usize,
}

impl MarkdownPage {
    /// Adds a block that ends with a newline, if it still fits; an empty one is nothing.
    pub(in crate::report) fn push(&mut self, block: &str) {
        if block.is_empty() {
            return;
        }
        let needed = block.chars().count() + 1;
        if self.used + needed > MAX_LENGTH - RESERVE {
            self.left_out += 1;
            return;
        }
        self.used += needed;
        self.blocks.push(block.to_owned());
    }

    /// The text, an empty line between blocks.
    pub(in crate::report) fn finish(mut self) -> String {
        if self.left_out > 0 {
            let sections = count(self.left_out, "section");
            self.blocks.push(format!("{sections} did not fit here: the JSON and HTML reports have everything.\n"));
        }
        self.blocks.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_and_a_later_block_may_still_fit() {
        let mut page = MarkdownPage::default();
        page.push("a\n");
        page.push("");
        page.push(&"x".repeat(MAX_LENGTH));
        page.push("b\n");
        let text = page.finish();
        assert_eq!(text, "a\n\nb\n\n1 section did not fit here: the JSON and HTML reports have everything.\n");
    }
}
