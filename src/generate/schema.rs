//! A schema that values are made for.

use super::broken::broken;
use super::constraint::{Constraint, Side};
use super::node::{Additional, JsonType, Node};
use super::valid::{Candidate, EXTRA, format_texts, valid};
use super::{read, strategy};
use crate::contract::{Direction, SchemaRef};
use crate::document::pointer;
use proptest::strategy::BoxedStrategy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A schema with the values that its keywords suggest, each held against the validator. Start at [`Schema::of`].
#[derive(Clone, Debug)]
pub struct Schema {
    reference: SchemaRef,
    direction: Direction,
    node: Arc<Node>,
    samples: Arc<[Sample]>,
    unmade: Vec<Facet>,
}

/// One constraint at one place.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Facet {
    /// JSON pointer into the value, `*` for any entry of a list; empty for the value itself.
    pub place: String,
    /// What is asked for there.
    pub constraint: Constraint,
}

/// A value and what it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The whole value.
    pub value: Value,
    /// The constraint that it is about.
    pub facet: Facet,
    /// On which side of it the value is.
    pub side: Side,
    /// What is special about it, to stand after the name of the place: `of 65 characters (maxLength 64)`.
    pub words: String,
    /// Keywords of constraints at the same place that it cannot help breaking too: an empty string has no character
    /// for its pattern either. Mostly none.
    pub also: Vec<String>,
}

/// What the validator says of a value: which constraints it breaks, and where. Shrinking stays within one class.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ViolatedConstraints(Vec<(String, String)>);

impl ViolatedConstraints {
    /// Whether the value breaks nothing.
    pub fn is_valid(&self) -> bool {
        self.0.is_empty()
    }

    /// Place and keyword of everything that is broken, sorted; `*` stands for any entry of a list.
    pub fn broken(&self) -> &[(String, String)] {
        &self.0
    }

    /// Whether this constraint is broken; the second is the list of others broken at the same place. `None` when it is
    /// not, or something else is broken elsewhere.
    fn is_of(&self, facet: &Facet) -> Option<Vec<String>> {
        let (here, constraint) = (facet.place.as_str(), facet.constraint);
        if constraint == Constraint::Alternatives {
            let below =
                |place: &String| place == here || place.strip_prefix(here).is_some_and(|rest| rest.starts_with('/'));
            return (!self.0.is_empty() && self.0.iter().all(|(place, _)| below(place))).then(Vec::new);
        }
        // What is left out is reported for the object that lacks it.
        let here = if constraint == Constraint::Required { pointer::parent(here)? } else { here };
        let (told, rest): (Vec<_>, Vec<_>) = self.0.iter().partition(|(_, keyword)| constraint.is_told_as(keyword));
        let is_there = !told.is_empty() && self.0.iter().all(|(place, _)| place == here);
        let is_one = constraint != Constraint::Required || told.len() == 1;
        (is_there && is_one).then(|| rest.into_iter().map(|(_, keyword)| keyword.clone()).collect())
    }
}

/// Which values are wanted at random.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    /// Those that keep everything.
    Valid,
    /// Those that break this constraint and nothing else elsewhere.
    Broken(Facet),
}

impl Schema {
    /// Prepares values for a schema.
    pub fn of(reference: &SchemaRef, direction: Direction) -> Schema {
        let node = Arc::new(read::node(reference.document(), reference.pointer(), direction));
        let mut schema =
            Schema { reference: reference.clone(), direction, node, samples: Arc::new([]), unmade: Vec::new() };
        if schema.node.is_cut {
            schema.unmade = schema.facets().into_iter().map(|(facet, _)| facet).collect();
            return schema;
        }
        schema.samples = schema.checked(valid(&schema.node), broken(&schema.node)).into();
        let made =
            |facet: &Facet, side| schema.samples.iter().any(|sample| sample.side == side && sample.facet == *facet);
        let lacks = |(facet, sides): &(Facet, Vec<Side>)| sides.iter().any(|side| !made(facet, *side));
        schema.unmade = schema.facets().into_iter().filter(lacks).map(|(facet, _)| facet).collect();
        schema
    }

    /// The candidates that are what they were meant to be, without repeats.
    fn checked(&self, valid: Vec<Candidate>, broken: Vec<Candidate>) -> Vec<Sample> {
        let mut samples: Vec<Sample> = Vec::new();
        for local in valid.into_iter().chain(broken) {
            let facet = Facet { place: local.place, constraint: local.constraint };
            let class = self.class(&local.value);
            let also = match local.side {
                Side::Inside => class.is_valid().then(Vec::new),
                Side::Outside => class.is_of(&facet),
            };
            let Some(also) = also else { continue };
            let is_known = |known: &Sample| known.value == local.value && known.facet == facet;
            if !samples.iter().any(is_known) {
                samples.push(Sample { value: local.value, facet, side: local.side, words: local.words, also });
            }
        }
        // Where a constraint can be broken alone, what breaks more is of no use.
        let mut alone: BTreeMap<&Facet, bool> = BTreeMap::new();
        for sample in samples.iter().filter(|sample| sample.side == Side::Outside) {
            *alone.entry(&sample.facet).or_default() |= sample.also.is_empty();
        }
        let keeps: Vec<bool> = samples
            .iter()
            .map(|sample| sample.also.is_empty() || !alone.get(&sample.facet).copied().unwrap_or_default())
            .collect();
        samples.into_iter().zip(keeps).filter_map(|(sample, keep)| keep.then_some(sample)).collect()
    }

