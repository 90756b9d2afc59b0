//! A schema prepared for generating values: references followed, `allOf` merged, alternatives expanded.

use super::pattern::ParsedPattern;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of alternatives of a schema: nested alternatives multiply.
pub(super) const MAX_BRANCHES: usize = 64;

/// The maximum number of schemas in a node, among them copies for its alternatives.
pub(super) const MAX_COUNT: usize = 2_000;

/// Larger integers are not generated: steps from them would exceed the range of the type.
const MAX_INTEGER: i128 = 1 << 100;

/// A JSON type as OpenAPI names it; null is the type of `nullable`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum JsonType {
    String,
    Integer,
    Number,
    Boolean,
    Array,
    Object,
    Null,
}

impl JsonType {
    pub(super) const ALL: [JsonType; 7] = [
        JsonType::String,
        JsonType::Integer,
        JsonType::Number,
        JsonType::Boolean,
        JsonType::Array,
        JsonType::Object,
        JsonType::Null,
    ];

    pub(super) fn of_name(name: &str) -> Option<JsonType> {
        JsonType::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            JsonType::String => "string",
            JsonType::Integer => "integer",
            JsonType::Number => "number",
            JsonType::Boolean => "boolean",
            JsonType::Array => "array",
            JsonType::Object => "object",
            JsonType::Null => "null",
        }
    }
}

/// A limit of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    /// As written.
    pub(super) value: f64,
    /// As an integer, if it is one.
    pub(super) integer: Option<i128>,
    /// Whether the value itself is not allowed.
    pub(super) exclusive: bool,
    /// Whether it comes from a format, such as `int16`.
    pub(super) by_format: bool,
}

/// The constraint on undocumented properties.
#[derive(Clone, Debug)]
pub(super) enum Additional {
    /// None: they are allowed.
    Allowed,
    /// They are not allowed.
    Forbidden,
    /// They must be valid against this schema.
    Schema(Box<Node>),
}

/// A schema. A keyword that does not concern a type of `kinds` has no effect.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "keywords of JSON Schema, which are booleans there")]
pub(super) struct Node {
    /// The types; all of them if the schema has no `type`.
    pub(super) kinds: Vec<JsonType>,
    /// Whether the schema has a `type`.
    pub(super) typed: bool,
    pub(super) enumeration: Option<Vec<Value>>,
    pub(super) minimum: Option<Bound>,
    pub(super) maximum: Option<Bound>,
    pub(super) multiple_of: Option<f64>,
    pub(super) format: Option<String>,
    pub(super) min_length: usize,
    pub(super) max_length: Option<usize>,
    pub(super) pattern: Option<ParsedPattern>,
    pub(super) min_items: usize,
    pub(super) max_items: Option<usize>,
    pub(super) unique: bool,
    pub(super) items: Option<Box<Node>>,
    pub(super) properties: BTreeMap<String, Node>,
    pub(super) required: Vec<String>,
    /// Properties that are not sent, whichever schema of an `allOf` requires them.
    pub(super) hidden: BTreeSet<String>,
    pub(super) additional: Additional,
    pub(super) min_properties: usize,
    pub(super) max_properties: Option<usize>,
    /// `oneOf` and `anyOf`: each alternative merged with the other keywords. Empty when there are none.
    pub(super) branches: Vec<Node>,
    /// Whether it has a `not`, which is not supported.
    pub(super) has_not: bool,
    /// Whether recursion was cut off here, so that no value is generated.
    pub(super) is_cut_off: bool,
}

impl Node {
    /// A schema that accepts anything.
    pub(super) fn anything() -> Node {
        Node {
            kinds: JsonType::ALL.to_vec(),
            typed: false,
            enumeration: None,
            minimum: None,
            maximum: None,
            multiple_of: None,
            format: None,
            min_length: 0,
            max_length: None,
            pattern: None,
            min_items: 0,
            max_items: None,
            unique: false,
            items: None,
            properties: BTreeMap::new(),
            required: Vec::new(),
            hidden: BTreeSet::new(),
            additional: Additional::Allowed,
            min_properties: 0,
            max_properties: None,
            branches: Vec::new(),
            has_not: false,
            is_cut_off: false,
        }
    }

