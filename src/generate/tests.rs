//! Properties of the generator, on the embedded contract and on schemas for these tests.

use super::*;
use crate::contract::{Catalogue, Contract, Direction, Endpoint, ParameterPlace};
use crate::document::Document;
use proptest::strategy::{Strategy, ValueTree};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Bodies of operations that are added to the embedded document: each tests what that document does not have.
fn test_schemas() -> Vec<(&'static str, Value)> {
    vec![
        (
            "all",
            json!({"allOf": [
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 2}}},
            {"type": "object", "required": ["b"], "properties": {
                "a": {"type": "string", "maxLength": 5}, "b": {"type": "integer", "minimum": 3, "maximum": 9}}}]}),
        ),
        (
            "one",
            json!({"oneOf": [
            {"type": "object", "required": ["kind", "x"], "properties": {
                "kind": {"type": "string", "enum": ["x"]}, "x": {"type": "integer"}}, "additionalProperties": false},
            {"type": "object", "required": ["kind", "y"], "properties": {
                "kind": {"type": "string", "enum": ["y"]}, "y": {"type": "string", "maxLength": 3}},
                "additionalProperties": false}]}),
        ),
        (
            "any",
            json!({"type": "object", "required": ["v"], "properties": {
            "v": {"anyOf": [{"type": "string", "maxLength": 4}, {"type": "integer", "minimum": 10}]}}}),
        ),
        (
            "nested",
            json!({"type": "array", "minItems": 1, "maxItems": 3, "items": {
            "type": "array", "uniqueItems": true, "minItems": 2, "maxItems": 4,
            "items": {"type": "integer", "minimum": 0, "exclusiveMaximum": true, "maximum": 100, "multipleOf": 5}}}),
        ),
        (
            "map",
            json!({"type": "object", "minProperties": 1, "maxProperties": 4, "additionalProperties": {
            "type": "string", "pattern": "^[a-f]{2,6}$", "nullable": true}}),
        ),
        (
            "formats",
            json!({"type": "object", "additionalProperties": false,
            "required": ["at", "day", "small"], "properties": {
                "at": {"type": "string", "format": "date-time"}, "day": {"type": "string", "format": "date"},
                "mail": {"type": "string", "format": "email"}, "small": {"type": "integer", "format": "int8"},
                "big": {"type": "integer", "format": "int64"}, "part": {"type": "number", "minimum": 0,
                    "maximum": 1, "exclusiveMinimum": true}, "cents": {"type": "number", "multipleOf": 0.25},
                "on": {"type": "boolean"}, "code": {"type": "string", "pattern": "^[A-Z]{3}-\\d+$", "maxLength": 9}}}),
        ),
        (
            "nullable",
            json!({"type": "object", "required": ["next"], "properties": {
            "next": {"$ref": "#/components/schemas/Maybe"},
            "rest": {"type": "array", "items": {"$ref": "#/components/schemas/Maybe"}}}}),
        ),
        ("tree", json!({"$ref": "#/components/schemas/Tree"})),
        (
            "hidden",
            json!({"allOf": [
            {"type": "object", "required": ["id", "name"], "properties": {"id": {"type": "string"}}},
            {"properties": {"id": {"readOnly": true}, "name": {"type": "string", "maxLength": 3}}}]}),
        ),
    ]
}

fn contract() -> Contract {
    let mut document = Document::embedded().value().clone();
    document["components"]["schemas"]["Maybe"] = json!({"type": "string", "nullable": true, "enum": ["on", "off"]});
    document["components"]["schemas"]["Tree"] = json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string", "minLength": 1}, "left": {"$ref": "#/components/schemas/Tree"},
        "children": {"type": "array", "maxItems": 2, "items": {"$ref": "#/components/schemas/Tree"}}}});
    for (name, schema) in test_schemas() {
        document["paths"][format!("/{name}")] = json!({"post": {
            "operationId": name, "responses": {"204": {"description": "done"}},
            "requestBody": {"content": {"application/json": {"schema": schema}}}}});
    }
    let text = serde_json::to_string_pretty(&document).expect("it was read before");
    let document = Document::parse(text, "t.yaml").expect("it is a document");
    Contract::from_document(document, Catalogue::embedded()).expect("it has the six operations")
}

