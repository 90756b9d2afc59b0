//! Random inputs, each with a seed of its own.

use super::inputs::{Input, InputBuilder, Origin, Part, ValueClass};
use super::limits::{ProductSource, with_body, with_products, with_text};
use super::template::InputSubject;
use super::{Preserve, SuggestedId};
use crate::contract::{Endpoint, ParameterPlace};
use crate::generate::{Constraint, ConstraintSide, Facet, Schema, Validity, runner, seed};
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use serde_json::Value;
use std::ops::Range;

/// A generator for one part of a request: of valid values, or of values that violate one constraint.
struct ValueSource<'m> {
    part: &'m Part,
    schema: &'m Schema,
    validity: Validity,
    strategy: BoxedStrategy<Value>,
}

/// The inputs of these cases. Each depends only on the seed and its own number.
pub(super) fn of(builder: &InputBuilder<'_>, base: u64, cases: Range<u64>) -> Vec<Input> {
    if cases.is_empty() {
        return Vec::new();
    }
    let sources = sources(builder);
    let mut inputs = Vec::new();
    for case in cases {
        let seed = seed(base, &builder.operation.id, case);
        // Valid and invalid values alternate; the seed selects the source.
        let is_valid = case % 2 == 0;
        let fitting: Vec<&ValueSource<'_>> =
            sources.iter().filter(|source| (source.validity == Validity::Valid) == is_valid).collect();
        let pick = usize::from(seed[0]) | usize::from(seed[1]) << 8;
        let Some(source) = fitting.get(pick % fitting.len().max(1)) else { continue };
        let Ok(tree) = source.strategy.new_tree(&mut runner(&seed)) else { continue };
        inputs.extend(input(builder, source, tree.current(), case, seed[2]));
    }
    inputs
}

fn sources<'m>(builder: &'m InputBuilder<'_>) -> Vec<ValueSource<'m>> {
    let mut sources = Vec::new();
    for (part, schema) in &builder.parts {
        let broken = schema.facets().into_iter().filter(|(facet, sides)| {
            sides.contains(&ConstraintSide::Outside)
                && !schema.unsatisfiable().contains(facet)
                && super::limits::unsendable_reason(part, schema, facet, ConstraintSide::Outside).is_none()
                // A text has no wrong type; texts that are not numbers are sent as limits.
                && (*part == Part::Body || facet.constraint != Constraint::Type)
        });
        let validities = std::iter::once(Validity::Valid).chain(broken.map(|(facet, _)| Validity::Broken(facet)));
        sources.extend(validities.map(|validity| {
            let strategy = schema.strategy(&validity);
            ValueSource { part, schema, validity, strategy }
        }));
    }
    sources
}

fn input(builder: &InputBuilder<'_>, source: &ValueSource<'_>, value: Value, case: u64, choice: u8) -> Option<Input> {
    let (facet, side) = match &source.validity {
        Validity::Valid => (Facet { place: String::new(), constraint: Constraint::Type }, ConstraintSide::Inside),
        Validity::Broken(facet) => (facet.clone(), ConstraintSide::Outside),
    };
    let origin = Origin::Random(case);
    let mut input = match source.part {
        Part::Body => body(builder, &facet, side, value, choice, origin),
        Part::Parameter(place, name) => parameter(builder, (*place, name), &facet, side, &value, choice, origin)?,
    };
    let (part, schema, validity) = (source.part.clone(), source.schema.clone(), source.validity.clone());
    input.class = Some(ValueClass { part, schema, validity });
    Some(input)
}

fn body(
    builder: &InputBuilder<'_>,
    facet: &Facet,
    side: ConstraintSide,
    mut value: Value,
    choice: u8,
    origin: Origin,
) -> Input {
    if side == ConstraintSide::Outside {
        let description = format!(
            "{} with a random value ({})",
            InputBuilder::place_name(&Part::Body, &facet.place),
            facet.constraint
        );
        keep_single_violation(&mut value, facet);
        let value = with_products(builder, facet, side, value, ProductSource::Project);
        return with_body(builder, value, facet, description, origin);
    }
    let source = if choice.is_multiple_of(4) { ProductSource::Generated } else { ProductSource::Project };
    // A new offering keeps the characters of its id: they show whether the server accepts the whole pattern.
    let letters = Facet { place: "/id".into(), constraint: Constraint::Pattern };
    let subject = if builder.endpoint == Endpoint::Create { &letters } else { facet };
    let value = with_products(builder, facet, side, value, source);
    with_body(builder, value, subject, "a random valid body".into(), origin)
}

/// Removes a tag that promotes: it would be a second violation.
fn keep_single_violation(value: &mut Value, facet: &Facet) {
    if facet.place != "/tag"
        && let Some(body) = value.as_object_mut()
    {
        body.remove("tag");
    }
}

fn parameter(
    builder: &InputBuilder<'_>,
    (place, name): (ParameterPlace, &str),
    facet: &Facet,
    side: ConstraintSide,
    value: &Value,
    choice: u8,
    origin: Origin,
) -> Option<Input> {
    let text = Schema::as_text(value)?;
    let mut template = with_text(builder, (place, name), &text, facet, side, None)?;
    let description = match side {
        ConstraintSide::Inside => format!("`{name}` with a random valid value"),
        ConstraintSide::Outside => format!("`{name}` with a random value ({})", facet.constraint),
    };
    let letters = || SuggestedId::like(&text, Preserve::Letters);
    match side {
        // No offering has this id: the list starts from the beginning.
        ConstraintSide::Inside if name == "starting_after" => template.subject = InputSubject::Missing(letters()),
        ConstraintSide::Inside if place == ParameterPlace::Path && choice.is_multiple_of(2) => {
            template.subject = InputSubject::Missing(letters());
        }
        ConstraintSide::Inside if place == ParameterPlace::Path => {
            template.subject = InputSubject::Existing(letters(), super::Spelling::Plain);
        }
        ConstraintSide::Outside if text.is_empty() => return None,
        ConstraintSide::Inside | ConstraintSide::Outside => {}
    }
    Some(builder.input(description, template, origin))
}
