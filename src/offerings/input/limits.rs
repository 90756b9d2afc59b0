//! Inputs at the limits of the document, from both sides.

use super::expect::{self, Expectation, Expected, Part};
use super::inputs::{Class, Input, Maker, Origin, Shown, products_of};
use super::name::{Fit, Name};
use super::recipe::{Content, ID, Recipe, Spelling, Subject};
use crate::contract::{Endpoint, Place};
use crate::exchange::encode_segment;
use crate::generate::{Constraint, Facet, Reading, Sample, Schema, Side, Text, Validity};
use serde_json::{Value, json};

/// So many offerings do not fit on a page whose limit is left out.
const MORE_THAN_A_PAGE: usize = 24;

/// Why nothing can be sent for a side of a constraint; `None` when something can.
pub(super) fn why_unsendable(part: &Part, schema: &Schema, facet: &Facet, side: Side) -> Option<String> {
    let is_text = matches!(part, Part::Parameter(..));
    let in_path = matches!(part, Part::Parameter(Place::Path, _));
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
    let (value, expected) = settled(maker, facet, sample.side, sample.value.clone(), Filling::Known);
    let words = format!("{} {}", Maker::named(&Part::Body, &facet.place), sample.words);
    let mut input = with_body(maker, value, facet, expected, words, Origin::Limit);
    input.shown = Some(Shown { part: Part::Body, facet: facet.clone(), side: sample.side });
    let validity = validity(facet, sample.side);
    input.kept = Some(Class { part: Part::Body, schema: schema.clone(), validity });
    input
}

pub(super) fn validity(facet: &Facet, side: Side) -> Validity {
    match side {
        Side::Inside => Validity::Valid,
        Side::Outside => Validity::Broken(facet.clone()),
    }
}

/// An input of a body that is already settled.
pub(super) fn with_body(
    maker: &Maker<'_>,
    value: Value,
    facet: &Facet,
    expected: Expected,
    what: String,
    origin: Origin,
) -> Input {
    let fit = match (facet.place.as_str(), facet.constraint) {
        ("/id", Constraint::MinLength | Constraint::MaxLength) => Some(Fit::Length),
        ("/id", Constraint::Pattern | Constraint::Format | Constraint::Enum) => Some(Fit::Letters),
        // Whatever it was: a fresh one.
        _ if value.get("id").is_some_and(Value::is_string) => Some(Fit::Whole),
        _ => None,
    };
    let mut value = value;
    if fit == Some(Fit::Whole) {
        value["id"] = json!("");
    }
    let fit = if maker.endpoint == Endpoint::Create { fit } else { None };
    let recipe = Recipe { content: Content::Json(value, fit), ..maker.plain() };
    maker.input(what, recipe, expected, origin)
}

/// What the lists of products of a body are filled with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Filling {
    /// Products of the project.
    Known,
    /// What stands there, which the project does not have.
    Unknown,
}

/// The body with products that exist, unless it is about their ids, and what it is answered with then.
pub(super) fn settled(
    maker: &Maker<'_>,
    facet: &Facet,
    side: Side,
    mut body: Value,
    filling: Filling,
) -> (Value, Expected) {
    let expected = expect::of(maker.endpoint, &Part::Body, facet, side, &body);
    let Some(listed) = products_of(&body).filter(|listed| !listed.is_empty()) else { return (body, expected) };
    let about_entries = facet.place.starts_with("/product_ids/");
    if about_entries && side == Side::Outside {
        return (body, expected);
    }
    let keeps_unknown = about_entries || filling == Filling::Unknown && side == Side::Inside;
    if keeps_unknown
        && !listed
            .iter()
            .any(|product| product.as_str().is_some_and(|id| maker.products.iter().any(|known| known == id)))
    {
        // Well-formed, but no product of the project: it is the rules that refuse it.
        let unknown = expect::unknown_product(maker.endpoint).unwrap_or(expected);
        return (body, unknown);
    }
    let count = listed.len();
    let unknown = (0..).map(|number| format!("qf-no-such-product-{number}"));
    let known: Vec<String> = maker.products.iter().cloned().chain(unknown).take(count).collect();
    let enough = count <= maker.products.len();
    body["product_ids"] = json!(known);
    let is_refused = matches!(expected.1, Expectation::Refuse(..));
    if enough || is_refused {
        return (body, expected);
    }
    (body, expect::unknown_product(maker.endpoint).unwrap_or(expected))
}