/// Every schema of requests, with a name.
fn schemas() -> Vec<(String, Schema)> {
    let contract = contract();
    let mut schemas = Vec::new();
    for operation in contract.operations() {
        for parameter in &operation.parameters {
            let name = format!("{} {}", operation.id, parameter.name);
            schemas.push((name, Schema::of(&parameter.schema, Direction::Request)));
        }
        if let Some(schema) = operation.body.as_ref().and_then(|body| body.json()) {
            schemas.push((operation.id.clone(), Schema::of(schema, Direction::Request)));
        }
    }
    assert!(schemas.len() >= 6 + test_schemas().len());
    schemas
}

fn show(facets: &[Facet]) -> Vec<String> {
    facets.iter().map(|facet| format!("{} {}", facet.place, facet.constraint)).collect()
}

#[test]
fn samples_are_valid_or_violate_exactly_their_constraint() {
    let mut unavoidable = BTreeSet::new();
    for (name, schema) in schemas() {
        assert!(schema.valid().count() > 0 && schema.simplest().is_some(), "{name}");
        for sample in schema.valid() {
            assert!(schema.reference().is_valid(Direction::Request, &sample.value), "{name}: {sample:?}");
        }
        for sample in schema.broken() {
            let errors = schema.reference().validate(Direction::Request, &sample.value);
            assert!(!errors.is_empty(), "{name}: {sample:?}");
            if sample.facet.constraint != Constraint::Alternatives {
                let mut others = errors.iter().filter(|error| {
                    !sample.facet.constraint.is_reported_as(&error.keyword)
                        && !sample.also_violated.contains(&error.keyword)
                });
                assert_eq!(others.next(), None, "{name}: {sample:?}");
            }
            if !sample.also_violated.is_empty() {
                unavoidable.insert(format!(
                    "{name} {} {} {:?}",
                    sample.facet.place, sample.facet.constraint, sample.also_violated
                ));
            }
        }
    }
    for line in &unavoidable {
        // An empty text has no character for a pattern, and a value of another type is not in an enum.
        let known = line.contains("minLength [\"pattern\"]")
            || line.contains("type [\"enum\"]")
            || line.contains("nullable [\"enum\"]");
        assert!(known, "{line}");
    }
}

