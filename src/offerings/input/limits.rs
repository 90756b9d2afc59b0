//! Inputs at the limits of the document, from both sides.

use super::inputs::{Input, Maker, Origin, Part, Shown, ValueClass, products_of};
use super::name::{Name, Preserve};
use super::recipe::{ID, InputBody, InputSubject, NO_PRODUCT, Recipe, Spelling};
use crate::contract::{Endpoint, ParameterPlace};
use crate::exchange::encode_segment;
use crate::generate::{Constraint, Facet, Reading, Sample, Schema, Side, Text, Validity};
use serde_json::{Value, json};

/// So many offerings do not fit on a page whose limit is left out.
const MORE_THAN_A_PAGE: usize = 24;

/// Why nothing can be sent for a side of a constraint; `None` when something can.
pub(super) fn why_unsendable(part: &Part, schema: &Schema, facet: &Facet, side: Side) -> Option<String> {
    let is_text = matches!(part, Part::Parameter(..));
    let in_path = matches!(part, Part::Parameter(ParameterPlace::Path, _));
    if schema.unmade().contains(facet) {
        return Some("no value could be made for it".into());
    }
    match facet.constraint {
        Constraint::MinLength if in_path && side == Side::Outside => {
            Some("without its text the path is another one".into())
        }
        Constraint::Nullable if is_text => Some("a text is never null".into()),
        Constraint::Type if is_text && side == Side::Outside => {
            let of_no_type =
                !schema.texts().iter().any(|text| text.facet == *facet && text.reading == Reading::Invalid);
            of_no_type.then(|| "every text is a string".into())
        }
        _ => None,
    }
}

pub(super) fn of(maker: &Maker<'_>) -> Vec<Input> {
    let mut inputs = Vec::new();
    for (part, schema) in &maker.slots {
        match part {
            Part::Body => {
                let bodies = schema.valid().chain(schema.broken());
                inputs.extend(bodies.map(|sample| body(maker, schema, sample)));
            }
            Part::Parameter(place, name) => {
                let texts = schema.texts();
                inputs.extend(texts.iter().filter_map(|text| parameter(maker, (*place, name), schema, text)));
            }
        }
    }
    inputs.extend(products(maker));
    inputs.extend(left_out(maker));
    inputs.extend(main_tags(maker));
    inputs.extend(demotions(maker));
    inputs.extend(known(maker));
    inputs
}

/// A request with this body.
fn body(maker: &Maker<'_>, schema: &Schema, sample: &Sample) -> Input {
    let facet = &sample.facet;
    let value = settled(maker, facet, sample.side, sample.value.clone(), Filling::Known);
    let words = format!("{} {}", Maker::named(&Part::Body, &facet.place), sample.words);
    let mut input = with_body(maker, value, facet, words, Origin::Limit);
    input.shown = Some(Shown { part: Part::Body, facet: facet.clone(), side: sample.side });
    let validity = validity(facet, sample.side);
    input.kept = Some(ValueClass { part: Part::Body, schema: schema.clone(), validity });
    input
}

pub(super) fn validity(facet: &Facet, side: Side) -> Validity {
    match side {
        Side::Inside => Validity::Valid,
        Side::Outside => Validity::Broken(facet.clone()),
    }
}

/// An input of a body that is already settled.
pub(super) fn with_body(maker: &Maker<'_>, mut value: Value, facet: &Facet, what: String, origin: Origin) -> Input {
    let preserve = match (facet.place.as_str(), facet.constraint) {
        ("/id", Constraint::MinLength | Constraint::MaxLength) => Some(Preserve::Length),
        ("/id", Constraint::Pattern | Constraint::Format | Constraint::Enum) => Some(Preserve::Letters),
        // Whatever it was: a fresh one.
        _ if value.get("id").is_some_and(Value::is_string) => Some(Preserve::Whole),
        _ => None,
    };
    if preserve == Some(Preserve::Whole) {
        value["id"] = json!("");
    }
    let preserve = preserve.filter(|_| maker.endpoint == Endpoint::Create);
    let recipe = Recipe { content: InputBody::Json(value, preserve), ..maker.plain() };
    maker.input(what, recipe, origin)
}

/// What the lists of products of a body are filled with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Filling {
    /// Products of the project.
    Known,
    /// What stands there, which the project does not have.
    Unknown,
}

/// The body with products that exist, unless it is about their ids.
pub(super) fn settled(maker: &Maker<'_>, facet: &Facet, side: Side, mut body: Value, filling: Filling) -> Value {
    let Some(listed) = products_of(&body).filter(|listed| !listed.is_empty()) else { return body };
    let about_entries = facet.place.starts_with("/product_ids/");
    if about_entries || filling == Filling::Unknown && side == Side::Inside {
        return body;
    }
    body["product_ids"] = json!(filled(maker, listed.len(), side == Side::Outside));
    body
}

