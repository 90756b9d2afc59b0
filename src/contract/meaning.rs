//! Lints for what authors may mean otherwise than OpenAPI 3.0.3 says.

use super::{Direction, hidden, schema::Schemas};
use crate::document::{Document, Lint, pointer};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// The lints of these schemas.
pub(super) fn lints(document: &Document, schemas: &Arc<Schemas>, places: &[String]) -> Vec<Lint> {
    let values = places.iter().filter_map(|place| Some((place, document.value().pointer(place)?)));
    values
        .flat_map(|(place, schema)| {
            nullable(document, schemas, place, schema).into_iter().chain(required(document, place, schema))
        })
        .collect()
}

/// A nullable schema for which null is not valid, because another keyword does not allow it.
fn nullable(document: &Document, schemas: &Arc<Schemas>, place: &str, schema: &Value) -> Option<Lint> {
    let is_nullable = schema.get("nullable") == Some(&Value::Bool(true)) && schema.get("type").is_some();
    let keyword = ["allOf", "oneOf", "anyOf", "not"].into_iter().find(|keyword| schema.get(*keyword).is_some())?;
    let lists_null = schema.get("enum").and_then(Value::as_array).is_none_or(|values| values.contains(&Value::Null));
    let is_lost = || !schemas.at(place).is_valid(Direction::Response, &Value::Null);
    (is_nullable && lists_null && is_lost()).then(|| {
        let message =
            format!("the schema is nullable, but null is not valid because its `{keyword}` does not allow it");
        document.lint("document.nullable-combined", place, message)
    })
}

/// Properties that one schema of an `allOf` requires and another one marks as `readOnly` or `writeOnly`.
fn required(document: &Document, place: &str, schema: &Value) -> Vec<Lint> {
    if schema.get("allOf").is_none() {
        return Vec::new();
    }
    let mut lints = Vec::new();
    for (direction, flag, needless) in
        [(Direction::Request, "readOnly", "requests"), (Direction::Response, "writeOnly", "responses")]
    {
        // Where the flag and `required` are in the same schema, nobody reads it otherwise.
        let apart: BTreeSet<String> = hidden::members(document, place)
            .into_iter()
            .flat_map(|(target, member)| {
                let names = member.get("required").and_then(Value::as_array).into_iter().flatten();
                let names = names.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
                let is_own = move |name: &String| {
                    let property = pointer::join(&pointer::join(&target, "properties"), name);
                    hidden::is_hidden(document, &property, direction)
                };
                names.into_iter().filter(move |name| !is_own(name))
            })
            .collect();
        for name in hidden::names(document, place, direction).intersection(&apart) {
            let message = format!(
                "`{name}` is required in one schema of `allOf` and `{flag}` in another: {needless} need not contain it"
            );
            lints.push(document.lint("document.required-elsewhere", place, message));
        }
    }
    lints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Catalogue, Contract, Endpoint, SchemaRef};
    use serde_json::json;

    const BASES: &str = "
    Base: {type: object, required: [id, name], properties: {id: {type: string}, name: {type: string}}}
    Middle: {allOf: [{$ref: '#/components/schemas/Base'}]}
    Marked: {properties: {id: {readOnly: true}, name: {type: string, maxLength: 3}}}
    Secret: {allOf: [{type: string, writeOnly: true}]}
    Kind: {type: string}