#[test]
fn every_constraint_has_samples_on_both_sides() {
    for (name, schema) in schemas() {
        assert_eq!(show(schema.unsatisfiable()), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn limits_of_offerings_have_samples_on_both_sides() {
    let contract = Contract::embedded();
    let body = contract.operation(Endpoint::Create).body.as_ref().and_then(|body| body.json()).expect("it has one");
    let schema = Schema::of(body, Direction::Request);
    let of = |place: &str, constraint, side| -> Vec<Value> {
        let samples = schema.samples_of(place, constraint, side);
        samples.map(|value| value.pointer(&place.replace('*', "0")).cloned().unwrap_or(Value::Null)).collect()
    };
    let lengths = |values: Vec<Value>| -> BTreeSet<usize> {
        values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.as_array().map_or(0, Vec::len), str::len))
            .collect()
    };
    assert!(lengths(of("/id", Constraint::MaxLength, ConstraintSide::Inside)).is_superset(&[63, 64].into()));
    assert!(lengths(of("/id", Constraint::MaxLength, ConstraintSide::Outside)).contains(&65));
    assert!(lengths(of("/id", Constraint::MinLength, ConstraintSide::Inside)).contains(&1));
    assert_eq!(lengths(of("/id", Constraint::MinLength, ConstraintSide::Outside)), [0].into());
    assert!(lengths(of("/product_ids", Constraint::MaxItems, ConstraintSide::Inside)).contains(&100));
    assert!(lengths(of("/product_ids", Constraint::MaxItems, ConstraintSide::Outside)).contains(&101));
    assert!(lengths(of("/product_ids/*", Constraint::MaxLength, ConstraintSide::Outside)).contains(&256));
    let tags = of("/tag", Constraint::Enum, ConstraintSide::Outside);
    assert!([json!(1), json!(2), json!(-1), json!(32_768)].iter().all(|tag| tags.contains(tag)), "{tags:?}");
    let characters: BTreeSet<char> = of("/id", Constraint::Pattern, ConstraintSide::Outside)
        .iter()
        .flat_map(|id| id.as_str().unwrap_or_default().chars().collect::<Vec<_>>())
        .collect();
    assert!("/?#%+@é\n\t\0".chars().all(|character| characters.contains(&character)));
    let ends: Vec<Value> = of("/id", Constraint::Pattern, ConstraintSide::Outside);
    assert!(ends.iter().any(|id| id.as_str().is_some_and(|id| id.ends_with('\n'))));
}

#[test]
fn random_values_keep_their_validity_while_shrinking() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (name, schema) in schemas() {
        let mut validities = vec![Validity::Valid];
        validities.extend(
            schema
                .facets()
                .into_iter()
                .filter(|(_, sides)| sides.contains(&ConstraintSide::Outside))
                .map(|(facet, _)| Validity::Broken(facet)),
        );
        for validity in validities {
            let strategy = schema.strategy(&validity);
            for case in 0..5 {
                let seed = seed(3, &name, case);
                let Ok(mut tree) = strategy.new_tree(&mut runner(&seed)) else { continue };
                let first = tree.current();
                for _ in 0..30 {
                    assert!(schema.is(&validity, &tree.current()), "{name} {validity:?}: {}", tree.current());
                    if !tree.simplify() {
                        break;
                    }
                }
                *counts.entry(name.clone()).or_default() += 1;
                if case > 0 {
                    continue;
                }
                assert_eq!(schema.generate(&validity, &seed).as_ref(), Some(&first), "the same seed, the same value");
                let class = schema.class(&first);
                for simpler in schema.simpler(&first).flatten() {
                    assert_eq!(schema.class(&simpler), class, "{name}: {simpler}");
                }
            }
        }
    }
    assert!(counts.values().all(|count| *count >= 10), "{counts:?}");
    assert!(counts.values().sum::<usize>() > 500, "{counts:?}");
}

#[test]
fn random_ids_are_often_at_their_limits() {
    let contract = Contract::embedded();
    let parameter =
        contract.operation(Endpoint::Get).parameter(ParameterPlace::Path, "offering_id").expect("it has one");
    let schema = Schema::of(&parameter.schema, Direction::Request);
    let generate = |case| schema.generate(&Validity::Valid, &seed(1, "ids", case));
    let lengths: Vec<usize> = (0..200).filter_map(generate).filter_map(|id| id.as_str().map(str::len)).collect();
    let count = |length| lengths.iter().filter(|one| **one == length).count();
    assert!(lengths.len() == 200 && count(1) > 10 && count(64) > 10, "{lengths:?}");
}

#[test]
fn texts_are_valid_ambiguous_or_invalid_integers() {
    let contract = Contract::embedded();
    let limit = contract.operation(Endpoint::List).parameter(ParameterPlace::Query, "limit").expect("it has one");
    let texts = Schema::of(&limit.schema, Direction::Request).texts();
    let validity = |text: &str| texts.iter().find(|known| known.text == text).map(|known| known.validity);
    for text in ["1", "2", "99", "100"] {
        assert_eq!(validity(text), Some(TextValidity::Valid), "{text}");
    }
    for text in ["0", "-1", "101", "abc", "1.5", "2147483748", "18446744073709551616"] {
        assert_eq!(validity(text), Some(TextValidity::Invalid), "{text}");
    }
    for text in ["", "+1", "01", " 1", "1e1", "-0", "1.0"] {
        assert_eq!(validity(text), Some(TextValidity::Ambiguous), "{text}");
    }
}

#[test]
fn read_only_properties_are_not_generated() {
    let (_, schema) = schemas().into_iter().find(|(name, _)| name == "hidden").expect("it is in the list");
    assert_eq!(schema.simplest(), Some(json!({"name": "a"})));
    assert!(schema.facets().iter().all(|(facet, _)| !facet.place.starts_with("/id")));
}