/// So many products: those of the project, then unknown ones, or where `repeats` the same again.
fn filled(maker: &Maker<'_>, count: usize, repeats: bool) -> Vec<String> {
    let known = maker.products.iter().cloned();
    if repeats && !maker.products.is_empty() {
        return known.cycle().take(count).collect();
    }
    known.chain((0..).map(|number| format!("{NO_PRODUCT}-{number}"))).take(count).collect()
}

/// A request with this text for a parameter; `None` where it would be another request.
fn parameter(maker: &Maker<'_>, (place, name): (ParameterPlace, &str), schema: &Schema, text: &Text) -> Option<Input> {
    let part = Part::Parameter(place, name.to_owned());
    let side = if text.reading == Reading::Invalid { Side::Outside } else { Side::Inside };
    let longest = schema.valid().filter_map(|sample| sample.value.as_str().map(|text| text.chars().count())).max();
    let recipe = with_text(maker, (place, name), &text.text, &text.facet, side, longest)?;
    let mut input = maker.input(format!("`{name}` {}", text.words), recipe, Origin::Limit);
    if text.reading != Reading::Ambiguous {
        input.shown = Some(Shown { part: part.clone(), facet: text.facet.clone(), side });
    }
    if place == ParameterPlace::Path || name == "starting_after" {
        let validity = validity(&text.facet, side);
        input.kept = Some(ValueClass { part, schema: schema.clone(), validity });
    }
    Some(input)
}

/// The plain request with this text for a parameter; `None` where it would be another request.
pub(super) fn with_text(
    maker: &Maker<'_>,
    (place, name): (ParameterPlace, &str),
    text: &str,
    facet: &Facet,
    side: Side,
    longest: Option<usize>,
) -> Option<Recipe> {
    let mut recipe = maker.plain();
    let preserve = if facet.constraint == Constraint::Pattern { Preserve::Letters } else { Preserve::Length };
    match place {
        // An empty segment makes another path, and so do dots for most clients.
        ParameterPlace::Path if text.is_empty() || [".", ".."].contains(&text) => return None,
        ParameterPlace::Path if side == Side::Inside => {
            recipe.subject = InputSubject::Existing(Name::like(text, preserve), Spelling::Plain);
        }
        ParameterPlace::Path => {
            let remains = longest.filter(|_| facet.constraint == Constraint::MaxLength);
            recipe.subject = InputSubject::Invalid { name: Name::like(text, preserve), remains };
        }
        ParameterPlace::Query if name == "starting_after" && side == Side::Inside => {
            recipe.subject = InputSubject::Existing(Name::like(text, preserve), Spelling::Plain);
            recipe.query.push(format!("{name}={ID}"));
        }
        ParameterPlace::Query => recipe.query.push(format!("{name}={}", encode_segment(text))),
        ParameterPlace::Header if text.is_empty() || !text.chars().all(|letter| (' '..='~').contains(&letter)) => {
            return None;
        }
        // Where two requests must not be the same to the server, the value has to be another each time.
        ParameterPlace::Header => recipe.headers.push((name.to_ascii_lowercase(), format!("{ID}{text}"))),
        ParameterPlace::Cookie => return None,
    }
    Some(recipe)
}

/// Products that exist and are special, unknown ones beside known ones, and lists of another form.
fn products(maker: &Maker<'_>) -> Vec<Input> {
    if !maker.takes_products() {
        return Vec::new();
    }
    let facet = Facet { place: "/product_ids/*".into(), constraint: Constraint::Type };
    let make = |what: &str, products: Value| {
        let body = match maker.endpoint {
            Endpoint::Create => json!({ "id": "", "product_ids": products }),
            _ => json!({ "product_ids": products }),
        };
        with_body(maker, body, &facet, what.to_owned(), Origin::Limit)
    };
    let mut inputs = vec![make("an unknown product", json!([NO_PRODUCT]))];
    let Some(known) = maker.products.first() else { return inputs };
    inputs.extend(unknown(maker, known).into_iter().map(|(what, products)| make(what, json!(products))));
    inputs.extend(special(maker).into_iter().map(|(what, id)| make(&what, json!([id]))));
    if let [first, second, third, ..] = maker.products {
        inputs.push(make("products in reverse order", json!([third, second, first])));
    }
    // With a product that exists, so that nothing but the form of the list is wrong.
    let forms = [
        ("`product_ids` that is a product and no list", json!(known)),
        ("`product_ids` that is a map", json!({ "0": known })),
        ("an entry of `product_ids` that is a list of a product", json!([[known]])),
        ("an entry of `product_ids` that is an object with an id", json!([{ "id": known }])),
        ("an entry of `product_ids` that is null beside a product", json!([known, null])),
        ("an entry of `product_ids` that is a number beside a product", json!([known, 1])),
        ("a product twice", json!([known, known])),
    ];
    inputs.extend(forms.into_iter().map(|(what, products)| make(what, products)));
    inputs
}

