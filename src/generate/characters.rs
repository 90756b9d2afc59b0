//! Characters to try a pattern with, one of each kind that servers are known to treat in its own way.

/// Characters that a pattern may let in or not, in the order in which they are tried.
pub(super) const TRIED: &[char] = &[
    '/', '?', '#', '%', '+', '@', '\\', '"', '\'', '<', '>', '&', ';', ',', '=', '(', ')', '[', ']', '{', '}', '*',
    '!', '$', '^', '~', '|', '`', '\n', '\r', '\t', '\0', '\u{1}', '\u{7f}', 'é', 'ß', 'İ', 'ä', 'Ж', '中', '٣', 'ａ',
    '\u{301}', '\u{a0}', '\u{200b}', '\u{202e}', '\u{feff}', '\u{fffd}', '😀', 'a', 'z', 'A', 'Z', '0', '9', '.', '_',
    '-', ':', ' ',
];

/// A character in words, for a title.
pub(super) fn name(character: char) -> String {
    match character {
        '\n' => "a line break".into(),
        '\r' => "a carriage return".into(),
        '\t' => "a tab".into(),
        '\0' => "NUL".into(),
        ' ' => "a space".into(),
        '`' => "a backtick".into(),
        '\u{301}' => "a combining accent".into(),
        '\u{a0}' => "a no-break space".into(),
        '\u{200b}' => "a zero-width space".into(),
        '\u{202e}' => "a right-to-left override".into(),
        '\u{feff}' => "a byte order mark".into(),
        '😀' => "an emoji".into(),
        other if other.is_control() || !other.is_alphanumeric() && !other.is_ascii() => {
            format!("U+{:04X}", u32::from(other))
        }
        other => format!("`{other}`"),
    }
}
