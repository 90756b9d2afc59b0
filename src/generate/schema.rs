//! A schema and the values that are generated for it.

use super::broken::broken;
use super::candidate::{Candidate, MAX_TOTAL};
use super::constraint::{Constraint, ConstraintSide};
use super::node::{Additional, JsonType, Node};
use super::valid::{EXTRA, format_texts, valid};
use super::{read, strategy};
use crate::contract::{Direction, SchemaRef};
use crate::document::pointer;
use proptest::strategy::BoxedStrategy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

/// A schema with values at its limits, each checked by the validator. Start at [`Schema::of`].
#[derive(Clone, Debug)]
pub struct Schema {
    reference: SchemaRef,
    direction: Direction,
    node: Arc<Node>,
    samples: Arc<[Sample]>,
    unsatisfiable: Arc<[Facet]>,
}

/// One constraint at one place.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Facet {
    /// JSON pointer into the value, `*` for any entry of a list; empty for the value itself.
    pub place: String,
    /// The constraint at that place.
    pub constraint: Constraint,
}

/// A value that tests a constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The whole value.
    pub value: Value,
    /// The constraint that it tests.
    pub facet: Facet,
    /// Whether the value respects or violates it.
    pub side: ConstraintSide,
    /// What is special about it, to follow the name of the place: `of 65 characters (maxLength 64)`.
    pub label: String,
    /// Keywords of other constraints at the same place that it inevitably violates: an empty string may also violate
    /// its pattern. Usually none.
    pub also_violated: Vec<String>,
}

/// The constraints that a value violates, by the validator. A value and its simplified values violate the same.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ViolatedConstraints(Vec<(String, String)>);

impl ViolatedConstraints {
    /// Whether the value is valid.
    pub fn is_valid(&self) -> bool {
        self.0.is_empty()
    }

    /// Place and keyword of every violation, sorted; `*` stands for any entry of a list.
    pub fn broken(&self) -> &[(String, String)] {
        &self.0
    }

    /// The keywords of other constraints that are violated at the same place, if this one is violated and none
    /// elsewhere; else `None`.
    fn beside(&self, facet: &Facet) -> Option<Vec<String>> {
        let (here, constraint) = (facet.place.as_str(), facet.constraint);
        if constraint == Constraint::Alternatives {
            let below =
                |place: &String| place == here || place.strip_prefix(here).is_some_and(|rest| rest.starts_with('/'));
            return (!self.0.is_empty() && self.0.iter().all(|(place, _)| below(place))).then(Vec::new);
        }
        // A missing property is reported for its object.
        let here = if constraint == Constraint::Required { pointer::parent(here)? } else { here };
        let (reported, rest): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(_, keyword)| constraint.is_reported_as(keyword));
        let is_there = !reported.is_empty() && self.0.iter().all(|(place, _)| place == here);
        let is_one = constraint != Constraint::Required || reported.len() == 1;
        (is_there && is_one).then(|| rest.into_iter().map(|(_, keyword)| keyword.clone()).collect())
    }
}

/// Which random values to generate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    /// Valid values.
    Valid,
    /// Values that violate this constraint and none elsewhere.
    Broken(Facet),
}

impl Schema {
    /// Prepares values for a schema.
    pub fn of(reference: &SchemaRef, direction: Direction) -> Schema {
        let node = Arc::new(read::node(reference.document(), reference.pointer(), direction));
        let mut schema = Schema {
            reference: reference.clone(),
            direction,
            node,
            samples: Arc::new([]),
            unsatisfiable: Arc::new([]),
        };
        if schema.node.is_cut_off {
            schema.unsatisfiable = schema.facets().into_iter().map(|(facet, _)| facet).collect();
            return schema;
        }
        schema.samples = schema.checked(valid(&schema.node, MAX_TOTAL), broken(&schema.node, MAX_TOTAL)).into();
        let tested: HashSet<_> = schema.samples.iter().map(|sample| (&sample.facet, sample.side)).collect();
        let lacks =
            |(facet, sides): &(Facet, Vec<ConstraintSide>)| sides.iter().any(|side| !tested.contains(&(facet, *side)));
        let unsatisfiable = schema.facets().into_iter().filter(lacks).map(|(facet, _)| facet).collect();
        Schema { unsatisfiable, ..schema.clone() }
    }

