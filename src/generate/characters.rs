//! Characters to try a pattern with, one of each kind that servers are known to treat in its own way; and alphabets that
//! random texts are made of.

use std::ops::RangeInclusive;
use std::sync::Arc;

/// Characters that a pattern may let in or not, in the order in which they are tried.
pub(super) const TRIED: &[char] = &[
    '/', '?', '#', '%', '+', '@', '\\', '"', '\'', '<', '>', '&', ';', ',', '=', '(', ')', '[', ']', '{', '}', '*',
    '!', '$', '^', '~', '|', '`', '\n', '\r', '\t', '\0', '\u{1}', '\u{7f}', 'é', 'ß', 'İ', 'ä', 'Ж', '中', '٣', 'ａ',
    '\u{301}', '\u{a0}', '\u{200b}', '\u{202e}', '\u{feff}', '\u{fffd}', '😀', 'a', 'z', 'A', 'Z', '0', '9', '.', '_',
    '-', ':', ' ',
];

/// An alphabet. Its letters are known by numbers, the plainest first.
#[derive(Clone, Debug)]
pub(super) enum Letters {
    /// So few that each is written down.
    Few(Arc<[char]>),
    /// Ranges, each with how many numbers mean a letter of it: one that has many is drawn more often.
    Many(Arc<[(u32, RangeInclusive<char>)]>),
}

/// More letters are not written down.
const FEW: u32 = 1_000;

impl Letters {
    /// The letters of a class, each as often as any other.
    pub(super) fn of(ranges: &[RangeInclusive<char>]) -> Letters {
        let mut counted: Vec<_> = ranges.iter().map(|range| (size(range), range.clone())).collect();
        counted.sort_by_key(|(_, range)| !range.contains(&'a'));
        if counted.iter().map(|(count, _)| count).sum::<u32>() <= FEW {
            return Letters::Few(counted.into_iter().flat_map(|(_, range)| range).collect());
        }
        Letters::Many(counted.into())
    }

    /// Any character, mostly a small letter of ASCII, now and then one that is known to be special.
    pub(super) fn any() -> Letters {
        let any = '\0'..=char::MAX;
        let weight = size(&any);
        let tried = TRIED.iter().map(|letter| (weight / TRIED.len() as u32, *letter..=*letter));
        Letters::Many(std::iter::once((6 * weight, 'a'..='z')).chain(tried).chain([(weight, any)]).collect())
    }

    /// How many numbers there are, from 1.
    pub(super) fn count(&self) -> u32 {
        let count = match self {
            Letters::Few(letters) => letters.len() as u32,
            Letters::Many(ranges) => ranges.iter().map(|(count, _)| count).sum(),
        };
        count.max(1)
    }

    /// The letter of a number from 0 to before [`Self::count`].
    pub(super) fn at(&self, mut number: u32) -> char {
        match self {
            Letters::Few(letters) => letters.get(number as usize).copied().unwrap_or('a'),
            Letters::Many(ranges) => {
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

/// How many characters a range has.
fn size(range: &RangeInclusive<char>) -> u32 {
    range.size_hint().0 as u32
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_letter_and_every_letter_has_a_number() {
        let class = Letters::of(&['0'..='9', 'a'..='c', '\u{d7ff}'..='\u{e000}']);
        let letters: Vec<char> = (0..class.count()).map(|number| class.at(number)).collect();
        assert_eq!(letters.iter().collect::<String>(), "abc0123456789\u{d7ff}\u{e000}");
        let many = Letters::of(&['0'..='9', 'a'..='\u{ffff}']);
        assert_eq!((many.at(0), many.at(many.count() - 1)), ('a', '9'));
        let any = Letters::any();
        let drawn: std::collections::BTreeSet<char> =
            (0..any.count()).step_by(7).map(|number| any.at(number)).collect();
        assert!(TRIED.iter().all(|letter| drawn.contains(letter)) && drawn.len() > 100_000, "{}", drawn.len());
        assert_eq!(any.at(0), 'a');
    }
}
