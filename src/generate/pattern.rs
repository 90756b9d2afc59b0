//! Generates texts from the regular expressions of schemas.
//!
//! Most patterns are one class of characters, repeated (`^[a-z]+$`). These are parsed completely, so that a text of any
//! length can be generated. For others, random examples (`string_regex`) are used if their length fits.

use super::seed::{runner, seed};
use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use regex_syntax::hir::{Hir, HirKind};
use std::ops::RangeInclusive;

/// The number of examples of a pattern that is not one class.
const EXAMPLES: u64 = 64;

/// The maximum number of characters of all examples of a pattern: of one with long texts there are fewer.
const MAX_CHARACTERS: usize = 200_000;

/// The maximum number of characters of a generated text. Patterns whose texts may be longer cost too much time and memory.
const MAX_LENGTH: usize = 100_000;

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ParsedPattern {
    /// One class of characters, repeated `min` to `max` times, that matches the whole value.
    Class { ranges: Vec<RangeInclusive<char>>, min: usize, max: Option<usize> },
    /// Any other pattern, rewritten for `string_regex`; `None` when `string_regex` does not support it, or if its
    /// texts are too long.
    Other(Option<String>),
}

impl ParsedPattern {
    pub(super) fn parse(pattern: &str) -> ParsedPattern {
        class(pattern).unwrap_or_else(|| {
            let rewritten = rewritten(pattern);
            let is_short = regex_syntax::parse(&rewritten).is_ok_and(|parsed| longest(&parsed) <= MAX_LENGTH);
            ParsedPattern::Other((is_short && string_regex(&rewritten).is_ok()).then_some(rewritten))
        })
    }

    /// Random examples, always the same, without repetitions and sorted by length; none for a class.
    pub(super) fn examples(&self) -> Vec<String> {
        let ParsedPattern::Other(Some(expression)) = self else { return Vec::new() };
        let Ok(strategy) = string_regex(expression) else { return Vec::new() };
        let example = |case| strategy.new_tree(&mut runner(&seed(0, expression, case))).ok().map(|tree| tree.current());
        let longest = regex_syntax::parse(expression).map_or(MAX_LENGTH, |parsed| longest(&parsed));
        let count = EXAMPLES.min((MAX_CHARACTERS / longest.max(1)) as u64);
        let mut examples: Vec<String> = (0..count).filter_map(example).collect();
        examples.sort_by_key(|text| (text.chars().count(), text.clone()));
        examples.dedup();
        examples
    }
}

/// The number of characters of the longest text that `string_regex` generates.
fn longest(pattern: &Hir) -> usize {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(_) => 1,
        HirKind::Capture(capture) => longest(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(longest).fold(0, usize::saturating_add),
        HirKind::Alternation(parts) => parts.iter().map(longest).max().unwrap_or(0),
        HirKind::Repetition(repeated) => {
            // Without a maximum, `string_regex` stops at 32 or at twice the minimum.
            let most = repeated.max.unwrap_or(repeated.min.saturating_mul(2).max(32));
            longest(&repeated.sub).saturating_mul(most as usize)
        }
    }
}

/// Parses patterns such as `^[class]{1,64}$`.
fn class(pattern: &str) -> Option<ParsedPattern> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let (ranges, rest) = match inner.strip_prefix('[') {
        Some(inside) => bracket(inside)?,
        None => match inner.strip_prefix('\\') {
            Some(escaped) => {
                let letter = escaped.chars().next()?;
                (shorthand(letter)?, &escaped[letter.len_utf8()..])
            }
            None => return None,
        },
    };
    let (min, max) = quantifier(rest)?;
    if min > MAX_LENGTH {
        return Some(ParsedPattern::Other(None));
    }
    Some(ParsedPattern::Class { ranges, min, max })
}

/// The ranges of a class, and the text after its bracket.
fn bracket(inside: &str) -> Option<(Vec<RangeInclusive<char>>, &str)> {
    if inside.starts_with('^') {
        return None;
    }
    let mut ranges = Vec::new();
    let mut characters = inside.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let start = match character {
            ']' => return Some((ranges, &inside[at + 1..])),
            '[' => return None,
            '\\' => {
                let (_, letter) = characters.next()?;
                if let Some(set) = shorthand(letter) {
                    ranges.extend(set);
                    continue;
                }
                escaped(letter)?
            }
            other => other,
        };
        let mut ahead = characters.clone();
        let end = match (ahead.next(), ahead.next()) {
            (Some((_, '-')), Some((_, end))) if end != ']' => {
                characters = ahead;
                if end == '\\' { escaped(characters.next()?.1)? } else { end }
            }
            _ => start,
        };
        ranges.push(start..=end);
    }
    None
}