";

    /// The contract whose update has this schema.
    fn contract(schema: &str) -> Contract {
        let text = Document::embedded().text().replace(
            "    V4OfferingUpdate:\n      type: object\n",
            &format!("    V4OfferingUpdate: {schema}\n{BASES}    Was:\n      type: object\n"),
        );
        Contract::from_document(Document::parse(text, "t.yaml").unwrap(), Catalogue::embedded()).unwrap()
    }

    fn update(contract: &Contract) -> SchemaRef {
        contract.operation(Endpoint::Update).body.as_ref().unwrap().json().unwrap().clone()
    }

    fn has_lint(contract: &Contract, id: &str) -> bool {
        contract
            .lints()
            .iter()
            .any(|lint| lint.id == id && lint.pointer.starts_with("/components/schemas/V4OfferingUpdate"))
    }

    #[test]
    fn a_mark_and_a_requirement_may_be_in_different_schemas() {
        for schema in [
            "{allOf: [{$ref: '#/components/schemas/Base'}, {$ref: '#/components/schemas/Marked'}]}",
            "{allOf: [{$ref: '#/components/schemas/Marked'}, {$ref: '#/components/schemas/Base'}]}",
            "{allOf: [{$ref: '#/components/schemas/Middle'}], properties: {id: {readOnly: true}}}",
            "{allOf: [{allOf: [{$ref: '#/components/schemas/Marked'}]}], required: [id, name]}",
            "{allOf: [{required: [id]}, {required: [name]}, {properties: {id: {allOf: [{readOnly: true}]}}}]}",
        ] {
            let contract = contract(schema);
            let body = update(&contract);
            for (direction, value, is_valid) in [
                (Direction::Request, json!({"name": "n"}), true),
                (Direction::Request, json!({"id": "i"}), false),
                (Direction::Response, json!({"name": "n"}), false),
                (Direction::Response, json!({"id": "i", "name": "n"}), true),
            ] {
                assert_eq!(body.is_valid(direction, &value), is_valid, "{schema} {direction:?} {value}");
            }
            assert!(has_lint(&contract, "document.required-elsewhere"), "{schema} {:?}", contract.lints());
        }
        // The same reference elsewhere still requires it, and one schema alone is no lint.
        let contract = contract(
            "{type: object, properties: {a: {allOf: [{$ref: '#/components/schemas/Base'}, {$ref: '#/components/schemas/Marked'}]}, b: {$ref: '#/components/schemas/Base'}}}",
        );
        let body = update(&contract);
        assert!(body.is_valid(Direction::Request, &json!({"a": {"name": "n"}, "b": {"id": "i", "name": "n"}})));
        let errors = body.validate(Direction::Request, &json!({"b": {"name": "n"}}));
        assert_eq!(errors[0].schema_pointer, "/components/schemas/Base/required");
        let errors = body.validate(Direction::Request, &json!({"a": {}}));
        assert_eq!(errors[0].schema_pointer, "/components/schemas/Base/required");
    }

    #[test]
    fn one_schema_with_both_is_no_lint() {
        let contract = contract("{allOf: [{required: [id], properties: {id: {readOnly: true}}}, {type: object}]}");
        assert!(update(&contract).is_valid(Direction::Request, &json!({})));
        assert!(!has_lint(&contract, "document.required-elsewhere"));
    }

    #[test]
    fn alternatives_that_require_only_unneeded_properties_allow_any() {
        let properties =
            "properties: {token: {type: string, writeOnly: true}, secret: {$ref: '#/components/schemas/Secret'}}";
        for schema in [
            format!("{{type: object, {properties}, oneOf: [{{required: [token]}}, {{required: [secret]}}]}}"),
            format!("{{oneOf: [{{{properties}, required: [token]}}, {{{properties}, required: [secret]}}]}}"),
        ] {
            let body = update(&contract(&schema));
            assert!(body.is_valid(Direction::Response, &json!({})), "{schema}");
            assert!(body.is_valid(Direction::Request, &json!({"token": "t"})), "{schema}");
            assert!(!body.is_valid(Direction::Request, &json!({})), "{schema}");
            assert!(!body.is_valid(Direction::Request, &json!({"token": "t", "secret": "s"})), "{schema}");
        }
    }

    #[test]
    fn nullable_changes_only_the_type_beside_it() {
        for (schema, takes_null, lint) in [
            ("{type: string, nullable: true}", true, None),
            ("{type: string, nullable: true, enum: [a, null]}", true, None),
            ("{type: string, nullable: true, enum: [a]}", false, Some("document.nullable-enum")),
            ("{nullable: true, enum: [a]}", false, Some("document.nullable-enum")),
            ("{$ref: '#/components/schemas/Kind', nullable: true}", false, Some("document.beside-reference")),
            (
                "{nullable: true, allOf: [{$ref: '#/components/schemas/Kind'}]}",
                false,
                Some("document.nullable-without-type"),
            ),
            (
                "{type: string, nullable: true, allOf: [{$ref: '#/components/schemas/Kind'}]}",
                false,
                Some("document.nullable-combined"),
            ),
            ("{type: string, nullable: true, anyOf: [{maxLength: 1}, {type: string}]}", true, None),
            (
                "{type: object, nullable: true, oneOf: [{type: object}, {type: object, required: [a]}]}",
                false,
                Some("document.nullable-combined"),
            ),
            ("{oneOf: [{type: string, nullable: true}, {type: integer}]}", true, None),
        ] {
            let contract = contract(&format!("{{type: object, properties: {{a: {schema}}}}}"));
            let body = update(&contract);
            for direction in [Direction::Request, Direction::Response] {
                assert_eq!(body.is_valid(direction, &json!({"a": null})), takes_null, "{schema}");
            }
            for id in [
                "document.nullable-enum",
                "document.beside-reference",
                "document.nullable-without-type",
                "document.nullable-combined",
            ] {
                // Without `type`, `nullable` has two lints if there is an `enum` too.
                let is_expected =
                    lint == Some(id) || id == "document.nullable-without-type" && schema.starts_with("{nullable");
                assert_eq!(has_lint(&contract, id), is_expected, "{schema} {id}");
            }
        }
    }

    #[test]
    fn boundaries_beside_letters_beyond_ascii_are_not_judged() {
        let contract = contract(
            r"{type: object, properties: {a: {type: string, pattern: '\bx\b'}, b: {type: string, pattern: '^.+$'}}}",
        );
        let body = update(&contract);
        for (value, is_valid) in [
            (json!({"a": "x"}), true),
            (json!({"a": "ax"}), false),
            (json!({"a": "éx"}), true),
            (json!({"a": "é"}), true),
            (json!({"a": "éx", "b": 1}), false),
            (json!({"b": "a\rb"}), false),
        ] {
            assert_eq!(body.is_valid(Direction::Response, &value), is_valid, "{value}");
            assert_eq!(body.validate(Direction::Response, &value).is_empty(), is_valid, "{value}");
        }
        let message = body.validate(Direction::Response, &json!({"b": "\r"}))[0].message.clone();
        assert!(message.contains("\"^.+$\""), "{message}");
    }

    #[test]
    fn a_property_for_no_direction_is_a_lint() {
        let both = contract("{type: object, properties: {a: {type: string, readOnly: true, writeOnly: true}}}");
        assert!(has_lint(&both, "document.read-and-write-only"));
        let one = contract("{type: object, properties: {a: {type: string, readOnly: true, writeOnly: false}}}");
        assert!(!has_lint(&one, "document.read-and-write-only"));
    }
}
