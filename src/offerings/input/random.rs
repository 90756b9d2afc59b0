//! Inputs at random, each with a seed of its own.

use super::inputs::{Input, Maker, Origin, Part, ValueClass};
use super::limits::{Filling, settled, with_body, with_text};
use super::recipe::InputSubject;
use super::{Name, Preserve};
use crate::contract::{Endpoint, ParameterPlace};
use crate::generate::{Constraint, Facet, Schema, Side, Validity, runner, seed};
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use serde_json::Value;
use std::ops::Range;

/// What is generated for one slot: valid values, or such as break one constraint.
struct Source<'m> {
    part: &'m Part,
    schema: &'m Schema,
    validity: Validity,
    strategy: BoxedStrategy<Value>,
}

/// The inputs of these cases; each depends on the seed and its own number alone.
pub(super) fn of(maker: &Maker<'_>, base: u64, cases: Range<u64>) -> Vec<Input> {
    if cases.is_empty() {
        return Vec::new();
    }
    let sources = sources(maker);
    let mut inputs = Vec::new();
    for case in cases {
        let seed = seed(base, &maker.operation.id, case);
        // Valid and broken values alternate; the seed says which of the sources is next.
        let wants_valid = case % 2 == 0;
        let fitting: Vec<&Source<'_>> =
            sources.iter().filter(|source| (source.validity == Validity::Valid) == wants_valid).collect();
        let pick = usize::from(seed[0]) | usize::from(seed[1]) << 8;
        let Some(source) = fitting.get(pick % fitting.len().max(1)) else { continue };
        let Ok(tree) = source.strategy.new_tree(&mut runner(&seed)) else { continue };
        inputs.extend(input(maker, source, tree.current(), case, seed[2]));
    }
    inputs
}

fn sources<'m>(maker: &'m Maker<'_>) -> Vec<Source<'m>> {
    let mut sources = Vec::new();
    for (part, schema) in &maker.slots {
        let broken = schema.facets().into_iter().filter(|(facet, sides)| {
            sides.contains(&Side::Outside)
                && !schema.unmade().contains(facet)
                && super::limits::why_unsendable(part, schema, facet, Side::Outside).is_none()
                // A text has no type to be broken; the words that are no number are sent as limits.
                && (*part == Part::Body || facet.constraint != Constraint::Type)
        });
        let wanted = std::iter::once(Validity::Valid).chain(broken.map(|(facet, _)| Validity::Broken(facet)));
        sources.extend(wanted.map(|validity| {
            let strategy = schema.strategy(&validity);
            Source { part, schema, validity, strategy }
        }));
    }
    sources
}

fn input(maker: &Maker<'_>, source: &Source<'_>, value: Value, case: u64, choice: u8) -> Option<Input> {
    let (facet, side) = match &source.validity {
        Validity::Valid => (Facet { place: String::new(), constraint: Constraint::Type }, Side::Inside),
        Validity::Broken(facet) => (facet.clone(), Side::Outside),
    };
    let origin = Origin::Random(case);
    let mut input = match source.part {
        Part::Body => body(maker, &facet, side, value, choice, origin),
        Part::Parameter(place, name) => parameter(maker, (*place, name), &facet, side, &value, choice, origin)?,
    };
    let (part, schema, validity) = (source.part.clone(), source.schema.clone(), source.validity.clone());
    input.kept = Some(ValueClass { part, schema, validity });
    Some(input)
}

fn body(maker: &Maker<'_>, facet: &Facet, side: Side, mut value: Value, choice: u8, origin: Origin) -> Input {
    if side == Side::Outside {
        let what = format!("{} at random ({})", Maker::named(&Part::Body, &facet.place), facet.constraint);
        keep_to_one_fault(&mut value, facet);
        return with_body(maker, settled(maker, facet, side, value, Filling::Known), facet, what, origin);
    }
    let filling = if choice.is_multiple_of(4) { Filling::Unknown } else { Filling::Known };
    // The pattern of the id is what there is to show: it keeps its letters.
    let letters = Facet { place: "/id".into(), constraint: Constraint::Pattern };
    let shown = if maker.endpoint == Endpoint::Create { &letters } else { facet };
    with_body(maker, settled(maker, facet, side, value, filling), shown, "a valid body at random".into(), origin)
}

/// Removes what a rule would reject besides: a tag that makes main, beside another fault.
fn keep_to_one_fault(value: &mut Value, facet: &Facet) {
    if facet.place != "/tag"
        && let Some(body) = value.as_object_mut()
    {
        body.remove("tag");
    }
}

fn parameter(
    maker: &Maker<'_>,
    (place, name): (ParameterPlace, &str),
    facet: &Facet,
    side: Side,
    value: &Value,
    choice: u8,
    origin: Origin,
) -> Option<Input> {
    let text = Schema::spelt(value)?;
    let mut recipe = with_text(maker, (place, name), &text, facet, side, None)?;
    let what = match side {
        Side::Inside => format!("a valid `{name}` at random"),
        Side::Outside => format!("`{name}` at random ({})", facet.constraint),
    };
    let letters = || Name::like(&text, Preserve::Letters);
    match side {
        // No offering has it: the list starts again.
        Side::Inside if name == "starting_after" => recipe.subject = InputSubject::Missing(letters()),
        Side::Inside if place == ParameterPlace::Path && choice.is_multiple_of(2) => {
            recipe.subject = InputSubject::Missing(letters());
        }
        Side::Inside if place == ParameterPlace::Path => {
            recipe.subject = InputSubject::Existing(letters(), super::Spelling::Plain);
        }
        Side::Outside if text.is_empty() => return None,
        Side::Inside | Side::Outside => {}
    }
    Some(maker.input(what, recipe, origin))
}
