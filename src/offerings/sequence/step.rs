//! One step of a sequence, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::exchange::KeyRole;

/// A name for an offering that the sequence creates: the same slot, the same id. Some have ids with a colon, a space, 64
/// characters, or another's id in upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub u8);

impl Slot {
    /// How many there are.
    pub const COUNT: u8 = 12;

    /// What their ids end in, where they are not padded to 64 characters.
    const NAMES: [&'static str; Self::COUNT as usize] =
        ["a", "a:b", "c d", "A", "long", "f", "g", "h", "i", "j", "k", "m"];

    /// The slot whose id has 64 characters.
    pub(super) const LONG: Self = Self(4);

    /// Every slot.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// The slots whose ids have nothing special about them, in the order in which minimized sequences use them.
    pub fn plain(index: usize) -> Option<Self> {
        [0, 5, 6, 7, 8, 9, 10, 11].get(index).copied().map(Self)
    }

    /// What its id ends in.
    pub fn name(self) -> &'static str {
        Self::NAMES[usize::from(self.0 % Self::COUNT)]
    }
}

/// Which offering a step is about; what it stands for is decided when the step is sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferingRef {
    /// One of the sequence's own, whether it exists, was deleted, or never was.
    Slot(Slot),
    /// The main offering, if it is one of the sequence's own.
    Main,
    /// An experiment variant.
    Variant,
    /// An offering that another project has and this one has not.
    Elsewhere,
    /// An id of 65 characters.
    TooLong,
    /// An id with a character outside the set.
    OffCharset,
}

/// An entry of a product list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// The registered product with this number, from 0.
    Known(u8),
    /// One that is not registered.
    Unknown,
}

/// What a body has as its tag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tag {
    /// Nothing.
    #[default]
    Absent,
    /// null.
    Null,
    /// 0.
    Zero,
    /// 1.
    One,
    /// A string.
    Invalid,
}

/// Another project than the one under test.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherProject {
    /// The project of the second key.
    Second,
    /// The project that has no offerings at first.
    Empty,
}

impl OtherProject {
    /// The key that opens it.
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
        /// Whose id it names.
        who: OfferingRef,
        /// The products, in order; `None` when omitted.
        products: Option<Vec<Product>>,
        /// The tag.
        tag: Tag,
        /// Which idempotency key it has.
        key: Option<u8>,
    },
    /// A get.
    Get {
        /// Of which.
        who: OfferingRef,
    },
    /// An update.
    Update {
        /// Of which.
        who: OfferingRef,
        /// The products, in order; `None` when omitted.
        products: Option<Vec<Product>>,
        /// The tag.
        tag: Tag,
    },
    /// A delete.
    Delete {
        /// Of which.
        who: OfferingRef,
    },
    /// A set-main.
    SetMain {
        /// Of which.
        who: OfferingRef,
        /// Which idempotency key it has.
        key: Option<u8>,
    },
    /// One page of the list.
    Page {
        /// The limit; `None` when omitted, 1 to 100 when valid.
        limit: Option<u8>,
        /// After which.
        after: Option<OfferingRef>,
    },
    /// The whole list, page by page.
    Walk {
        /// The limit of each page, or more where the list is long.
        limit: u8,
    },
    /// A step in another project.
    In {
        /// Which project.
        project: OtherProject,
        /// What is sent there.
        step: Box<Step>,
    },
}

impl Step {
    /// The offerings that it names.
    pub fn who(&self) -> Option<OfferingRef> {
        match self {
            Self::Create { who, .. }
            | Self::Get { who }
            | Self::Update { who, .. }
            | Self::Delete { who }
            | Self::SetMain { who, .. } => Some(*who),
            Self::Page { after, .. } => *after,
            Self::Walk { .. } => None,
            Self::In { step, .. } => step.who(),
        }
    }

    /// The key of the project that it is sent to.
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

    /// The step itself, whichever project it is sent to.
    pub fn inner(&self) -> &Self {
        match self {
            Self::In { step, .. } => step,
            step => step,
        }
    }

    /// The slot that it names.
    pub fn slot(&self) -> Option<Slot> {
        match self.who() {
            Some(OfferingRef::Slot(slot)) => Some(slot),
            _ => None,
        }
    }

    /// The same step about another.
    #[must_use]
    pub fn about(&self, other: OfferingRef) -> Self {
        let mut step = self.clone();
        match &mut step {
            Self::Create { who, .. }
            | Self::Get { who }
            | Self::Update { who, .. }
            | Self::Delete { who }
            | Self::SetMain { who, .. } => *who = other,
            Self::Page { after, .. } => *after = after.map(|_| other),
            Self::Walk { .. } => {}
            Self::In { step, .. } => **step = step.about(other),
        }
        step
    }
}

impl fmt::Display for OfferingRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slot(slot) => slot.name(),
            Self::Main => "the main",
            Self::Variant => "a variant",
            Self::Elsewhere => "one of another project",
            Self::TooLong => "an id of 65 characters",
            Self::OffCharset => "an id with @",
        })
    }
}

/// `create a with 2 products, tag 0, key 1`: as findings show it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { who, products, tag, key } => {
                write!(f, "create {who}{}{}{}", ListedProducts(products.as_deref()), Tagged(*tag), Keyed(*key))
            }
            Self::Get { who } => write!(f, "get {who}"),
            Self::Update { who, products, tag } => {
                write!(f, "update {who}{}{}", ListedProducts(products.as_deref()), Tagged(*tag))
            }
            Self::Delete { who } => write!(f, "delete {who}"),
            Self::SetMain { who, key } => write!(f, "set-main {who}{}", Keyed(*key)),
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
    fn a_step_is_displayed_by_its_names() {
        let create = Step::Create {
            who: OfferingRef::Slot(Slot(0)),
            products: Some(vec![Product::Known(1), Product::Unknown]),
            tag: Tag::Zero,
            key: Some(1),
        };
        assert_eq!(create.to_string(), "create a with 2 products, one unknown, tag 0, key 1");
        assert_eq!(
            Step::Page { limit: Some(2), after: Some(OfferingRef::Main) }.to_string(),
            "list by 2 after the main"
        );
    }

    #[test]
    fn a_step_is_written_and_read_again() {
        let step = Step::Update { who: OfferingRef::Main, products: None, tag: Tag::Null };
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(text, r#"{"update":{"who":"main","products":null,"tag":"null"}}"#);
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
        let elsewhere = step.clone().sent_to(OtherProject::Second);
        let text = serde_json::to_string(&elsewhere).unwrap();
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), elsewhere);
        assert_eq!((elsewhere.inner(), elsewhere.who(), elsewhere.role()), (&step, step.who(), KeyRole::Second));
    }
}
