//! One step of a sequence, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::exchange::KeyRole;

/// A symbolic name for an offering of the sequence: the same slot has the same id. Some ids have a colon, a space or 64
/// characters, or are the id of another slot in upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub u8);

impl Slot {
    /// The number of slots.
    pub const COUNT: u8 = 12;

    /// The endings of the ids, before the padding of [`Self::LONG`].
    const NAMES: [&'static str; Self::COUNT as usize] =
        ["a", "a:b", "c d", "A", "long", "f", "g", "h", "i", "j", "k", "m"];

    /// The slot whose id has 64 characters.
    pub(super) const LONG: Self = Self(4);

    /// Every slot.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// The slot at this index among those with plain ids, in the order in which minimized sequences use them.
    pub fn plain(index: usize) -> Option<Self> {
        [0, 5, 6, 7, 8, 9, 10, 11].get(index).copied().map(Self)
    }

    /// The ending of its id.
    pub fn name(self) -> &'static str {
        Self::NAMES[usize::from(self.0 % Self::COUNT)]
    }
}

/// A symbolic reference to an offering, resolved when the step is sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferingRef {
    /// An offering of the sequence, whether it exists, was deleted, or was never created.
    Slot(Slot),
    /// The main offering, if the sequence created it.
    Main,
    /// An experiment variant.
    Variant,
    /// An offering of another project whose id is unused in this one.
    Elsewhere,
    /// An id of 65 characters.
    TooLong,
    /// An id with an invalid character.
    OffCharset,
}

/// An entry of a product list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// The registered product with this number, from 0.
    Known(u8),
    /// A product that is not registered.
    Unknown,
}

/// The `tag` of a body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tag {
    /// No `tag`.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// `0`.
    Zero,
    /// `1`.
    One,
    /// A string, which is invalid.
    Invalid,
}

/// A project other than the one under test.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherProject {
    /// The project of the second key.
    Second,
    /// The project that is empty before the run.
    Empty,
}

impl OtherProject {
    /// The role of its API key.
    pub fn role(self) -> KeyRole {
        match self {
            Self::Second => KeyRole::Second,
            Self::Empty => KeyRole::Empty,
        }
    }
}

/// One step of a sequence.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// A create.
    Create {
        /// The offering to create.
        #[serde(rename = "who")]
        offering: OfferingRef,
        /// The products, in order; `None` when omitted.
        products: Option<Vec<Product>>,
        /// The tag.
        tag: Tag,
        /// The number of its idempotency key; `None` for no key.
        key: Option<u8>,
    },
    /// A get.
    Get {
        /// The offering.
        #[serde(rename = "who")]
        offering: OfferingRef,
    },
    /// An update.
    Update {
        /// The offering.
        #[serde(rename = "who")]
        offering: OfferingRef,
        /// The products, in order; `None` when omitted.
        products: Option<Vec<Product>>,
        /// The tag.
        tag: Tag,
    },
    /// A delete.
    Delete {
        /// The offering.
        #[serde(rename = "who")]
        offering: OfferingRef,
    },
    /// A set-main.
    SetMain {
        /// The offering.
        #[serde(rename = "who")]
        offering: OfferingRef,
        /// The number of its idempotency key; `None` for no key.
        key: Option<u8>,
    },
    /// One page of the list.
    Page {
        /// The limit; `None` when omitted, 1 to 100 when valid.
        limit: Option<u8>,
        /// The cursor; `None` when omitted.
        after: Option<OfferingRef>,
    },
    /// The whole list, page by page.
    Walk {
        /// The limit of each page; larger where the list is long.
        limit: u8,
    },
    /// A step in another project.
    In {
        /// The project.
        project: OtherProject,
        /// The step.
        step: Box<Step>,
    },
}

impl Step {
    /// The reference to an offering, if any.
    pub fn offering(&self) -> Option<OfferingRef> {
        match self {
            Self::Create { offering, .. }
            | Self::Get { offering }
            | Self::Update { offering, .. }
            | Self::Delete { offering }
            | Self::SetMain { offering, .. } => Some(*offering),
            Self::Page { after, .. } => *after,
            Self::Walk { .. } => None,
            Self::In { step, .. } => step.offering(),
        }
    }

    /// The role of the API key with which it is sent.
    pub fn role(&self) -> KeyRole {
        match self {
            Self::In { project, .. } => project.role(),
            _ => KeyRole::Main,
        }
    }