/// Lists that hold a product which the project does not have, or one entry too many.
fn unknown(maker: &Maker<'_>, known: &str) -> Vec<(&'static str, Vec<String>)> {
    let missing = || NO_PRODUCT.to_owned();
    let behind = |count: usize| filled(maker, count, true).into_iter().chain([missing()]).collect();
    let mut repeated = filled(maker, 100, true);
    repeated.push(known.to_owned());
    vec![
        ("an unknown product behind a known one", vec![known.to_owned(), missing()]),
        ("an unknown product before a known one", vec![missing(), known.to_owned()]),
        ("an unknown product behind 50 known ones", behind(50)),
        ("an unknown product behind 99 known ones", behind(99)),
        ("101 products of which one stands twice", repeated),
        ("a product with a space in front", vec![format!(" {known}")]),
        ("a product with a space behind", vec![format!("{known} ")]),
    ]
}

/// Products of the project that servers may stumble over.
fn special<'m>(maker: &Maker<'m>) -> Vec<(String, &'m String)> {
    let longest = maker.products.iter().max_by_key(|id| id.len());
    let shortest = maker.products.iter().min_by_key(|id| id.len());
    let mut special: Vec<(String, &String)> = Vec::new();
    special.extend(longest.map(|id| ("the longest product of the project".to_owned(), id)));
    special.extend(shortest.map(|id| ("the shortest product of the project".to_owned(), id)));
    for letter in [' ', ':', '.', '-', '_'] {
        let with = maker.products.iter().find(|id| id.contains(letter));
        special.extend(with.map(|id| (format!("a product with `{letter}` in its id"), id)));
    }
    special
}

/// What may be left out and is: the tag of a new offering, the limit of a list.
fn left_out(maker: &Maker<'_>) -> Option<Input> {
    let (what, subject) = match maker.endpoint {
        Endpoint::Create => ("`tag` that is left out", InputSubject::None),
        Endpoint::List => ("`limit` that is left out", InputSubject::RaceModel(MORE_THAN_A_PAGE)),
        _ => return None,
    };
    Some(maker.input(what, Recipe { subject, ..maker.plain() }, Origin::Limit))
}

/// A tag that would make main, alone and beside products.
fn main_tags(maker: &Maker<'_>) -> Vec<Input> {
    let bare = match maker.endpoint {
        Endpoint::Create => json!({ "id": "", "tag": 1 }),
        Endpoint::Update => json!({ "tag": 1 }),
        _ => return Vec::new(),
    };
    let mut beside = bare.clone();
    beside["product_ids"] = json!(maker.products.iter().take(2).collect::<Vec<_>>());
    let facet = Facet { place: "/tag".into(), constraint: Constraint::Enum };
    let make = |what: &str, body: Value| with_body(maker, body, &facet, what.to_owned(), Origin::Limit);
    vec![make("`tag` of 1", bare), make("`tag` of 1 beside products", beside)]
}

/// Updates of the main offering itself, whose role no update changes.
fn demotions(maker: &Maker<'_>) -> Vec<Input> {
    if maker.endpoint != Endpoint::Update {
        return Vec::new();
    }
    let products = maker.products.iter().take(2).collect::<Vec<_>>();
    let make = |(what, body): (&str, Value)| {
        let recipe = Recipe { subject: InputSubject::Main, content: InputBody::Json(body, None), ..maker.plain() };
        maker.input(what, recipe, Origin::Limit)
    };
    let bodies = [
        ("`tag` of 0 on the main", json!({ "tag": 0 })),
        ("`tag` of 0 on the main, beside products", json!({ "tag": 0, "product_ids": products })),
        ("`tag` of null on the main", json!({ "tag": null })),
        ("`tag` of 1 on the main", json!({ "tag": 1 })),
    ];
    bodies.into_iter().map(make).collect()
}

/// What a schema cannot say: an id must exist or must not, a variant is left alone, a key must be known.
fn known(maker: &Maker<'_>) -> Vec<Input> {
    let with =
        |what: &str, subject: InputSubject| maker.input(what, Recipe { subject, ..maker.plain() }, Origin::Limit);
    let mut inputs = Vec::new();
    if maker.names_offering() {
        inputs.push(with("an id that no offering has", InputSubject::Missing(Name::FRESH)));
        let variant = maker.variant.map(encode_segment);
        inputs.extend(variant.map(|id| with("the id of an experiment variant", InputSubject::Segment(id))));
    }
    if maker.endpoint == Endpoint::Create {
        inputs.push(with("an `id` that exists", InputSubject::Shared));
    }
    let headers = vec![("authorization".to_owned(), "Bearer qf-no-such-key".to_owned())];
    inputs.push(maker.input("an unknown key", Recipe { headers, ..maker.plain() }, Origin::Limit));
    inputs
}
