//! Inputs at the limits of the document, on both sides of each.

use super::inputs::{CoverageTarget, Input, InputBuilder, Origin, Part, ValueClass, products_of};
use super::suggested_id::{Preserve, SuggestedId};
use super::template::{ID, InputBody, InputSubject, NO_PRODUCT, RequestTemplate, Spelling};
use crate::contract::{Endpoint, ParameterPlace};
use crate::exchange::encode_segment;
use crate::generate::{Constraint, ConstraintSide, Facet, Sample, Schema, Text, TextValidity, Validity};
use serde_json::{Value, json};

/// More offerings than one page of the default limit holds.
const MORE_THAN_A_PAGE: usize = 24;

/// The reason why no request can cover a side of a constraint; `None` when one can.
pub(super) fn unsendable_reason(part: &Part, schema: &Schema, facet: &Facet, side: ConstraintSide) -> Option<String> {
    let is_text = matches!(part, Part::Parameter(..));
    let in_path = matches!(part, Part::Parameter(ParameterPlace::Path, _));
    if schema.unsatisfiable().contains(facet) {
        return Some("no value could be generated for it".into());
    }
    match facet.constraint {
        Constraint::MinLength if in_path && side == ConstraintSide::Outside => {
            Some("an empty segment makes a different path".into())
        }
        Constraint::Nullable if is_text => Some("a parameter is text and never null".into()),
        Constraint::Type if is_text && side == ConstraintSide::Outside => {
            let of_no_type =
                !schema.texts().iter().any(|text| text.facet == *facet && text.validity == TextValidity::Invalid);
            of_no_type.then(|| "every text is a string".into())
        }
        _ => None,
    }
}

pub(super) fn of(builder: &InputBuilder<'_>) -> Vec<Input> {
    let mut inputs = Vec::new();
    for (part, schema) in &builder.parts {
        match part {
            Part::Body => {
                let bodies = schema.valid().chain(schema.broken());
                inputs.extend(bodies.map(|sample| body(builder, schema, sample)));
            }
            Part::Parameter(place, name) => {
                let texts = schema.texts();
                inputs.extend(texts.iter().filter_map(|text| parameter(builder, (*place, name), schema, text)));
            }
        }
    }
    inputs.extend(products(builder));
    inputs.extend(omitted(builder));
    inputs.extend(main_tags(builder));
    inputs.extend(demotions(builder));
    inputs.extend(beyond_schema(builder));
    inputs
}

/// A request with the body of this sample.
fn body(builder: &InputBuilder<'_>, schema: &Schema, sample: &Sample) -> Input {
    let facet = &sample.facet;
    let value = with_products(builder, facet, sample.side, sample.value.clone(), ProductSource::Project);
    let words = format!("{} {}", InputBuilder::place_name(&Part::Body, &facet.place), sample.label);
    let mut input = with_body(builder, value, facet, words, Origin::Limit);
    input.covers = Some(CoverageTarget { part: Part::Body, facet: facet.clone(), side: sample.side });
    let validity = validity(facet, sample.side);
    input.class = Some(ValueClass { part: Part::Body, schema: schema.clone(), validity });
    input
}

pub(super) fn validity(facet: &Facet, side: ConstraintSide) -> Validity {
    match side {
        ConstraintSide::Inside => Validity::Valid,
        ConstraintSide::Outside => Validity::Broken(facet.clone()),
    }
}

/// An input with this body. An id that the constraint is not about is replaced by a fresh one.
pub(super) fn with_body(
    builder: &InputBuilder<'_>,
    mut value: Value,
    facet: &Facet,
    description: String,
    origin: Origin,
) -> Input {
    let preserve = match (facet.place.as_str(), facet.constraint) {
        ("/id", Constraint::MinLength | Constraint::MaxLength) => Some(Preserve::Length),
        ("/id", Constraint::Pattern | Constraint::Format | Constraint::Enum) => Some(Preserve::Letters),
        _ if value.get("id").is_some_and(Value::is_string) => Some(Preserve::Whole),
        _ => None,
    };
    if preserve == Some(Preserve::Whole) {
        value["id"] = json!("");
    }
    let preserve = preserve.filter(|_| builder.endpoint == Endpoint::Create);
    let template = RequestTemplate { content: InputBody::Json(value, preserve), ..builder.plain() };
    builder.input(description, template, origin)
}

/// Where the entries of the `product_ids` of a body come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ProductSource {
    /// Products of the project.
    Project,
    /// The generated values, which are unknown to the project.
    Generated,
}

/// The body with products that exist, unless the constraint is about their ids.
pub(super) fn with_products(
    builder: &InputBuilder<'_>,
    facet: &Facet,
    side: ConstraintSide,
    mut body: Value,
    source: ProductSource,
) -> Value {
    let Some(listed) = products_of(&body).filter(|listed| !listed.is_empty()) else { return body };
    let about_entries = facet.place.starts_with("/product_ids/");
    if about_entries || source == ProductSource::Generated && side == ConstraintSide::Inside {
        return body;
    }
    body["product_ids"] = json!(filled(builder, listed.len(), side == ConstraintSide::Outside));
    body
}