    /// The schema of the document.
    pub fn reference(&self) -> &SchemaRef {
        &self.reference
    }

    /// Values that keep everything: at and just inside every limit.
    pub fn valid(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.side == Side::Inside)
    }

    /// Values that break one constraint each.
    pub fn broken(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.side == Side::Outside)
    }

    /// The plainest valid value; `None` when none can be made.
    pub fn plainest(&self) -> Option<Value> {
        super::valid::simplest(&self.node).filter(|value| self.is(&Validity::Valid, value))
    }

    /// Constraints for one side of which no value could be made: each is a hole of what can be tested.
    pub fn unmade(&self) -> &[Facet] {
        &self.unmade
    }

    /// Every constraint at every place, with the sides that it has.
    pub fn facets(&self) -> Vec<(Facet, Vec<Side>)> {
        let mut all = BTreeMap::new();
        facets(&self.node, "", &mut all);
        all.into_iter().collect()
    }

    /// What the validator says of a value.
    pub fn class(&self, value: &Value) -> ViolatedConstraints {
        if self.is(&Validity::Valid, value) {
            return ViolatedConstraints::default();
        }
        let errors = self.reference.breaks(self.direction, value).into_iter();
        let mut errors: Vec<_> =
            errors.map(|(place, keyword, missing)| (generic(&place, value), keyword, missing)).collect();
        errors.sort();
        errors.dedup();
        ViolatedConstraints(errors.into_iter().map(|(place, keyword, _)| (place, keyword)).collect())
    }

    /// Whether a value is what is wanted.
    pub fn is(&self, validity: &Validity, value: &Value) -> bool {
        match validity {
            Validity::Valid => self.reference.is_valid(self.direction, value),
            Validity::Broken(facet) => self.class(value).is_of(facet).is_some(),
        }
    }

    /// Random values, weighted towards the limits. Neither a value nor any step of shrinking it leaves its class.
    pub fn strategy(&self, validity: &Validity) -> BoxedStrategy<Value> {
        strategy::of(self, validity)
    }

    /// One random value; `None` when none is found.
    pub fn draw(&self, validity: &Validity, seed: &[u8; 32]) -> Option<Value> {
        use proptest::strategy::{Strategy, ValueTree};
        self.strategy(validity).new_tree(&mut super::runner(seed)).ok().map(|tree| tree.current())
    }

    /// Simpler values of the same class, the simplest first; `None` for one of another class. A caller can stop at any
    /// of them: each is held against the validator only when it is asked for.
    pub fn simpler(&self, value: &Value) -> impl Iterator<Item = Option<Value>> + use<'_> {
        let class = self.class(value);
        let simpler = super::simpler::simpler(value).into_iter();
        simpler.map(move |simpler| (self.class(&simpler) == class).then_some(simpler))
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    #[cfg(test)]
    pub(super) fn samples_of(&self, place: &str, constraint: Constraint, side: Side) -> impl Iterator<Item = &Value> {
        let wanted = Facet { place: place.to_owned(), constraint };
        let samples = self.samples.iter().filter(move |sample| sample.facet == wanted && sample.side == side);
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

/// Everything that a schema asks for, with the sides that there are to it.
fn facets(node: &Node, place: &str, into: &mut BTreeMap<Facet, Vec<Side>>) {
    const BOTH: &[Side] = &[Side::Inside, Side::Outside];
    let mut add = |constraint, sides: &[Side]| {
        into.entry(Facet { place: place.to_owned(), constraint }).or_insert_with(|| sides.to_vec());
    };
    if node.has_not {
        add(Constraint::Not, &[Side::Outside]);
    }
    if !node.branches.is_empty() {
        add(Constraint::Alternatives, BOTH);
        // What the alternatives ask for can be broken by a value that is as another one says.
        return;
    }
    if node.typed {
        add(Constraint::Type, BOTH);
        add(Constraint::Nullable, if node.has(JsonType::Null) { &[Side::Inside] } else { &[Side::Outside] });
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
            vec![Side::Outside],
        );
    }
    for (name, property) in &node.properties {
        facets(property, &pointer::join(place, name), into);
    }
    if let Additional::Like(like) = &node.additional {
        facets(like, &pointer::join(place, EXTRA), into);
    }
    for name in &node.required {
        let place = pointer::join(place, name);
        into.insert(Facet { place, constraint: Constraint::Required }, BOTH.to_vec());
    }
}