/// A request with this text for a parameter; `None` where it would be another request.
fn parameter(maker: &Maker<'_>, (place, name): (Place, &str), schema: &Schema, text: &Text) -> Option<Input> {
    let part = Part::Parameter(place, name.to_owned());
    let side = if text.reading == Reading::Invalid { Side::Outside } else { Side::Inside };
    let value = Value::from(text.text.as_str());
    let mut expected = expect::of(maker.endpoint, &part, &text.facet, side, &value);
    if text.reading == Reading::Ambiguous {
        expected = (None, Expectation::Either);
    }
    let longest = schema.valid().filter_map(|sample| sample.value.as_str().map(|text| text.chars().count())).max();
    let recipe = with_text(maker, (place, name), &text.text, &text.facet, side, longest)?;
    if place == Place::Query && text.text.is_empty() {
        // A parameter without a value is as good as none to many servers.
        expected = (None, Expectation::Either);
    }
    let mut input = maker.input(format!("`{name}` {}", text.words), recipe, expected, Origin::Limit);
    if text.reading != Reading::Ambiguous {
        input.shown = Some(Shown { part: part.clone(), facet: text.facet.clone(), side });
    }
    if place == Place::Path || name == "starting_after" {
        let validity = validity(&text.facet, side);
        input.kept = Some(Class { part, schema: schema.clone(), validity });
    }
    Some(input)
}

/// The plain request with this text for a parameter; `None` where it would be another request.
pub(super) fn with_text(
    maker: &Maker<'_>,
    (place, name): (Place, &str),
    text: &str,
    facet: &Facet,
    side: Side,
    longest: Option<usize>,
) -> Option<Recipe> {
    let mut recipe = maker.plain();
    let fit = if facet.constraint == Constraint::Pattern { Fit::Letters } else { Fit::Length };
    match place {
        // An empty segment makes another path, and so do dots for most clients.
        Place::Path if text.is_empty() || [".", ".."].contains(&text) => return None,
        Place::Path if side == Side::Inside => {
            recipe.subject = Subject::Existing(Name::like(text, fit), Spelling::Plain);
        }
        Place::Path => {
            let remains = longest.filter(|_| facet.constraint == Constraint::MaxLength);
            recipe.subject = Subject::Invalid { name: Name::like(text, fit), remains };
        }
        Place::Query if name == "starting_after" && side == Side::Inside => {
            recipe.subject = Subject::Existing(Name::like(text, fit), Spelling::Plain);
            recipe.query.push(format!("{name}={ID}"));
        }
        Place::Query => recipe.query.push(format!("{name}={}", encode_segment(text))),
        Place::Header if text.is_empty() || !text.chars().all(|letter| (' '..='~').contains(&letter)) => return None,
        // Where two requests must not be the same to the server, the value has to be another each time.
        Place::Header => recipe.headers.push((name.to_ascii_lowercase(), format!("{ID}{text}"))),
        Place::Cookie => return None,
    }
    Some(recipe)
}

/// Products that exist and are special, unknown ones beside known ones, and one that stands twice.
fn products(maker: &Maker<'_>) -> Vec<Input> {
    let Some(unknown) = expect::unknown_product(maker.endpoint) else { return Vec::new() };
    let entry = |constraint| Facet { place: "/product_ids/*".into(), constraint };
    let facet = entry(Constraint::Type);
    let taken = || expect::of(maker.endpoint, &Part::Body, &facet, Side::Inside, &Value::Null);
    let body = |products: Value| match maker.endpoint {
        Endpoint::Create => json!({ "id": "", "product_ids": products }),
        _ => json!({ "product_ids": products }),
    };
    let make = |what: &str, products: Value, expected: Expected| {
        with_body(maker, body(products), &facet, expected, what.to_owned(), Origin::Limit)
    };
    let mut inputs = Vec::new();
    let missing = "qf-no-such-product";
    inputs.push(make("an unknown product", json!([missing]), unknown.clone()));
    if let Some(known) = maker.products.first() {
        inputs.push(make("an unknown product behind a known one", json!([known, missing]), unknown.clone()));
        inputs.push(make("an unknown product before a known one", json!([missing, known]), unknown));
    }
    let longest = maker.products.iter().max_by_key(|id| id.len());
    let shortest = maker.products.iter().min_by_key(|id| id.len());
    let mut special: Vec<(String, &String)> = Vec::new();
    special.extend(longest.map(|id| ("the longest product of the project".to_owned(), id)));
    special.extend(shortest.map(|id| ("the shortest product of the project".to_owned(), id)));
    for letter in [' ', ':', '.', '-', '_'] {
        let with = maker.products.iter().find(|id| id.contains(letter));
        special.extend(with.map(|id| (format!("a product with `{letter}` in its id"), id)));
    }
    inputs.extend(special.into_iter().map(|(what, id)| make(&what, json!([id]), taken())));
    if let [first, second, third, ..] = maker.products {
        inputs.push(make("products in reverse order", json!([third, second, first]), taken()));
    }
    // With a product that exists, so that nothing but the form of the list is wrong.
    if let Some(known) = maker.products.first() {
        let bounds = || expect::of(maker.endpoint, &Part::Body, &facet, Side::Outside, &Value::Null);
        inputs.push(make("`product_ids` that is a product and no list", json!(known), bounds()));
        inputs.push(make("`product_ids` that is a map", json!({ "0": known }), bounds()));
        inputs.push(make("an entry of `product_ids` that is a list of a product", json!([[known]]), bounds()));
        inputs.push(make("an entry of `product_ids` that is an object with an id", json!([{ "id": known }]), bounds()));
        inputs.push(make("an entry of `product_ids` that is null beside a product", json!([known, null]), bounds()));
        inputs.push(make("an entry of `product_ids` that is a number beside a product", json!([known, 1]), bounds()));
    }
    // Which of the answers is kept is open, so an update that may be taken is not sent: what is stored would be unknown.
    if let (Endpoint::Create, Some(known)) = (maker.endpoint, maker.products.first()) {
        let open = (Some("create.duplicate-products"), Expectation::Choose(201, vec![expect::BAD]));
        inputs.push(make("a product twice", json!([known, known]), open));
    }
    inputs
}