#[test]
fn added_properties_skip_existing_names() {
    let Value::Object(mut object) = json!({"x-qonform-2": "old", "x-qonform-4": 1}) else { unreachable!() };
    valid::pad(&mut object, 3, &json!("a"));
    let expected = ["x-qonform-2", "x-qonform-3", "x-qonform-4", "x-qonform-5", "x-qonform-6"];
    let names: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    assert_eq!(names, expected.into());
    assert_eq!((&object["x-qonform-2"], &object["x-qonform-3"]), (&json!("old"), &json!("a")));
}

#[test]
fn nested_alternatives_are_limited() {
    let many = || node::Node { branches: vec![node::Node::anything(); 40], ..node::Node::anything() };
    let both = (0..10).fold(many(), |both, _| both.and(many()));
    assert_eq!(both.branches.len(), node::MAX_BRANCHES);
}

/// Five choices of four have 1,024 combinations.
#[test]
fn of_a_product_every_alternative_occurs() {
    let alternative = |choice: usize, number: usize| {
        let name = format!("c{choice}n{number}");
        json!({"type": "object", "required": [name], "properties": {name: {"type": "string"}}})
    };
    let choice = |choice| json!({"oneOf": (0..4).map(|number| alternative(choice, number)).collect::<Vec<_>>()});
    let schema = schema_of(&json!({"allOf": (0..5).map(choice).collect::<Vec<_>>()}));
    let names = schema.valid().filter_map(|sample| sample.value.as_object()).flat_map(|object| object.keys());
    assert_eq!(names.collect::<BTreeSet<_>>().len(), 20);
    assert!(schema.valid().count() + schema.broken().count() < 5_000);
}

/// A sample is about as large as it may be.
#[test]
fn nothing_of_the_embedded_contract_is_left_out() {
    let contract = Contract::embedded();
    for operation in contract.operations() {
        let parameters = operation.parameters.iter().map(|parameter| &parameter.schema);
        for schema in parameters.chain(operation.body.as_ref().and_then(|body| body.json())) {
            let node = read::node(schema.document(), schema.pointer(), Direction::Request);
            for candidates in [valid::valid(&node, candidate::MAX_TOTAL), broken::broken(&node, candidate::MAX_TOTAL)] {
                let sizes = candidates.iter().map(|one| candidate::size(&one.value) + candidate::OVERHEAD);
                let total: usize = sizes.sum();
                assert!(total < candidate::MAX_TOTAL / 2, "{schema:?}: {total}");
            }
        }
    }
}

/// The schema of a body, of a document of its own.
fn schema_of(schema: &Value) -> Schema {
    let mut document = Document::embedded().value().clone();
    document["paths"]["/own"] = json!({"post": {
        "operationId": "own", "responses": {"204": {"description": "done"}},
        "requestBody": {"content": {"application/json": {"schema": schema}}}}});
    let document = Document::parse(document.to_string(), "t.json").expect("it is a document");
    let contract = Contract::from_document(document, Catalogue::embedded()).expect("it has the six operations");
    let own = contract.operations().iter().find(|operation| operation.id == "own").expect("it is readable");
    Schema::of(own.body.as_ref().and_then(|body| body.json()).expect("it has one"), Direction::Request)
}

#[test]
fn alternatives_keep_the_keywords_beside_them() {
    let one = |kind: &str| json!({"required": [kind], "properties": {kind: {"type": "integer"}}});
    for schema in [
        json!({"required": ["id"], "properties": {"id": {"type": "string"}}, "allOf": [{"oneOf": [one("a"), one("b")]}]}),
        json!({"allOf": [{"anyOf": [one("a"), one("b")]}, {"required": ["id"], "properties": {"id": {"type": "string"}}}]}),
        json!({"oneOf": [{"anyOf": [one("a")]}, one("b")], "required": ["id"], "properties": {"id": {"type": "string"}}}),
    ] {
        let simplest = schema_of(&schema).simplest();
        assert_eq!(simplest, Some(json!({"id": "a", "a": 0})), "{schema}");
    }
}