    /// A schema that is not read, so that no value is generated.
    pub(super) fn cut_off() -> Node {
        Node { is_cut_off: true, ..Node::anything() }
    }

    pub(super) fn has(&self, kind: JsonType) -> bool {
        self.kinds.contains(&kind)
    }

    pub(super) fn is_required(&self, property: &str) -> bool {
        self.required.iter().any(|name| name == property)
    }

    /// The minimum and maximum number of characters, including those of the pattern.
    pub(super) fn lengths(&self) -> (usize, Option<usize>) {
        match &self.pattern {
            Some(ParsedPattern::Class { min, max, .. }) => (self.min_length.max(*min), smaller(self.max_length, *max)),
            _ => (self.min_length, self.max_length),
        }
    }

    /// The minimum and maximum integer, both inclusive; `None` without a bound.
    pub(super) fn integers(&self) -> (Option<i128>, Option<i128>) {
        let min = self.minimum.map(|bound| match bound.integer {
            Some(integer) => integer + i128::from(bound.exclusive),
            None => bound.value.ceil() as i128,
        });
        let max = self.maximum.map(|bound| match bound.integer {
            Some(integer) => integer - i128::from(bound.exclusive),
            None => bound.value.floor() as i128,
        });
        let within = |bound: i128| bound.clamp(-MAX_INTEGER, MAX_INTEGER);
        (min.map(within), max.map(within))
    }

    /// The integer of which every value is a multiple; 1 by default.
    pub(super) fn factor(&self) -> i128 {
        self.multiple_of
            .filter(|factor| factor.fract() == 0.0 && *factor >= 1.0)
            .map_or(1, |factor| (factor as i128).min(MAX_INTEGER))
    }

    /// Removes a property that is not sent.
    pub(super) fn hide(&mut self, name: &str) {
        self.properties.remove(name);
        self.required.retain(|required| required != name);
        self.hidden.insert(name.to_owned());
    }

    /// The number of schemas in it, including itself.
    pub(super) fn count(&self) -> usize {
        let additional = match &self.additional {
            Additional::Schema(schema) => Some(&**schema),
            Additional::Allowed | Additional::Forbidden => None,
        };
        let inner = self.properties.values().chain(&self.branches).chain(self.items.as_deref()).chain(additional);
        1 + inner.map(Node::count).sum::<usize>()
    }

    /// The intersection with another schema, for `allOf`.
    pub(super) fn and(mut self, mut other: Node) -> Node {
        let (ones, twos) = (std::mem::take(&mut self.branches), std::mem::take(&mut other.branches));
        if !(ones.is_empty() && twos.is_empty()) {
            // Alternatives have the other keywords too, so each is merged with all of the other schema.
            let or_whole = |all: Vec<Node>, whole: &Node| if all.is_empty() { vec![whole.clone()] } else { all };
            self.branches = combined(&or_whole(ones, &self), &or_whole(twos, &other));
        }
        self.kinds = common_types(&self.kinds, &other.kinds);
        self.typed |= other.typed;
        self.enumeration = match (self.enumeration, other.enumeration) {
            (Some(one), Some(two)) => Some(one.into_iter().filter(|value| two.contains(value)).collect()),
            (one, two) => one.or(two),
        };
        self.minimum = tighter(self.minimum, other.minimum, |one, two| one.value > two.value);
        self.maximum = tighter(self.maximum, other.maximum, |one, two| one.value < two.value);
        self.multiple_of = self.multiple_of.or(other.multiple_of);
        self.format = self.format.or(other.format);
        self.min_length = self.min_length.max(other.min_length);
        self.max_length = smaller(self.max_length, other.max_length);
        self.pattern = self.pattern.or(other.pattern);
        self.min_items = self.min_items.max(other.min_items);
        self.max_items = smaller(self.max_items, other.max_items);
        self.unique |= other.unique;
        self.items = match (self.items, other.items) {
            (Some(one), Some(two)) => Some(Box::new(one.and(*two))),
            (one, two) => one.or(two),
        };
        for (name, node) in other.properties {
            let merged = match self.properties.remove(&name) {
                Some(own) => own.and(node),
                None => node,
            };
            self.properties.insert(name, merged);
        }
        self.required.extend(other.required);
        self.required.sort();
        self.required.dedup();
        for name in &other.hidden {
            self.hide(name);
        }
        for name in std::mem::take(&mut self.hidden) {
            self.hide(&name);
        }
        self.additional = match (self.additional, other.additional) {
            (Additional::Forbidden, _) | (_, Additional::Forbidden) => Additional::Forbidden,
            (Additional::Allowed, other) => other,
            (own, _) => own,
        };
        self.min_properties = self.min_properties.max(other.min_properties);
        self.max_properties = smaller(self.max_properties, other.max_properties);
        self.has_not |= other.has_not;
        self.is_cut_off |= other.is_cut_off;
        self
    }
}

