//! Splits the cases of a run between several jobs.

use std::num::NonZeroU32;
use std::str::FromStr;

/// One of several parts of a run, written `2/4`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    number: NonZeroU32,
    of: NonZeroU32,
}

impl Shard {
    /// Number of the part, from 1.
    pub fn number(self) -> u32 {
        self.number.get()
    }

    /// Number of parts.
    pub fn of(self) -> u32 {
        self.of.get()
    }

    /// Whether a case runs in this part. It depends only on the case's name and the number of parts, so that a case
    /// stays in its part when other cases are added or removed.
    pub(super) fn includes(self, case: &str) -> bool {
        (hash(case) >> 32) % u64::from(self.of()) == u64::from(self.number() - 1)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("invalid shard `{text}`: use `2/4` for the second of four");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let (number, of): (NonZeroU32, NonZeroU32) =
            (number.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
        if number > of { Err(wrong()) } else { Ok(Self { number, of }) }
    }
}

/// FNV-1a with a final mix: the names of sequences differ in their last digits only.
fn hash(text: &str) -> u64 {
    let sum = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (sum ^ (sum >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_in_one_part_and_parts_have_similar_sizes() {
        let names: Vec<String> = (0..1_000).map(|number| format!("sequence::{number}")).collect();
        for of in [2, 3, 4, 7] {
            let shards: Vec<Shard> = (1..=of).map(|number| format!("{number}/{of}").parse().unwrap()).collect();
            for name in &names {
                assert_eq!(shards.iter().filter(|shard| shard.includes(name)).count(), 1);
            }
            for shard in shards {
                let share = names.iter().filter(|name| shard.includes(name)).count();
                let fair = 1_000 / of;
                assert!(share > fair / 2 && share < fair * 3 / 2, "{shard:?} has {share}");
            }
        }
    }

    #[test]
    fn a_case_always_stays_in_its_part() {
        // The parts must not change: reports of different versions are compared shard by shard.
        let place = |name: &str| (1..=4).find(|n| format!("{n}/4").parse::<Shard>().unwrap().includes(name));
        assert_eq!(
            [place("scenario::create.echo"), place("sequence::0"), place("input::v4ListOfferings")],
            [3, 2, 3].map(Some)
        );
    }

    #[test]
    fn a_shard_is_written_as_number_and_count() {
        assert_eq!("2/4".parse::<Shard>().map(|shard| (shard.number(), shard.of())), Ok((2, 4)));
        for bad in ["", "2", "0/4", "5/4", "1/0", "a/b", "1/2/3", "-1/2"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
