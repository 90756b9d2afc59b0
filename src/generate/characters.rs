//! Characters to test a pattern with, one of each kind that servers are known to treat specially, and the alphabets of
//! random texts.

use std::ops::RangeInclusive;
use std::sync::Arc;

/// Characters that a pattern may allow or not, in the order in which they are tested.
pub(super) const SPECIAL_CHARACTERS: &[char] = &[
    '/', '?', '#', '%', '+', '@', '\\', '"', '\'', '<', '>', '&', ';', ',', '=', '(', ')', '[', ']', '{', '}', '*',
    '!', '$', '^', '~', '|', '`', '\n', '\r', '\t', '\0', '\u{1}', '\u{7f}', 'é', 'ß', 'İ', 'ä', 'Ж', '中', '٣', 'ａ',
    '\u{301}', '\u{a0}', '\u{200b}', '\u{202e}', '\u{feff}', '\u{fffd}', '😀', 'a', 'z', 'A', 'Z', '0', '9', '.', '_',
    '-', ':', ' ',
];

/// An alphabet. Its characters are numbered, the simplest first.
#[derive(Clone, Debug)]
pub(super) enum Alphabet {
    /// A short list of characters.
    Listed(Arc<[char]>),
    /// Ranges with weights: the count of numbers that stand for a character of the range.
    Ranges(Arc<[(u32, RangeInclusive<char>)]>),
}

/// The maximum length of [`Alphabet::Listed`].
const MAX_LISTED: u32 = 1_000;

impl Alphabet {
    /// The characters of a class, all with the same weight.
    pub(super) fn of(ranges: &[RangeInclusive<char>]) -> Alphabet {
        let mut counted: Vec<_> = ranges.iter().map(|range| (size(range), range.clone())).collect();
        counted.sort_by_key(|(_, range)| !range.contains(&'a'));
        if counted.iter().map(|(count, _)| count).sum::<u32>() <= MAX_LISTED {
            return Alphabet::Listed(counted.into_iter().flat_map(|(_, range)| range).collect());
        }
        Alphabet::Ranges(counted.into())
    }

    /// Any character: most often a lower-case ASCII character, sometimes a special character.
    pub(super) fn any() -> Alphabet {
        let any = '\0'..=char::MAX;
        let weight = size(&any);
        let special = SPECIAL_CHARACTERS
            .iter()
            .map(|character| (weight / SPECIAL_CHARACTERS.len() as u32, *character..=*character));
        Alphabet::Ranges(std::iter::once((6 * weight, 'a'..='z')).chain(special).chain([(weight, any)]).collect())
    }

    /// The count of numbers, at least 1.
    pub(super) fn count(&self) -> u32 {
        let count = match self {
            Alphabet::Listed(characters) => characters.len() as u32,
            Alphabet::Ranges(ranges) => ranges.iter().map(|(count, _)| count).sum(),
        };
        count.max(1)
    }

    /// The character with a number below [`Self::count`].
    pub(super) fn at(&self, mut number: u32) -> char {
        match self {
            Alphabet::Listed(characters) => characters.get(number as usize).copied().unwrap_or('a'),
            Alphabet::Ranges(ranges) => {
                for (count, range) in &**ranges {
                    if number < *count {
                        return range.clone().nth((number % size(range)) as usize).unwrap_or(*range.start());
                    }
                    number -= count;
                }
                'a'
            }
        }
    }
}

/// The number of characters in a range.
fn size(range: &RangeInclusive<char>) -> u32 {
    range.size_hint().0 as u32
}

/// The name of a character, for a title.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_characters_of_an_alphabet_correspond() {
        let class = Alphabet::of(&['0'..='9', 'a'..='c', '\u{d7ff}'..='\u{e000}']);
        let characters: Vec<char> = (0..class.count()).map(|number| class.at(number)).collect();
        assert_eq!(characters.iter().collect::<String>(), "abc0123456789\u{d7ff}\u{e000}");
        let many = Alphabet::of(&['0'..='9', 'a'..='\u{ffff}']);
        assert_eq!((many.at(0), many.at(many.count() - 1)), ('a', '9'));
        let any = Alphabet::any();
        let found: std::collections::BTreeSet<char> =
            (0..any.count()).step_by(7).map(|number| any.at(number)).collect();
        assert!(
            SPECIAL_CHARACTERS.iter().all(|character| found.contains(character)) && found.len() > 100_000,
            "{}",
            found.len()
        );
        assert_eq!(any.at(0), 'a');
    }
}
