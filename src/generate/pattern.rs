//! Regular expressions of schemas, as far as values are to be made from them.
//!
//! Most patterns are one class of characters, repeated (`^[a-z]+$`): those are understood wholly, so that a value of any
//! length can be made. From others values are drawn at random (`string_regex`), and kept if their length fits.

use super::seed::{runner, seed};
use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use std::ops::RangeInclusive;

/// How many values are drawn of a pattern that is not one class.
const DRAWN: u64 = 64;

/// A pattern, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ParsedPattern {
    /// One class of characters, repeated `least` to `most` times, from the first to the last character of the value.
    Class { ranges: Vec<RangeInclusive<char>>, least: usize, most: Option<usize> },
    /// Anything else, rewritten for `string_regex`; `None` when that takes no such expression.
    Other(Option<String>),
}

impl ParsedPattern {
    pub(super) fn parse(pattern: &str) -> ParsedPattern {
        class(pattern).unwrap_or_else(|| {
            let rewritten = rewritten(pattern);
            ParsedPattern::Other(string_regex(&rewritten).is_ok().then_some(rewritten))
        })
    }

    /// Values drawn at random, always the same, without repeats and the short ones first; for a class none.
    pub(super) fn drawn(&self) -> Vec<String> {
        let ParsedPattern::Other(Some(expression)) = self else { return Vec::new() };
        let Ok(strategy) = string_regex(expression) else { return Vec::new() };
        let draw = |case| strategy.new_tree(&mut runner(&seed(0, expression, case))).ok().map(|tree| tree.current());
        let mut drawn: Vec<String> = (0..DRAWN).filter_map(draw).collect();
        drawn.sort_by_key(|text| (text.chars().count(), text.clone()));
        drawn.dedup();
        drawn
    }
}

/// Reads `^[class]{1,64}$` and its like.
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
    let (least, most) = quantifier(rest)?;
    Some(ParsedPattern::Class { ranges, least, most })
}

/// The ranges of a class, and what follows its bracket.
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

/// The character that an escape stands for.
fn escaped(letter: char) -> Option<char> {
    match letter {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        letter if letter.is_ascii_alphanumeric() => None,
        other => Some(other),
    }
}

/// `\d` and `\w` as ECMA means them: ASCII alone.
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
        Some((least, "")) => least.parse().ok().map(|least| (least, None)),
        Some((least, most)) => Some((least.parse().ok()?, Some(most.parse().ok()?))),
    }
}

/// A pattern as `string_regex` takes it: no anchors, and the shorthands of ECMA, which are ASCII, spelt out.
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
            // Any character will do for "any character", and a printable one is easier to read.
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
    fn a_class_is_read_with_its_ranges_escapes_and_counts() {
        let ids = ParsedPattern::Class {
            ranges: vec!['a'..='z', 'A'..='Z', '0'..='9', '.'..='.', '_'..='_', ':'..=':', '-'..='-', ' '..=' '],
            least: 1,
            most: None,
        };
        assert_eq!(ParsedPattern::parse(r"^[a-zA-Z0-9._:\- ]+$"), ids);
        let digits = ParsedPattern::Class { ranges: vec!['0'..='9'], least: 2, most: Some(4) };
        assert_eq!(ParsedPattern::parse(r"^\d{2,4}$"), digits);
        assert_eq!(ParsedPattern::parse(r"^[\d]{2,4}$"), digits);
    }

    #[test]
    fn of_another_pattern_values_are_drawn() {
        for pattern in [r"^\d{3}-\w+$", "^(red|green)$", "^x.y$", "a+b"] {
            let drawn = ParsedPattern::parse(pattern).drawn();
            assert!(!drawn.is_empty(), "{pattern}");
            assert!(drawn.iter().all(|text| text.is_ascii()), "{pattern}: {drawn:?}");
        }
        assert_eq!(ParsedPattern::parse("^(?=a)b$"), ParsedPattern::Other(None));
    }
}