/// Schemas that allow no value, or hardly any, or whose limits are enormous: there is no panic, and it takes no time.
#[test]
fn difficult_schemas_have_values_or_none() {
    let max = u64::MAX;
    for (schema, has_value) in [
        (json!({"anyOf": [{"type": "integer"}, {"type": "string"}]}), true),
        (json!({"oneOf": [{"type": "integer"}, {"type": "number"}]}), false),
        (json!({"oneOf": [{"type": "string", "maxLength": 2}, {"type": "string", "minLength": 2}]}), true),
        (json!({"allOf": [{"type": "integer"}, {"type": "string"}]}), false),
        (json!({"allOf": [{"type": "string", "minLength": 5}, {"type": "string", "maxLength": 3}]}), false),
        (json!({"allOf": [{"enum": ["a"]}, {"enum": ["b"]}]}), false),
        (json!({"allOf": [{"type": "integer", "minimum": 5}, {"type": "integer", "maximum": 3}]}), false),
        (json!({"type": "string", "enum": []}), true),
        (json!({"not": {}}), false),
        (json!({"type": "string", "not": {"type": "string"}}), false),
        (json!({"type": "object", "required": ["a"], "properties": {"a": {"not": {}}}}), false),
        (json!({"type": "array", "minItems": max, "items": {"type": "string"}}), false),
        (json!({"type": "array", "minItems": 3, "maxItems": 1, "items": {"type": "string"}}), false),
        (
            json!({"type": "array", "maxItems": max, "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}),
            true,
        ),
        (json!({"type": "array", "minItems": 3, "uniqueItems": true, "items": {"type": "boolean"}}), false),
        (json!({"type": "string", "minLength": max}), false),
        (json!({"type": "string", "maxLength": max}), true),
        (json!({"type": "string", "maxLength": 0}), true),
        (json!({"type": "string", "minLength": 3, "maxLength": 1, "pattern": "^[a-z]+$"}), false),
        (json!({"type": "string", "pattern": "^[z-a]+$"}), true),
        (json!({"type": "string", "pattern": "(?=a)b"}), true),
        (json!({"type": "string", "format": "date", "maxLength": 3}), false),
        (json!({"type": "integer", "minimum": -1e300, "maximum": 1e300}), true),
        (json!({"type": "integer", "minimum": 1e300}), true),
        (json!({"type": "integer", "multipleOf": 1e300, "minimum": 1}), false),
        (json!({"type": "number", "minimum": -1e308, "maximum": 1e308, "exclusiveMaximum": true}), true),
        (json!({"type": "number", "multipleOf": 1e-300}), true),
        (json!({"type": "object", "minProperties": max}), false),
        (json!({"type": "object", "maxProperties": 0, "required": ["a"]}), false),
        (json!({"type": "object", "additionalProperties": false, "required": ["a"]}), false),
        (json!({"type": "object", "additionalProperties": {"not": {}}, "minProperties": 1}), false),
        (json!({"nullable": true, "type": "integer", "enum": [1, null]}), true),
        (json!({"enum": [null]}), true),
        (json!({}), true),
    ] {
        let started = std::time::Instant::now();
        let prepared = schema_of(&schema);
        let simplest = prepared.simplest();
        if !["1e300", "e-300", "z-a", "?=a"].iter().any(|special| schema.to_string().contains(special))
            && !schema.to_string().contains("e+300")
        {
            assert_eq!(simplest.is_some(), has_value, "{schema}: {simplest:?}");
        }
        let mut validities = vec![Validity::Valid];
        validities.extend(prepared.facets().into_iter().map(|(facet, _)| Validity::Broken(facet)));
        validities.extend(prepared.broken().map(|sample| Validity::Broken(sample.facet.clone())));
        for validity in validities {
            for case in 0..3 {
                if let Some(value) = prepared.generate(&validity, &seed(1, "difficult", case)) {
                    assert!(prepared.is(&validity, &value), "{schema} {validity:?}: {value}");
                }
            }
        }
        prepared.texts();
        assert!(started.elapsed().as_secs() < 10, "{schema}: {:?}", started.elapsed());
    }
}