/// The character of an escape.
fn escaped(letter: char) -> Option<char> {
    match letter {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        letter if letter.is_ascii_alphanumeric() => None,
        other => Some(other),
    }
}

/// `\d` and `\w` as in ECMAScript: ASCII only.
fn shorthand(letter: char) -> Option<Vec<RangeInclusive<char>>> {
    match letter {
        'd' => Some(vec!['0'..='9']),
        'w' => Some(vec!['a'..='z', 'A'..='Z', '0'..='9', '_'..='_']),
        _ => None,
    }
}

fn quantifier(rest: &str) -> Option<(usize, Option<usize>)> {
    match rest {
        "" => return Some((1, Some(1))),
        "+" => return Some((1, None)),
        "*" => return Some((0, None)),
        "?" => return Some((0, Some(1))),
        _ => {}
    }
    let counts = rest.strip_prefix('{')?.strip_suffix('}')?;
    match counts.split_once(',') {
        None => counts.parse().ok().map(|count| (count, Some(count))),
        Some((min, "")) => min.parse().ok().map(|min| (min, None)),
        Some((min, max)) => Some((min.parse().ok()?, Some(max.parse().ok()?))),
    }
}

/// A pattern for `string_regex`: without anchors, and with the ASCII shorthands of ECMAScript written out.
fn rewritten(pattern: &str) -> String {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').filter(|inner| !inner.ends_with('\\')).unwrap_or(inner);
    let mut result = String::new();
    let mut in_class = false;
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match (characters.next(), in_class) {
                (Some('d'), false) => result.push_str("[0-9]"),
                (Some('d'), true) => result.push_str("0-9"),
                (Some('w'), false) => result.push_str("[a-zA-Z0-9_]"),
                (Some('w'), true) => result.push_str("a-zA-Z0-9_"),
                (Some('s'), _) => result.push(' '),
                (Some(other), _) => result.extend(['\\', other]),
                (None, _) => result.push('\\'),
            },
            // A printable character is easier to read.
            '.' if !in_class => result.push_str("[ -~]"),
            other => {
                in_class = other == '[' || in_class && other != ']';
                result.push(other);
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_parsed_with_ranges_escapes_and_counts() {
        let ids = ParsedPattern::Class {
            ranges: vec!['a'..='z', 'A'..='Z', '0'..='9', '.'..='.', '_'..='_', ':'..=':', '-'..='-', ' '..=' '],
            min: 1,
            max: None,
        };
        assert_eq!(ParsedPattern::parse(r"^[a-zA-Z0-9._:\- ]+$"), ids);
        let digits = ParsedPattern::Class { ranges: vec!['0'..='9'], min: 2, max: Some(4) };
        assert_eq!(ParsedPattern::parse(r"^\d{2,4}$"), digits);
        assert_eq!(ParsedPattern::parse(r"^[\d]{2,4}$"), digits);
    }

    #[test]
    fn other_patterns_have_examples() {
        for pattern in [r"^\d{3}-\w+$", "^(red|green)$", "^x.y$", "a+b"] {
            let examples = ParsedPattern::parse(pattern).examples();
            assert!(!examples.is_empty(), "{pattern}");
            assert!(examples.iter().all(|text| text.is_ascii()), "{pattern}: {examples:?}");
        }
        assert_eq!(ParsedPattern::parse("^(?=a)b$"), ParsedPattern::Other(None));
    }

    #[test]
    fn patterns_of_very_long_texts_have_no_examples() {
        for pattern in [
            "^([a-z]{1000}){1000}$",
            "^([a-z]{0,1000}){0,1000}$",
            "^((((a|b)*)*)*)*$",
            "((a+)+x)+(b{500}){500}",
            "^[a-z]{50000000}$",
            r"^(\d{9}){99999}$",
            "^(ab?){60000,}$",
        ] {
            assert_eq!(ParsedPattern::parse(pattern), ParsedPattern::Other(None), "{pattern}");
        }
        for pattern in ["^([a-z]{10}){100}$", "^(a|b{0,9})*$", "^[a-z]+(/[a-z]+(-[a-z]+)*)*$", "^[a-z]{5000}$"] {
            assert_ne!(ParsedPattern::parse(pattern), ParsedPattern::Other(None), "{pattern}");
        }
    }
}