/// What may be left out and is: the tag of a new offering, the limit of a list.
fn left_out(maker: &Maker<'_>) -> Option<Input> {
    let (what, rule, recipe) = match maker.endpoint {
        Endpoint::Create => ("`tag` that is left out", "create.tag-regular", maker.plain()),
        Endpoint::List => {
            let subject = Subject::Crowd(MORE_THAN_A_PAGE);
            ("`limit` that is left out", "list.default-limit", Recipe { subject, ..maker.plain() })
        }
        _ => return None,
    };
    let accept = Expectation::Accept(expect::success(maker.endpoint));
    Some(maker.input(what, recipe, (Some(rule), accept), Origin::Limit))
}

/// A tag that would make main, which is refused whatever stands beside it.
fn main_tags(maker: &Maker<'_>) -> Vec<Input> {
    let bare = match maker.endpoint {
        Endpoint::Create => json!({ "id": "", "tag": 1 }),
        Endpoint::Update => json!({ "tag": 1 }),
        _ => return Vec::new(),
    };
    let mut beside = bare.clone();
    beside["product_ids"] = json!(maker.products.iter().take(2).collect::<Vec<_>>());
    let facet = Facet { place: "/tag".into(), constraint: Constraint::Enum };
    // To the schema of a new offering it is outside, to that of an update inside.
    let side = if maker.endpoint == Endpoint::Create { Side::Outside } else { Side::Inside };
    let make = |what: &str, body: Value| {
        let expected = expect::of(maker.endpoint, &Part::Body, &facet, side, &body);
        with_body(maker, body, &facet, expected, what.to_owned(), Origin::Limit)
    };
    vec![make("`tag` of 1", bare), make("`tag` of 1 beside products", beside)]
}

/// Updates of the main itself, whose role no update changes.
fn demotions(maker: &Maker<'_>) -> Vec<Input> {
    if maker.endpoint != Endpoint::Update {
        return Vec::new();
    }
    let make = |what: &str, body: Value, expected: Expected| {
        let recipe = Recipe { subject: Subject::Main, content: Content::Json(body, None), ..maker.plain() };
        maker.input(what, recipe, expected, Origin::Limit)
    };
    let products = json!(maker.products.iter().take(2).collect::<Vec<_>>());
    let demotion = |tag: Value| expect::demotion(&tag);
    let facet = Facet { place: "/tag".into(), constraint: Constraint::Enum };
    let promotion = json!({ "tag": 1 });
    let refused = expect::of(maker.endpoint, &Part::Body, &facet, Side::Inside, &promotion);
    vec![
        make("`tag` of 0 on the main", json!({ "tag": 0 }), demotion(json!(0))),
        make(
            "`tag` of 0 on the main, beside products",
            json!({ "tag": 0, "product_ids": products }),
            demotion(json!(0)),
        ),
        make("`tag` of null on the main", json!({ "tag": null }), demotion(Value::Null)),
        make("`tag` of 1 on the main", promotion, refused),
    ]
}

/// What a schema cannot say: an id must be there or must not, a variant is left alone, a key must be known.
fn known(maker: &Maker<'_>) -> Vec<Input> {
    let with = |what: &str, subject: Subject, expected: Expected| {
        maker.input(what, Recipe { subject, ..maker.plain() }, expected, Origin::Limit)
    };
    let mut inputs = Vec::new();
    if let Some(expected) = expect::missing(maker.endpoint) {
        inputs.push(with("an id that nobody has", Subject::Missing(Name::FRESH), expected));
    }
    if maker.endpoint == Endpoint::Create {
        inputs.push(with("an `id` that exists", Subject::Shared, expect::duplicate()));
    }
    if let (Some(id), Some(expected)) = (maker.variant, expect::variant(maker.endpoint)) {
        inputs.push(with("the id of an experiment variant", Subject::Segment(encode_segment(id)), expected));
    }
    let headers = vec![("authorization".to_owned(), "Bearer qf-no-such-key".to_owned())];
    let stranger = Recipe { headers, ..maker.plain() };
    inputs.push(maker.input("a key that nobody has", stranger, expect::stranger(), Origin::Limit));
    inputs
}
