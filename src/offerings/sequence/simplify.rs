//! Simpler variants of a step, as candidates for minimizing.

use super::step::{OfferingRef, Product, Slot, Step, Tag};

impl Step {
    /// Simpler variants of the step, the simplest first. Each is strictly smaller, so repeated simplification ends.
    pub fn simplifications(&self) -> Vec<Self> {
        let mut all = Vec::new();
        match self {
            Self::Create { offering, products, tag, key } => {
                let with = |products: Option<Vec<Product>>, tag: Tag, key: Option<u8>| Self::Create {
                    offering: *offering,
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
                    all.extend(shorter(products).into_iter().map(|shorter| with(Some(shorter), *tag, *key)));
                }
            }
            Self::Update { offering, products, tag } => {
                let with =
                    |products: Option<Vec<Product>>, tag: Tag| Self::Update { offering: *offering, products, tag };
                if *tag != Tag::Absent {
                    all.push(with(products.clone(), Tag::Absent));
                }
                if let Some(products) = products {
                    all.push(with(None, *tag));
                    all.extend(shorter(products).into_iter().map(|shorter| with(Some(shorter), *tag)));
                }
            }
            Self::SetMain { offering, key: Some(_) } => all.push(Self::SetMain { offering: *offering, key: None }),
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
                all.extend(step.simplifications().into_iter().map(|simpler| simpler.sent_to(*project)));
            }
            _ => {}
        }
        all
    }

    /// The same step with slot `from` replaced by `to`.
    #[must_use]
    pub fn rename(&self, from: Slot, to: Slot) -> Self {
        if self.slot() == Some(from) { self.with_offering(OfferingRef::Slot(to)) } else { self.clone() }
    }
}

/// Shorter lists of the first products, and a list of the same length.
fn shorter(products: &[Product]) -> Vec<Vec<Product>> {
    let length = products.len();
    let first = |count: usize| (0..count).map(|number| Product::Known(number as u8)).collect::<Vec<_>>();
    let mut counts = vec![0, 1, length / 2, length.saturating_sub(1), length];
    counts.dedup();
    let mut all: Vec<_> = counts.into_iter().filter(|count| *count <= length).map(first).collect();
    all.retain(|shorter| *shorter != products);
    all.dedup();
    all
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn repeated_simplification_ends() {
        let mut step = Step::Create {
            offering: OfferingRef::Main,
            products: Some(vec![Product::Unknown, Product::Known(7), Product::Known(7)]),
            tag: Tag::One,
            key: Some(1),
        };
        let mut last = Vec::new();
        for _ in 0..100 {
            let Some(next) = step.simplifications().pop() else { return };
            last.push(next.clone());
            step = next;
        }
        panic!("{last:?}");
    }
}
