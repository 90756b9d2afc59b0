//! Patterns and formats where the libraries differ from what OpenAPI names: regular expressions of ECMA-262.

use std::borrow::Cow;

/// The maximum size of a compiled pattern, in bytes.
pub(super) const MAX_SIZE: usize = 1 << 20;

/// A pattern of ECMA-262, without its `u` flag, for the regular expressions of Rust. The validator converts the rest
/// itself: `\d`, `\w`, `\s` and classes.
pub(super) fn pattern(written: &str) -> Cow<'_, str> {
    let mut result = String::new();
    let mut in_class = false;
    let mut letters = written.chars();
    while let Some(letter) = letters.next() {
        match (letter, in_class) {
            ('\\', _) => match letters.next() {
                // A boundary of words in Rust, and the character itself here.
                Some(letter @ ('<' | '>')) => result.push(letter),
                Some(letter) => result.extend(['\\', letter]),
                None => result.push('\\'),
            },
            ('.', false) => result.push_str(r"[^\n\r\u2028\u2029]"),
            (letter, _) => {
                in_class = letter == '[' || in_class && letter != ']';
                result.push(letter);
            }
        }
    }
    if result == written { Cow::Borrowed(written) } else { Cow::Owned(result) }
}

/// Whether a text may match a pattern in ECMA-262 and not in Rust, or the other way round: for the boundaries of words, `é`
/// is a letter only in Rust.
pub(super) fn is_undecided(pattern: &str, text: &str) -> bool {
    !text.is_ascii() && [r"\b", r"\B"].iter().any(|boundary| pattern.contains(boundary))
}

/// Whether a text is a UUID, with or without its hyphens: OpenAPI 3.0 names this format and does not define it.
pub(super) fn is_uuid(text: &str) -> bool {
    let is_hexadecimal = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.contains('-') {
        let lengths = text.split('-').map(str::len);
        return lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(is_hexadecimal);
    }
    text.len() == 32 && is_hexadecimal(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_ecmascript() {
        let matches = |pattern: &str, text: &str| {
            let schema = serde_json::json!({ "pattern": super::pattern(pattern) });
            let options = jsonschema::options().with_draft(jsonschema::Draft::Draft4);
            let validator = options.with_pattern_options(jsonschema::PatternOptions::regex()).build(&schema).unwrap();
            validator.is_valid(&serde_json::json!(text))
        };
        for (pattern, text, expected) in [
            ("^.+$", "a b\u{85}é", true),
            ("^.+$", "a\rb", false),
            ("^.+$", "a\nb", false),
            ("^.$", "\u{2028}", false),
            ("^a.b$", "a\u{2029}b", false),
            (r"^[.]$", "a", false),
            (r"^\.$", "a", false),
            (r"^\.$", ".", true),
            (r"\bx", "ax", false),
            (r"^\<a\>$", "<a>", true),
            (r"^[\<]$", "<", true),
            (r"^\w\d\s$", "é1 ", false),
            (r"^[[.]+$", "[.", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text:?}");
        }
        assert_eq!(super::pattern(r"^[a-z.]{1,3}\d$"), r"^[a-z.]{1,3}\d$");
    }

    #[test]
    fn a_uuid_may_have_no_hyphens() {
        for text in ["7d3c2d3e-4ab5-4e0e-9f0c-0b1f5b7f1c55", "7D3C2D3E4AB54E0E9F0C0B1F5B7F1C55", &"0".repeat(32)] {
            assert!(is_uuid(text), "{text}");
        }
        for text in [
            "",
            "7d3c2d3e-4ab5-4e0e-9f0c-0b1f5b7f1c5",
            "7d3c2d3e4-ab5-4e0e-9f0c-0b1f5b7f1c55",
            "7d3c2d3e-4ab54e0e9f0c0b1f5b7f1c55",
            "gd3c2d3e-4ab5-4e0e-9f0c-0b1f5b7f1c55",
            "{7d3c2d3e-4ab5-4e0e-9f0c-0b1f5b7f1c55}",
            " 7d3c2d3e4ab54e0e9f0c0b1f5b7f1c5",
        ] {
            assert!(!is_uuid(text), "{text}");
        }
    }
}