    /// The same step in another project.
    #[must_use]
    pub fn sent_to(self, project: OtherProject) -> Self {
        match self {
            Self::In { step, .. } => Self::In { project, step },
            step => Self::In { project, step: Box::new(step) },
        }
    }

    /// The step without its project.
    pub fn inner(&self) -> &Self {
        match self {
            Self::In { step, .. } => step,
            step => step,
        }
    }

    /// The slot that it refers to, if any.
    pub fn slot(&self) -> Option<Slot> {
        match self.offering() {
            Some(OfferingRef::Slot(slot)) => Some(slot),
            _ => None,
        }
    }

    /// The same step with another offering.
    #[must_use]
    pub fn with_offering(&self, other: OfferingRef) -> Self {
        let mut step = self.clone();
        match &mut step {
            Self::Create { offering, .. }
            | Self::Get { offering }
            | Self::Update { offering, .. }
            | Self::Delete { offering }
            | Self::SetMain { offering, .. } => *offering = other,
            Self::Page { after, .. } => *after = after.map(|_| other),
            Self::Walk { .. } => {}
            Self::In { step, .. } => **step = step.with_offering(other),
        }
        step
    }
}

impl fmt::Display for OfferingRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slot(slot) => slot.name(),
            Self::Main => "the main offering",
            Self::Variant => "a variant",
            Self::Elsewhere => "an offering of another project",
            Self::TooLong => "an id of 65 characters",
            Self::OffCharset => "an id with @",
        })
    }
}

/// As findings show it: `create a with 2 products, tag 0, key 1`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { offering, products, tag, key } => {
                write!(f, "create {offering}{}{}{}", ListedProducts(products.as_deref()), Tagged(*tag), Keyed(*key))
            }
            Self::Get { offering } => write!(f, "get {offering}"),
            Self::Update { offering, products, tag } => {
                write!(f, "update {offering}{}{}", ListedProducts(products.as_deref()), Tagged(*tag))
            }
            Self::Delete { offering } => write!(f, "delete {offering}"),
            Self::SetMain { offering, key } => write!(f, "set-main {offering}{}", Keyed(*key)),
            Self::Page { limit, after } => {
                f.write_str("list")?;
                limit.map_or(Ok(()), |limit| write!(f, " by {limit}"))?;
                after.map_or(Ok(()), |after| write!(f, " after {after}"))
            }
            Self::Walk { limit } => write!(f, "walk by {limit}"),
            Self::In { project: OtherProject::Second, step } => write!(f, "{step}, in the second project"),
            Self::In { project: OtherProject::Empty, step } => write!(f, "{step}, in the empty project"),
        }
    }
}

struct ListedProducts<'s>(Option<&'s [Product]>);
struct Tagged(Tag);
struct Keyed(Option<u8>);

impl fmt::Display for ListedProducts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(products) = self.0 else { return Ok(()) };
        match products.len() {
            1 => f.write_str(" with 1 product")?,
            many => write!(f, " with {many} products")?,
        }
        if products.contains(&Product::Unknown) {
            f.write_str(", one unknown")?;
        }
        Ok(())
    }
}

impl fmt::Display for Tagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Tag::Absent => "",
            Tag::Null => ", tag null",
            Tag::Zero => ", tag 0",
            Tag::One => ", tag 1",
            Tag::Invalid => ", tag \"1\"",
        })
    }
}

impl fmt::Display for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |key| write!(f, ", key {key}"))
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_step_is_displayed_with_its_names() {
        let create = Step::Create {
            offering: OfferingRef::Slot(Slot(0)),
            products: Some(vec![Product::Known(1), Product::Unknown]),
            tag: Tag::Zero,
            key: Some(1),
        };
        assert_eq!(create.to_string(), "create a with 2 products, one unknown, tag 0, key 1");
        assert_eq!(
            Step::Page { limit: Some(2), after: Some(OfferingRef::Main) }.to_string(),
            "list by 2 after the main offering"
        );
    }

    #[test]
    fn a_step_survives_serialization() {
        let step = Step::Update { offering: OfferingRef::Main, products: None, tag: Tag::Null };
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(text, r#"{"update":{"who":"main","products":null,"tag":"null"}}"#);
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
        let elsewhere = step.clone().sent_to(OtherProject::Second);
        let text = serde_json::to_string(&elsewhere).unwrap();
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), elsewhere);
        assert_eq!(
            (elsewhere.inner(), elsewhere.offering(), elsewhere.role()),
            (&step, step.offering(), KeyRole::Second)
        );
    }
}