/// `count` products: those of the project, then unknown ones, or with `repeats` the known ones again.
fn filled(builder: &InputBuilder<'_>, count: usize, repeats: bool) -> Vec<String> {
    let known = builder.products.iter().cloned();
    if repeats && !builder.products.is_empty() {
        return known.cycle().take(count).collect();
    }
    known.chain((0..).map(|number| format!("{NO_PRODUCT}-{number}"))).take(count).collect()
}

/// An input with this text for a parameter; `None` where the text would make a different request.
fn parameter(
    builder: &InputBuilder<'_>,
    (place, name): (ParameterPlace, &str),
    schema: &Schema,
    text: &Text,
) -> Option<Input> {
    let part = Part::Parameter(place, name.to_owned());
    let side = if text.validity == TextValidity::Invalid { ConstraintSide::Outside } else { ConstraintSide::Inside };
    let longest = schema.valid().filter_map(|sample| sample.value.as_str().map(|text| text.chars().count())).max();
    let template = with_text(builder, (place, name), &text.text, &text.facet, side, longest)?;
    let mut input = builder.input(format!("`{name}` {}", text.label), template, Origin::Limit);
    if text.validity != TextValidity::Ambiguous {
        input.covers = Some(CoverageTarget { part: part.clone(), facet: text.facet.clone(), side });
    }
    if place == ParameterPlace::Path || name == "starting_after" {
        let validity = validity(&text.facet, side);
        input.class = Some(ValueClass { part, schema: schema.clone(), validity });
    }
    Some(input)
}

/// The plain request with this text for a parameter; `None` where the text would make a different request.
pub(super) fn with_text(
    builder: &InputBuilder<'_>,
    (place, name): (ParameterPlace, &str),
    text: &str,
    facet: &Facet,
    side: ConstraintSide,
    longest: Option<usize>,
) -> Option<RequestTemplate> {
    let mut template = builder.plain();
    let preserve = if facet.constraint == Constraint::Pattern { Preserve::Letters } else { Preserve::Length };
    match place {
        // An empty segment makes a different path, and so do dots for most clients.
        ParameterPlace::Path if text.is_empty() || [".", ".."].contains(&text) => return None,
        ParameterPlace::Path if side == ConstraintSide::Inside => {
            template.subject = InputSubject::Existing(SuggestedId::like(text, preserve), Spelling::Plain);
        }
        ParameterPlace::Path => {
            let truncated_to = longest.filter(|_| facet.constraint == Constraint::MaxLength);
            template.subject = InputSubject::Invalid { name: SuggestedId::like(text, preserve), truncated_to };
        }
        ParameterPlace::Query if name == "starting_after" && side == ConstraintSide::Inside => {
            template.subject = InputSubject::Existing(SuggestedId::like(text, preserve), Spelling::Plain);
            template.query.push(format!("{name}={ID}"));
        }
        ParameterPlace::Query => template.query.push(format!("{name}={}", encode_segment(text))),
        ParameterPlace::Header if text.is_empty() || !text.chars().all(|letter| (' '..='~').contains(&letter)) => {
            return None;
        }
        // An idempotency key must be unique, so the value is different each time.
        ParameterPlace::Header => template.headers.push((name.to_ascii_lowercase(), format!("{ID}{text}"))),
        ParameterPlace::Cookie => return None,
    }
    Some(template)
}

/// Existing products with unusual ids, unknown products next to known ones, and values that are not lists of ids.
fn products(builder: &InputBuilder<'_>) -> Vec<Input> {
    if !builder.takes_products() {
        return Vec::new();
    }
    let facet = Facet { place: "/product_ids/*".into(), constraint: Constraint::Type };
    let input = |description: &str, products: Value| {
        let body = match builder.endpoint {
            Endpoint::Create => json!({ "id": "", "product_ids": products }),
            _ => json!({ "product_ids": products }),
        };
        with_body(builder, body, &facet, description.to_owned(), Origin::Limit)
    };
    let mut inputs = vec![input("an unknown product", json!([NO_PRODUCT]))];
    let Some(known) = builder.products.first() else { return inputs };
    inputs
        .extend(unknown(builder, known).into_iter().map(|(description, products)| input(description, json!(products))));
    inputs.extend(special(builder).into_iter().map(|(description, id)| input(&description, json!([id]))));
    if let [first, second, third, ..] = builder.products {
        inputs.push(input("products in reverse order", json!([third, second, first])));
    }
    // With a product that exists, so that only the form of the list is invalid.
    let forms = [
        ("`product_ids` that is a string instead of a list", json!(known)),
        ("`product_ids` that is an object", json!({ "0": known })),
        ("an entry of `product_ids` that is a list of a product", json!([[known]])),
        ("an entry of `product_ids` that is an object with an id", json!([{ "id": known }])),
        ("an entry of `product_ids` that is null after a product", json!([known, null])),
        ("an entry of `product_ids` that is a number after a product", json!([known, 1])),
        ("a product twice", json!([known, known])),
    ];
    inputs.extend(forms.into_iter().map(|(description, products)| input(description, products)));
    inputs
}