    /// The candidates that test their constraint, without repetitions.
    fn checked(&self, valid: Vec<Candidate>, broken: Vec<Candidate>) -> Vec<Sample> {
        let mut samples: Vec<Sample> = Vec::new();
        let (mut known, hashes) = (HashSet::new(), BuildHasherDefault::<DefaultHasher>::default());
        for candidate in valid.into_iter().chain(broken) {
            let facet = Facet { place: candidate.place, constraint: candidate.constraint };
            let class = self.class(&candidate.value);
            let also_violated = match candidate.side {
                ConstraintSide::Inside => class.is_valid().then(Vec::new),
                ConstraintSide::Outside => class.beside(&facet),
            };
            let Some(also_violated) = also_violated else { continue };
            // Hashes need much less memory than the values; an equal one of different values would only skip a sample.
            if known.insert(hashes.hash_one((&facet, &candidate.value))) {
                let Candidate { value, side, label, .. } = candidate;
                samples.push(Sample { value, facet, side, label, also_violated });
            }
        }
        // If a constraint can be violated alone, samples that violate more are dropped.
        let mut alone: BTreeMap<&Facet, bool> = BTreeMap::new();
        for sample in samples.iter().filter(|sample| sample.side == ConstraintSide::Outside) {
            *alone.entry(&sample.facet).or_default() |= sample.also_violated.is_empty();
        }
        let needed: Vec<bool> = samples
            .iter()
            .map(|sample| sample.also_violated.is_empty() || !alone.get(&sample.facet).copied().unwrap_or_default())
            .collect();
        samples.into_iter().zip(needed).filter_map(|(sample, is_needed)| is_needed.then_some(sample)).collect()
    }

    /// The schema of the document.
    pub fn reference(&self) -> &SchemaRef {
        &self.reference
    }

    /// Valid values, at and just inside every limit.
    pub fn valid(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.side == ConstraintSide::Inside)
    }

    /// Values that violate one constraint each.
    pub fn broken(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.side == ConstraintSide::Outside)
    }

    /// The simplest valid value; `None` when none can be generated.
    pub fn simplest(&self) -> Option<Value> {
        super::valid::simplest(&self.node).filter(|value| self.is(&Validity::Valid, value))
    }

    /// Constraints without a value on one side, which cannot be tested completely.
    pub fn unsatisfiable(&self) -> &[Facet] {
        &self.unsatisfiable
    }

    /// Every constraint at every place, with the sides that it has.
    pub fn facets(&self) -> Vec<(Facet, Vec<ConstraintSide>)> {
        let mut all = BTreeMap::new();
        facets(&self.node, "", &mut all);
        all.into_iter().collect()
    }

    /// The constraints that a value violates.
    pub fn class(&self, value: &Value) -> ViolatedConstraints {
        if self.is(&Validity::Valid, value) {
            return ViolatedConstraints::default();
        }
        let errors = self.reference.violated_keywords(self.direction, value).into_iter();
        let mut errors: Vec<_> =
            errors.map(|(place, keyword, missing)| (generic(&place, value), keyword, missing)).collect();
        errors.sort();
        errors.dedup();
        ViolatedConstraints(errors.into_iter().map(|(place, keyword, _)| (place, keyword)).collect())
    }

    /// Whether a value has this validity.
    pub fn is(&self, validity: &Validity, value: &Value) -> bool {
        match validity {
            Validity::Valid => self.reference.is_valid(self.direction, value),
            Validity::Broken(facet) => self.class(value).beside(facet).is_some(),
        }
    }

    /// Random values, often at the limits. Every value, including those of shrinking, has this validity.
    pub fn strategy(&self, validity: &Validity) -> BoxedStrategy<Value> {
        strategy::of(self, validity)
    }

    /// One random value; `None` when none is found.
    pub fn generate(&self, validity: &Validity, seed: &[u8; 32]) -> Option<Value> {
        use proptest::strategy::{Strategy, ValueTree};
        self.strategy(validity).new_tree(&mut super::runner(seed)).ok().map(|tree| tree.current())
    }

    /// Simpler values that violate the same constraints, the simplest first; `None` for one that does not. Each is
    /// validated only when the iterator reaches it.
    pub fn simpler(&self, value: &Value) -> impl Iterator<Item = Option<Value>> + use<'_> {
        let class = self.class(value);
        let simpler = super::simplify::simpler(value).into_iter();
        simpler.map(move |simpler| (self.class(&simpler) == class).then_some(simpler))
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    #[cfg(test)]
    pub(super) fn samples_of(
        &self,
        place: &str,
        constraint: Constraint,
        side: ConstraintSide,
    ) -> impl Iterator<Item = &Value> {
        let expected = Facet { place: place.to_owned(), constraint };
        let samples = self.samples.iter().filter(move |sample| sample.facet == expected && sample.side == side);
        samples.map(|sample| &sample.value)
    }
}

