//! Values that may test a constraint, and how many of them are generated.

use super::constraint::{Constraint, ConstraintSide};
use serde_json::Value;
use std::collections::HashMap;

/// The maximum size of all candidates of one kind of a schema: places multiply by the constraints at each.
pub(super) const MAX_TOTAL: usize = 50_000;

/// The minimum room for the candidates of an inner schema.
const MIN_INNER: usize = 2_000;

/// The maximum size of one generated value: lists within lists multiply.
pub(super) const MAX_VALUE: usize = 20_000;

/// What a candidate costs besides its value.
pub(super) const OVERHEAD: usize = 20;

/// A value that may test a constraint of a schema, not yet checked by the validator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) value: Value,
    /// Pointer of the constraint, `*` for any entry of a list.
    pub(super) place: String,
    pub(super) constraint: Constraint,
    pub(super) side: ConstraintSide,
    pub(super) label: String,
}

impl Candidate {
    pub(super) fn new(
        value: Value,
        constraint: Constraint,
        side: ConstraintSide,
        label: impl Into<String>,
    ) -> Candidate {
        Candidate { value, place: String::new(), constraint, side, label: label.into() }
    }

    /// The candidate for the enclosing schema.
    pub(super) fn within(mut self, key: &str, wrap: impl FnOnce(Value) -> Value) -> Candidate {
        self.place = format!("/{}{}", crate::document::pointer::escape(key), self.place);
        self.value = wrap(self.value);
        self
    }
}

/// What an object costs besides its members: its map has room for eleven.
const OBJECT: usize = 8;

/// The size of a value: about the number of values in it. A long text and an object count as several.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => OBJECT + members.values().map(size).sum::<usize>(),
        Value::String(text) => 1 + text.len() / 64,
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

/// The room for the candidates of an inner schema. Those of all enclosing schemas are kept meanwhile, so it is smaller.
pub(super) fn inner(room: usize) -> usize {
    (room / 4 * 3).max(MIN_INNER)
}

/// The candidates, or a sample of them if they are too large together: first one of each constraint at each place, then a
/// second of each. `beside` is the size of what each is inserted into, `room` the maximum size of all.
pub(super) fn sampled(candidates: Vec<Candidate>, beside: usize, room: usize) -> Vec<Candidate> {
    let costs: Vec<usize> = candidates.iter().map(|one| size(&one.value) + beside + OVERHEAD).collect();
    if costs.iter().sum::<usize>() <= room {
        return candidates;
    }
    let mut seen: HashMap<(&str, Constraint), usize> = HashMap::new();
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let round = seen.entry((&candidate.place, candidate.constraint)).or_default();
        if *round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[*round].push(index);
        *round += 1;
    }
    let mut is_chosen = vec![false; candidates.len()];
    let mut left = room;
    for round in rounds {
        let needed: usize = round.iter().map(|index| costs[*index]).sum();
        // Of a round without enough room, as many at equal distances.
        let count = if needed <= left { round.len() } else { round.len() * left / needed };
        for chosen in (0..count).map(|nth| round[nth * round.len() / count]) {
            is_chosen[chosen] = true;
            left = left.saturating_sub(costs[chosen]);
        }
        if count < round.len() {
            break;
        }
    }
    candidates.into_iter().zip(is_chosen).filter_map(|(one, is_chosen)| is_chosen.then_some(one)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn candidates(places: usize, each: usize) -> Vec<Candidate> {
        let one = |place: usize, nth: usize| {
            let value = json!([place, nth]);
            Candidate::new(value, Constraint::Enum, ConstraintSide::Inside, "").within(&format!("p{place}"), |one| one)
        };
        (0..places).flat_map(|place| (0..each).map(move |nth| one(place, nth))).collect()
    }

    #[test]
    fn few_candidates_are_all_kept() {
        let few = candidates(10, 10);
        assert_eq!(sampled(few.clone(), 5, MAX_TOTAL), few);
    }

    #[test]
    fn of_many_candidates_every_place_has_some() {
        let many = sampled(candidates(100, 1_000), 0, MAX_TOTAL);
        assert!(many.len() < 2_500, "{}", many.len());
        let places: BTreeSet<_> = many.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places.len(), 100);
    }

    #[test]
    fn of_too_many_places_a_sample_is_kept() {
        let many = sampled(candidates(10_000, 3), 100, MAX_TOTAL);
        assert!((100..500).contains(&many.len()), "{}", many.len());
        assert!(many.last().is_some_and(|last| last.place.as_str() > "/p9"), "{:?}", many.last());
    }
}