/// Lists with a product that the project does not have, or with one entry too many.
fn unknown(builder: &InputBuilder<'_>, known: &str) -> Vec<(&'static str, Vec<String>)> {
    let missing = || NO_PRODUCT.to_owned();
    let after = |count: usize| filled(builder, count, true).into_iter().chain([missing()]).collect();
    let mut repeated = filled(builder, 100, true);
    repeated.push(known.to_owned());
    vec![
        ("an unknown product after a known one", vec![known.to_owned(), missing()]),
        ("an unknown product before a known one", vec![missing(), known.to_owned()]),
        ("an unknown product after 50 known ones", after(50)),
        ("an unknown product after 99 known ones", after(99)),
        ("101 products, one of them repeated", repeated),
        ("a product with a leading space", vec![format!(" {known}")]),
        ("a product with a trailing space", vec![format!("{known} ")]),
    ]
}

/// Products of the project whose ids servers may handle wrongly.
fn special<'m>(builder: &InputBuilder<'m>) -> Vec<(String, &'m String)> {
    let longest = builder.products.iter().max_by_key(|id| id.len());
    let shortest = builder.products.iter().min_by_key(|id| id.len());
    let mut special: Vec<(String, &String)> = Vec::new();
    special.extend(longest.map(|id| ("the longest product of the project".to_owned(), id)));
    special.extend(shortest.map(|id| ("the shortest product of the project".to_owned(), id)));
    for letter in [' ', ':', '.', '-', '_'] {
        let with = builder.products.iter().find(|id| id.contains(letter));
        special.extend(with.map(|id| (format!("a product with `{letter}` in its id"), id)));
    }
    special
}

/// A request that omits an optional value: the tag of a new offering, the limit of a list.
fn omitted(builder: &InputBuilder<'_>) -> Option<Input> {
    let (description, subject) = match builder.endpoint {
        Endpoint::Create => ("no `tag`", InputSubject::None),
        Endpoint::List => ("no `limit`", InputSubject::AtLeast(MORE_THAN_A_PAGE)),
        _ => return None,
    };
    Some(builder.input(description, RequestTemplate { subject, ..builder.plain() }, Origin::Limit))
}

/// A tag that would promote the offering, alone and with products.
fn main_tags(builder: &InputBuilder<'_>) -> Vec<Input> {
    let bare = match builder.endpoint {
        Endpoint::Create => json!({ "id": "", "tag": 1 }),
        Endpoint::Update => json!({ "tag": 1 }),
        _ => return Vec::new(),
    };
    let mut both = bare.clone();
    both["product_ids"] = json!(builder.products.iter().take(2).collect::<Vec<_>>());
    let facet = Facet { place: "/tag".into(), constraint: Constraint::Enum };
    let input =
        |description: &str, body: Value| with_body(builder, body, &facet, description.to_owned(), Origin::Limit);
    vec![input("`tag` of 1", bare), input("`tag` of 1 with products", both)]
}

/// Updates of the main offering, which no update may demote.
fn demotions(builder: &InputBuilder<'_>) -> Vec<Input> {
    if builder.endpoint != Endpoint::Update {
        return Vec::new();
    }
    let products = builder.products.iter().take(2).collect::<Vec<_>>();
    let input = |(description, body): (&str, Value)| {
        let template =
            RequestTemplate { subject: InputSubject::Main, content: InputBody::Json(body, None), ..builder.plain() };
        builder.input(description, template, Origin::Limit)
    };
    let bodies = [
        ("`tag` of 0 on the main offering", json!({ "tag": 0 })),
        ("`tag` of 0 with products on the main offering", json!({ "tag": 0, "product_ids": products })),
        ("`tag` of null on the main offering", json!({ "tag": null })),
        ("`tag` of 1 on the main offering", json!({ "tag": 1 })),
    ];
    bodies.into_iter().map(input).collect()
}

/// What a schema cannot express: an id exists or not, belongs to a variant, and the API key is unknown.
fn beyond_schema(builder: &InputBuilder<'_>) -> Vec<Input> {
    let with = |description: &str, subject: InputSubject| {
        builder.input(description, RequestTemplate { subject, ..builder.plain() }, Origin::Limit)
    };
    let mut inputs = Vec::new();
    if builder.names_offering() {
        inputs.push(with("an id of no offering", InputSubject::Missing(SuggestedId::FRESH)));
        let variant = builder.variant.map(encode_segment);
        inputs.extend(variant.map(|id| with("the id of an experiment variant", InputSubject::Segment(id))));
    }
    if builder.endpoint == Endpoint::Create {
        inputs.push(with("an `id` that exists", InputSubject::Shared));
    }
    let headers = vec![("authorization".to_owned(), "Bearer qf-no-such-key".to_owned())];
    inputs.push(builder.input("an unknown API key", RequestTemplate { headers, ..builder.plain() }, Origin::Limit));
    inputs
}