/// A pointer into a value, with `*` for the entries of lists.
pub(super) fn generic(place: &str, value: &Value) -> String {
    let mut here = Some(value);
    let mut result = String::new();
    for key in pointer::keys(place) {
        let in_list = here.is_some_and(Value::is_array);
        result = pointer::join(&result, if in_list { "*" } else { &key });
        here = here.and_then(|value| match value {
            Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
            other => other.get(&key),
        });
    }
    result
}

/// Collects every constraint of a schema, with its sides.
fn facets(node: &Node, place: &str, into: &mut BTreeMap<Facet, Vec<ConstraintSide>>) {
    const BOTH: &[ConstraintSide] = &[ConstraintSide::Inside, ConstraintSide::Outside];
    let mut add = |constraint, sides: &[ConstraintSide]| {
        into.entry(Facet { place: place.to_owned(), constraint }).or_insert_with(|| sides.to_vec());
    };
    if node.has_not {
        add(Constraint::Not, &[ConstraintSide::Outside]);
    }
    if !node.branches.is_empty() {
        add(Constraint::Alternatives, BOTH);
        // A violation of one alternative may be valid for another.
        return;
    }
    if node.typed {
        add(Constraint::Type, BOTH);
        add(
            Constraint::Nullable,
            if node.has(JsonType::Null) { &[ConstraintSide::Inside] } else { &[ConstraintSide::Outside] },
        );
    }
    if node.enumeration.is_some() {
        add(Constraint::Enum, BOTH);
        return;
    }
    let numeric = node.has(JsonType::Integer) || node.has(JsonType::Number);
    for (bound, constraint) in [(node.minimum, Constraint::Minimum), (node.maximum, Constraint::Maximum)] {
        if let Some(bound) = bound.filter(|_| numeric) {
            add(super::valid::of_bound(bound, constraint), BOTH);
        }
    }
    let text = node.has(JsonType::String);
    let known_format = node.format.as_deref().is_some_and(|format| !format_texts(format).is_empty());
    let (list, object) = (node.has(JsonType::Array), node.has(JsonType::Object));
    let rest = [
        (Constraint::MultipleOf, numeric && node.multiple_of.is_some()),
        (Constraint::Format, text && known_format),
        (Constraint::MinLength, text && node.min_length > 0),
        (Constraint::MaxLength, text && node.max_length.is_some()),
        (Constraint::Pattern, text && node.pattern.is_some()),
        (Constraint::MinItems, list && node.min_items > 0),
        (Constraint::MaxItems, list && node.max_items.is_some() && node.items.is_some()),
        (Constraint::UniqueItems, list && node.unique),
        (Constraint::MinProperties, object && node.min_properties > 0),
        (Constraint::MaxProperties, object && node.max_properties.is_some()),
    ];
    for (constraint, _) in rest.into_iter().filter(|(_, is_there)| *is_there) {
        add(constraint, BOTH);
    }
    if list && let Some(items) = &node.items {
        facets(items, &format!("{place}/*"), into);
    }
    if !object {
        return;
    }
    if matches!(node.additional, Additional::Forbidden) {
        into.insert(
            Facet { place: place.to_owned(), constraint: Constraint::AdditionalProperties },
            vec![ConstraintSide::Outside],
        );
    }
    for (name, property) in &node.properties {
        facets(property, &pointer::join(place, name), into);
    }
    if let Additional::Schema(schema) = &node.additional {
        facets(schema, &pointer::join(place, EXTRA), into);
    }
    for name in &node.required {
        let place = pointer::join(place, name);
        into.insert(Facet { place, constraint: Constraint::Required }, BOTH.to_vec());
    }
}
