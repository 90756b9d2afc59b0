//! Makes untrusted text safe to show: characters that move the cursor, hide or reorder text become escapes.

use std::borrow::Cow;

/// Treatment of line breaks and tabs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Breaks {
    /// Escaped: the text stays on its line.
    Escaped,
    /// `\n` and `\t` stay: the text is a block.
    Unchanged,
}

/// `text` for one line: control and invisible characters as `\n`, `\u{1b}`, `\u{202e}`.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    shown(text, Breaks::Escaped)
}

/// `text` with escapes for characters that are invisible or change how the rest is shown.
pub(super) fn shown(text: &str, breaks: Breaks) -> Cow<'_, str> {
    let escaped = |c: char| is_unsafe(c) && !(breaks == Breaks::Unchanged && matches!(c, '\n' | '\t'));
    if !text.chars().any(escaped) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            _ if !escaped(c) => safe.push(c),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            _ => safe.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(safe)
}

/// JSON with every unsafe character as a `\u` escape. Line feeds stay: outside strings they are layout, inside they are
/// already escaped.
pub(super) fn safe_json(json: String) -> String {
    let is_escaped = |c: char| is_unsafe(c) && c != '\n';
    // A copy of the report of a large document needs much memory.
    if json.chars().any(is_escaped) { escaped_json(&json, is_escaped) } else { json }
}

/// JSON with the characters that match `escaped` as `\u` escapes; only characters inside strings may match.
pub(super) fn escaped_json(json: &str, escaped: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if escaped(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Control characters, bidirectional controls, invisible format characters, line separators, noncharacters.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{e0000}'..='\u{e007f}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// `text` cut after `longest` characters, with a remark about its length.
pub(super) fn cut(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let all = text.chars().count();
            Cow::Owned(format!("{}… ({all} characters in all)", &text[..end]))
        }
    }
}

/// Columns of `text` on a terminal: two for East Asian scripts and emoji, none for combining marks.
pub(super) fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x300..=0x36f => 0,
            0x1100..=0x115f
            | 0x2e80..=0xa4cf
            | 0xac00..=0xd7a3
            | 0xf900..=0xfaff
            | 0xfe30..=0xfe6f
            | 0xff00..=0xff60
            | 0xffe0..=0xffe6
            | 0x1f300..=0x1faff
            | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

/// `text` wrapped at spaces into lines of at most `width` columns; a longer word is split.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for (index, word) in text.split(' ').enumerate() {
        let needed = columns(word);
        if index > 0 && used + 1 + needed > width && used > 0 {
            lines.push(String::new());
            used = 0;
        } else if index > 0 {
            last(&mut lines).push(' ');
            used += 1;
        }
        for c in word.chars() {
            let wide = columns(c.encode_utf8(&mut [0; 4]));
            if used + wide > width {
                lines.push(String::new());
                used = 0;
            }
            last(&mut lines).push(c);
            used += wide;
        }
    }
    lines
}

fn last(lines: &mut [String]) -> &mut String {
    lines.last_mut().expect("there is at least one line")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_are_escaped() {
        assert_eq!(
            visible("a\u{1b}[31m\nb\u{202e}\0\u{fffe}\u{9b}\u{2066}"),
            "a\\u{1b}[31m\\nb\\u{202e}\\u{0}\\u{fffe}\\u{9b}\\u{2066}"
        );
        assert_eq!(shown("a\n\tb\r", Breaks::Unchanged), "a\n\tb\\r");
        assert_eq!(visible("zażółć 日本 ✗"), "zażółć 日本 ✗");
    }

    #[test]
    fn escaped_json_has_the_same_value() {
        let json = "{\n \"a\u{9b}\": \"\u{202e}\u{e0001}\\n<\"\n}";
        let safe = safe_json(json.to_owned());
        assert_eq!(safe, "{\n \"a\\u009b\": \"\\u202e\\udb40\\udc01\\n<\"\n}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&safe), read(json));
    }

    #[test]
    fn a_cut_reports_the_full_length() {
        assert_eq!(cut("żółw", 4), "żółw");
        assert_eq!(cut("żółwie", 4), "żółw… (6 characters in all)");
    }

    #[test]
    fn text_wraps_at_spaces_and_splits_long_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("  1  a b", 6), ["  1  a", "b"]);
    }
}
