//! How a step can be made simpler.

use super::step::{OfferingRef, Product, Slot, Step, Tag};

impl Step {
    /// Simpler steps that may do as well, the simplest first. Each is smaller by some measure, so that taking them again
    /// and again comes to an end.
    pub fn simpler(&self) -> Vec<Self> {
        let mut all = Vec::new();
        match self {
            Self::Create { who, products, tag, key } => {
                let with = |products: Option<Vec<Product>>, tag: Tag, key: Option<u8>| Self::Create {
                    who: *who,
                    products,
                    tag,
                    key,
                };
                if (products.is_some(), *tag, *key) != (false, Tag::Absent, None) {
                    all.push(with(None, Tag::Absent, None));
                }
                if key.is_some() {
                    all.push(with(products.clone(), *tag, None));
                }
                if *tag != Tag::Absent {
                    all.push(with(products.clone(), Tag::Absent, *key));
                }
                if let Some(products) = products {
                    all.push(with(None, *tag, *key));
                    all.extend(fewer(products).into_iter().map(|fewer| with(Some(fewer), *tag, *key)));
                }
            }
            Self::Update { who, products, tag } => {
                let with = |products: Option<Vec<Product>>, tag: Tag| Self::Update { who: *who, products, tag };
                if *tag != Tag::Absent {
                    all.push(with(products.clone(), Tag::Absent));
                }
                if let Some(products) = products {
                    all.push(with(None, *tag));
                    all.extend(fewer(products).into_iter().map(|fewer| with(Some(fewer), *tag)));
                }
            }
            Self::SetMain { who, key: Some(_) } => all.push(Self::SetMain { who: *who, key: None }),
            Self::Page { limit, after } => {
                if limit.is_some() {
                    all.push(Self::Page { limit: None, after: *after });
                }
                if after.is_some() {
                    all.push(Self::Page { limit: *limit, after: None });
                }
            }
            Self::Walk { limit } if *limit > 1 => all.push(Self::Walk { limit: 1 }),
            Self::In { project, step } => {
                all.push((**step).clone());
                all.extend(step.simpler().into_iter().map(|simpler| simpler.sent_to(*project)));
            }
            _ => {}
        }
        all
    }

    /// The same step with one slot put for another.
    #[must_use]
    pub fn rename(&self, from: Slot, to: Slot) -> Self {
        if self.slot() == Some(from) { self.about(OfferingRef::Slot(to)) } else { self.clone() }
    }
}

/// Shorter lists of the first products, and as many of the first products.
fn fewer(products: &[Product]) -> Vec<Vec<Product>> {
    let length = products.len();
    let first = |count: usize| (0..count).map(|number| Product::Known(number as u8)).collect::<Vec<_>>();
    let mut counts = vec![0, 1, length / 2, length.saturating_sub(1), length];
    counts.dedup();
    let mut all: Vec<_> = counts.into_iter().filter(|count| *count <= length).map(first).collect();
    all.retain(|fewer| *fewer != products);
    all.dedup();
    all
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn simplifying_comes_to_an_end() {
        let mut step = Step::Create {
            who: OfferingRef::Main,
            products: Some(vec![Product::Unknown, Product::Known(7), Product::Known(7)]),
            tag: Tag::One,
            key: Some(1),
        };
        let mut last = Vec::new();
        for _ in 0..100 {
            let Some(next) = step.simpler().pop() else { return };
            last.push(next.clone());
            step = next;
        }
        panic!("{last:?}");
    }
}
