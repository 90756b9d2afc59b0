//! The catalogue of faults: realistic defects that can be planted in the server, each off by default.
//!
//! A row has a name, a sentence and its effect on the config of a correct server.
//!
//! Start at [`Fault::ALL`].

mod atomicity;
mod authentication;
mod deep;
mod idempotency;
mod leak;
mod limit;
mod main;
mod pagination;
mod pattern;
mod process;
mod race;
mod reserved;
mod robustness;
mod schema;
mod state;
mod status;
mod validation;
mod variant;

use std::fmt;
use std::str::FromStr;

use super::config::Effect;

/// The subject of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// The format of responses.
    Schema,
    /// Statuses, typed codes, error types, details.
    Status,
    /// Both sides of every limit.
    Limit,
    /// Input that is wrongly accepted, rejected, or silently changed.
    Validation,
    /// Pages, cursors, order.
    Pagination,
    /// Promotion and demotion.
    Main,
    /// Rejected writes that changed something.
    Atomicity,
    /// Data that is not stored, lost, or written to another offering.
    State,
    /// Idempotency keys of create and set-main.
    Idempotency,
    /// Keys, permission, other projects.
    Authentication,
    /// Offerings of experiments.
    Variant,
    /// Inputs that cause a 500.
    Robustness,
    /// Data that a response must not contain.
    Leak,
    /// Defects that only a particular sequence of requests shows.
    Deep,
    /// Operations that are not atomic for concurrent clients.
    Race,
    /// Ids used as patterns, or not decoded exactly once.
    Pattern,
    /// State that the projects of one server share by mistake.
    Process,
    /// Valid ids that programs treat specially.
    Reserved,
}

/// Description of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultInfo {
    /// Unique name in kebab-case.
    pub name: &'static str,
    /// What is wrong, as one sentence.
    pub sentence: &'static str,
    /// Its subject.
    pub family: Family,
}

/// A planted defect; the associated constants are the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault(usize);

/// Declares one family: its constants on [`Fault`] and its rows of the catalogue.
macro_rules! faults {
    (
        $family:ident from $first:expr;
        $($fault:ident $name:literal $sentence:literal => $effect:expr;)+
    ) => {
        #[expect(non_camel_case_types, reason = "named like the constants they number")]
        #[allow(clippy::upper_case_acronyms, reason = "likewise")]
        enum Index { $($fault),+ }

        pub(super) const FIRST: usize = $first;

        pub(super) const ROWS: &[super::FaultInfo] = &[$(super::FaultInfo {
            name: $name,
            sentence: $sentence,
            family: super::Family::$family,
        }),+];

        #[allow(clippy::redundant_closure_for_method_calls, reason = "a method is not one for every lifetime")]
        pub(super) const EFFECTS: &[$crate::reference::config::Effect] = &[$($effect),+];

        impl Fault {
            $(#[doc = $sentence] pub const $fault: Fault = Fault(FIRST + Index::$fault as usize);)+
        }
    };
}
use faults;

/// The families in the order of [`Fault::ALL`], each with its effects.
const FAMILIES: [(&[FaultInfo], &[Effect]); 18] = [
    (schema::ROWS, schema::EFFECTS),
    (status::ROWS, status::EFFECTS),
    (limit::ROWS, limit::EFFECTS),
    (validation::ROWS, validation::EFFECTS),
    (pagination::ROWS, pagination::EFFECTS),
    (main::ROWS, main::EFFECTS),
    (atomicity::ROWS, atomicity::EFFECTS),
    (state::ROWS, state::EFFECTS),
    (idempotency::ROWS, idempotency::EFFECTS),
    (authentication::ROWS, authentication::EFFECTS),
    (variant::ROWS, variant::EFFECTS),
    (robustness::ROWS, robustness::EFFECTS),
    (leak::ROWS, leak::EFFECTS),
    (deep::ROWS, deep::EFFECTS),
    (race::ROWS, race::EFFECTS),
    (pattern::ROWS, pattern::EFFECTS),
    (process::ROWS, process::EFFECTS),
    (reserved::ROWS, reserved::EFFECTS),
];

const COUNT: usize = reserved::FIRST + reserved::ROWS.len();

impl Fault {
    /// Every fault, family by family.
    pub const ALL: [Self; COUNT] = {
        let mut all = [Self(0); COUNT];
        let mut index = 0;
        while index < COUNT {
            all[index] = Self(index);
            index += 1;
        }
        all
    };

    /// Its row of the catalogue.
    pub fn info(self) -> &'static FaultInfo {
        let mut rows = FAMILIES.into_iter().flat_map(|(rows, _)| rows);
        rows.nth(self.0).expect("every index has a row: both come from one list")
    }

    /// The change that it makes to a config.
    pub(super) fn effect(self) -> Effect {
        let mut effects = FAMILIES.into_iter().flat_map(|(_, effects)| effects);
        *effects.nth(self.0).expect("every row has an effect")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.info().name)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Fault({self})")
    }
}

/// No fault or behaviour has this name; the message completes "cannot …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} `{name}`; the nearest is `{nearest}`, and `qonform serve --list` lists all")]
pub struct UnknownName {
    /// `fault` or `behaviour`.
    pub kind: &'static str,
    /// The unknown name.
    pub name: String,
    /// The known name with the fewest edits.
    pub nearest: &'static str,
}

impl UnknownName {
    pub(super) fn among(kind: &'static str, name: &str, known: impl Iterator<Item = &'static str>) -> Self {
        let nearest = known.min_by_key(|known| edits(name, known)).unwrap_or_default();
        Self { kind, name: name.to_owned(), nearest }
    }
}

impl FromStr for Fault {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let unknown = || UnknownName::among("fault", name, Self::ALL.into_iter().map(|fault| fault.info().name));
        Self::ALL.into_iter().find(|fault| fault.info().name == name).ok_or_else(unknown)
    }
}

/// The Levenshtein distance.
fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, other_letter) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(letter != other_letter);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_fault_has_a_unique_kebab_case_name_and_a_sentence() {
        let mut names = BTreeSet::new();
        for fault in Fault::ALL {
            let info = fault.info();
            assert!(names.insert(info.name), "{fault}");
            assert!(
                info.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{fault}"
            );
            assert!(info.sentence.ends_with('.') && info.sentence.contains(' '), "{fault}");
            assert_eq!(info.name.parse(), Ok(fault));
        }
    }

    #[test]
    fn a_constant_names_its_own_row() {
        assert_eq!(Fault::OBJECT_WRONG.info().name, "object-wrong");
        assert_eq!(Fault::DUPLICATE_TOUCHES.info().name, "duplicate-touches");
        assert_eq!(Fault::RACE_SET_MAIN.to_string(), "race-set-main");
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        let unknown = "object-wrogn".parse::<Fault>().expect_err("misspelt");
        assert_eq!(
            unknown.to_string(),
            "there is no fault `object-wrogn`; the nearest is `object-wrong`, and `qonform serve --list` lists all"
        );
    }
}