/// Each of `ones` merged with each of `twos`, nested alternatives flattened; of too many, a sample in which each of both
/// occurs.
pub(super) fn combined(ones: &[Node], twos: &[Node]) -> Vec<Node> {
    let largest = |nodes: &[Node]| nodes.iter().map(Node::count).max().unwrap_or(0);
    let room = (MAX_COUNT / (largest(ones) + largest(twos)).max(1)).clamp(1, MAX_BRANCHES);
    let (first, second) = (ones.len(), twos.len());
    let pairs: Vec<(usize, usize)> = if first * second <= room {
        (0..first * second).map(|nth| (nth / second, nth % second)).collect()
    } else if first >= second {
        (0..room).map(|nth| (nth % first, (nth % first + nth / first) % second)).collect()
    } else {
        (0..room).map(|nth| ((nth % second + nth / second) % first, nth % second)).collect()
    };
    let groups = pairs.into_iter().map(|(one, two)| {
        let mut merged = ones[one].clone().and(twos[two].clone());
        let nested = std::mem::take(&mut merged.branches);
        if nested.is_empty() { vec![merged] } else { nested }
    });
    let groups: Vec<Vec<Node>> = groups.collect();
    if groups.iter().map(Vec::len).sum::<usize>() <= room {
        return groups.into_iter().flatten().collect();
    }
    let mut ranked: Vec<(usize, Node)> = groups.into_iter().flat_map(|group| group.into_iter().enumerate()).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().take(room).map(|(_, node)| node).collect()
}

/// The types that both allow; an integer is a number.
fn common_types(one: &[JsonType], two: &[JsonType]) -> Vec<JsonType> {
    let both = |kind: JsonType| match kind {
        JsonType::Integer if two.contains(&JsonType::Number) => Some(JsonType::Integer),
        JsonType::Number if two.contains(&JsonType::Integer) && !two.contains(&JsonType::Number) => {
            Some(JsonType::Integer)
        }
        kind => two.contains(&kind).then_some(kind),
    };
    let mut kinds: Vec<JsonType> = one.iter().copied().filter_map(both).collect();
    kinds.dedup();
    kinds
}

fn tighter(one: Option<Bound>, two: Option<Bound>, is_tighter: impl Fn(&Bound, &Bound) -> bool) -> Option<Bound> {
    match (one, two) {
        (Some(one), Some(two)) => {
            let is_first = is_tighter(&one, &two) || one.exclusive && !is_tighter(&two, &one);
            Some(if is_first { one } else { two })
        }
        (one, two) => one.or(two),
    }
}

fn smaller(one: Option<usize>, two: Option<usize>) -> Option<usize> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}
