//! Untrusted text in Markdown.

use std::fmt::Write as _;

use super::super::visible::visible;

/// Running text: every character that could be markup in Markdown, HTML or GitHub becomes an entity. Text between
/// backticks becomes code.
pub(in crate::report) fn text(untrusted: &str) -> String {
    // Space at the start of a line may make it code.
    let untrusted = untrusted.trim_start();
    let (marker, untrusted) = untrusted.split_at(marker_length(untrusted));
    let parts: Vec<&str> = untrusted.split('`').collect();
    let last = parts.len() - 1;
    let mut out = marker.to_owned();
    if let Some(last) = out.pop() {
        let _ = write!(out, "&#{};", u32::from(last));
    }
    for (index, part) in parts.iter().enumerate() {
        // The last part has no backtick after it: with an odd number of backticks, the last one is a character.
        match index % 2 {
            1 if index < last => out.push_str(&code(part)),
            1 => out.push_str(&format!("&#96;{}", plain(part))),
            _ => out.push_str(&plain(part)),
        }
    }
    out
}

/// The length of what would start a list, a line or a heading at the start of a line: `-`, `+`, `=`, `1.` or `1)`.
fn marker_length(text: &str) -> usize {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.as_bytes().get(digits) {
        Some(b'-' | b'+' | b'=') if digits == 0 => 1,
        Some(b'.' | b')') if digits > 0 && !text[digits + 1..].starts_with(|next: char| !next.is_whitespace()) => {
            digits + 1
        }
        _ => 0,
    }
}

/// Untrusted text as code. An element instead of backticks, which cannot contain every text and no pipe in a table.
pub(in crate::report) fn code(untrusted: &str) -> String {
    if untrusted.is_empty() {
        return String::new();
    }
    // GitHub neither mentions users nor creates links inside code.
    format!("<code>{}</code>", entities(&visible(untrusted)))
}

fn plain(untrusted: &str) -> String {
    // A word joiner keeps GitHub from notifying a user of that name.
    entities(&visible(untrusted)).replace("&#64;", "&#64;&#8288;")
}

fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' | '`' | '\\' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '!'
            | '$' | '@' | ':' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}

/// Lines in a fence that is longer than every run of backticks in them.
pub(in crate::report) fn fenced(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_shown_and_backticks_become_code() {
        assert_eq!(text("a `tag` | <b>"), "a <code>tag</code> &#124; &#60;b&#62;");
        assert_eq!(text("it`s"), "it&#96;s");
        assert_eq!(text("@team"), "&#64;&#8288;team");
        assert_eq!(code("a`b|c"), "<code>a&#96;b&#124;c</code>");
        assert_eq!(text("a\nb"), "a&#92;nb");
        assert_eq!(text("1.5 - 1."), "1.5 - 1.");
        for (start, escaped) in
            [("-", "&#45;"), ("+ ", "&#43; "), ("  12. x", "12&#46; x"), ("1)", "1&#41;"), ("==", "&#61;=")]
        {
            assert_eq!(text(start), escaped);
        }
    }

    #[test]
    fn a_fence_is_longer_than_backticks_inside() {
        assert_eq!(fenced("sh", &["x ```` y".to_owned()]), "`````sh\nx ```` y\n`````\n");
        assert_eq!(fenced("sh", &[]), "```sh\n\n```\n");
    }
}
