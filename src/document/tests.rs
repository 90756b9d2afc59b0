//! The exact errors of documents that cannot be used.

use super::*;
use openapiv3::{Parameter, ParameterSchemaOrContent, PathStyle, QueryStyle};

/// An otherwise valid document with one operation.
fn around(operation: &str) -> String {
    format!("openapi: 3.0.3\ninfo: {{title: t, version: '1'}}\npaths:\n  /a:\n    get:\n{operation}")
}

/// The first error of the one operation.
fn error_of(text: &str) -> String {
    let document = match Document::parse(text, "t.yaml") {
        Ok(document) => document,
        Err(error) => return error.to_string(),
    };
    let mut errors = errors_of(&document, "/paths/~1a", "/paths/~1a/get");
    errors.sort_by_key(|error| error.position);
    errors.first().map_or_else(|| "no error".to_owned(), ToString::to_string)
}

fn assert_all(cases: &[(String, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, expected)| error_of(text) != *expected)
        .map(|(text, expected)| format!("--- of\n{text}\n--- expected\n{expected}\n--- was\n{}", error_of(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn errors_of(document: &Document, item: &str, operation: &str) -> Vec<DocumentError> {
    let mut inspector = document.inspector();
    let operation = inspector.operation(item, operation);
    inspector.errors(operation)
}

#[test]
fn a_text_that_is_not_an_openapi_document_is_an_error() {
    let cases = [
        ("", "t.yaml: it is empty\n  hint: check whether the file was saved or downloaded completely"),
        ("# nothing\n", "t.yaml: it is empty\n  hint: check whether the file was saved or downloaded completely"),
        (
            "- a\n",
            "t.yaml:1:1: it contains a list, not an OpenAPI document\n  hint: give an OpenAPI 3.0 document in YAML or JSON",
        ),
        (
            "a: 1\n",
            "t.yaml:1:1: it is not an OpenAPI document: the key `openapi` is missing\n  hint: an OpenAPI document begins with `openapi: 3.0.3`",
        ),
        (
            "info: {}\nswagger: '2.0'\n",
            "t.yaml:2:10: it is a Swagger 2.0 document; OpenAPI 3.0 is needed\n  hint: convert it first, for example with `swagger2openapi`",
        ),
        (
            "openapi: 3.1.0\npaths: {}\n",
            "t.yaml:1:10: it is an OpenAPI 3.1.0 document; OpenAPI 3.0 is needed\n  hint: convert it first, for example with `openapi-down-convert`",
        ),
        (
            "openapi: 3.0\npaths: {}\n",
            "t.yaml:1:10: `openapi` must be text\n  hint: write `openapi: 3.0.3` instead of 3.0",
        ),
        (
            "openapi: 3.0.3\npath: {}\n",
            "t.yaml:1:1: the key `paths` is missing\n  hint: did you mean `paths` instead of `path`?",
        ),
        ("openapi: 3.0.3\npaths: []\n", "t.yaml:2:8: `paths` must be a mapping of paths to operations"),
        (
            "openapi: 3.0.3\npaths: {}\n---\na: 1\n",
            "t.yaml:3:1: it contains more than one YAML document\n  hint: remove the line `---` and everything after it",
        ),
        ("a: [1, 2\nb: 3\n", "t.yaml:2:2: it is not valid YAML: did not find expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", "t.yaml:2:1: it is not valid YAML: found a tab character that violates indentation"),
        (
            "a: !env X\n",
            "t.yaml:1:1: the tag `!env` cannot be expressed in JSON\n  hint: write it as plain text, a number, a list or a mapping",
        ),
        (
            "a:\n  - .inf\n",
            "t.yaml:2:5: the number `.inf` cannot be expressed in JSON\n  hint: write it as plain text, a number, a list or a mapping",
        ),
        (
            "~: 1\n",
            "t.yaml:1:1: a key that is not text cannot be expressed in JSON\n  hint: write it as plain text, a number, a list or a mapping",
        ),
        (
            "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n",
            "t.yaml:5:3: the key `c` occurs twice in the same mapping\n  hint: remove one of the two",
        ),
        (
            "<!doctype html>\n<p>: x: y\n",
            "t.yaml:2:4: it is not valid YAML: mapping values are not allowed in this context\n  hint: this looks like a web page; download the document itself",
        ),
    ];
    assert_all(&cases.map(|(text, expected)| (text.to_owned(), expected)));
}

#[test]
fn an_error_in_an_operation_has_its_place() {
    let parameter = |schema: &str| {
        around(&format!(
            "      parameters:\n        - name: p\n          in: query\n          schema:\n            {schema}\n      responses:\n        '200': {{description: d}}\n"
        ))
    };
    let response = |line: &str| around(&format!("      responses:\n        {line}\n"));
    assert_all(&[
        (parameter("type: string"), "no error"),
        (parameter("type: strng"), "t.yaml:10:19: `type` cannot be `strng`\n  hint: did you mean `string`?"),
        (
            parameter("type: [string, 'null']"),
            "t.yaml:10:19: `type` must be text, not a list\n  hint: a list of types requires OpenAPI 3.1; in 3.0 write `nullable: true`",
        ),
        (parameter("minlength: 1"), "t.yaml:10:13: a schema has no `minlength`\n  hint: did you mean `minLength`?"),
        (
            parameter("maxLength: abc"),
            "t.yaml:10:24: `maxLength` must be a whole number of at least 0, not the text `abc`",
        ),
        (
            parameter("maxLength: -1"),
            "t.yaml:10:24: `maxLength` must be a whole number of at least 0, not the number -1",
        ),
        (
            parameter("exclusiveMinimum: 3"),
            "t.yaml:10:31: `exclusiveMinimum` must be true or false, not the number 3\n  hint: a number here requires OpenAPI 3.1; in 3.0 write `minimum` or `maximum` and `true` here",
        ),
        (
            parameter("const: a"),
            "t.yaml:10:13: `const` is not a keyword of OpenAPI 3.0\n  hint: write it with the keywords of 3.0, such as `enum` of one value for `const`",
        ),
        (
            parameter("required: true"),
            "t.yaml:10:23: `required` must be a list, not true\n  hint: list the required names beside `properties`",
        ),
        (
            parameter("$ref: '#/components/schemas/X'"),
            "t.yaml:10:19: the reference `#/components/schemas/X` has no target in this document",
        ),
        (
            parameter("$ref: other.yaml#/X"),
            "t.yaml:10:19: the reference `other.yaml#/X` points outside this document\n  hint: bundle the files into one first, for example with `redocly bundle`",
        ),
        (
            parameter("$ref: https://example.org/x.yaml"),
            "t.yaml:10:19: the reference `https://example.org/x.yaml` points outside this document\n  hint: bundle the files into one first, for example with `redocly bundle`",
        ),
        (parameter("$ref: 3"), "t.yaml:10:19: `$ref` must be text, not the number 3"),
        (response("'200': {contnet: {}}"), "t.yaml:7:17: a response has no `contnet`\n  hint: did you mean `content`?"),
        (response("'200': {descripton: d}"), "no error"),
        (
            around("      responses: {}\n      requestBody: {contents: {}}\n"),
            "t.yaml:7:7: a request body must have `content`\n  hint: did you mean `content` instead of `contents`?",
        ),
        (
            response("'20': {description: d}"),
            "t.yaml:7:9: `20` is not a status\n  hint: write a code from 100 to 599, a range such as `4XX`, or `default`",
        ),
        (
            response("999999: {description: d}"),
            "t.yaml:7:9: `999999` is not a status\n  hint: write a code from 100 to 599, a range such as `4XX`, or `default`",
        ),
        (
            around("      operationID: x\n      responses: {}\n"),
            "t.yaml:6:7: an operation has no `operationID`\n  hint: did you mean `operationId`?",
        ),
        (around("      summary: x\n"), "t.yaml:5:5: an operation must have `responses`"),
        (
            around("      responses: {}\n      parameters:\n        - {name: p, in: querry, schema: {}}\n"),
            "t.yaml:8:25: `in` cannot be `querry`\n  hint: did you mean `query`?",
        ),
        (
            around("      responses: {}\n      parameters:\n        - {name: p, in: query}\n"),
            "t.yaml:8:11: a parameter must have `schema` or `content`",
        ),
    ]);
}

#[test]
fn mistakes_that_change_nothing_are_lints() {
    let operation = |line: &str| around(&format!("      {line}\n      responses: {{'200': {{description: d}}}}\n"));
    let response = |members: &str| around(&format!("      responses: {{'200': {members}}}\n"));
    let schema =
        |schema: &str| response(&format!("{{description: d, content: {{application/json: {{schema: {schema}}}}}}}"));
    for text in [
        operation("description:"),
        operation("summary: 404"),
        operation("summary: [a]"),
        operation("tags: [2024, a, true]"),
        operation("tags:"),
        operation("parameters:"),
        operation("servers: ~"),
        operation("security:"),
        operation("deprecated: 'yes'"),
        operation("parameters: [{name: p, in: query, description: 1, schema: {}}]"),
        response("{description: }"),
        response("{description: 200, headers: }"),
        response("{description: d, content: }"),
        schema("{type: string, title: 1, description: ~}"),
        schema("{type: object, properties: , required: }"),
        schema("{type: string, enum: }"),
    ] {
        let document = Document::parse(text.clone(), "t.yaml").unwrap();
        let mut inspector = document.inspector();
        let inspected = inspector.operation("/paths/~1a", "/paths/~1a/get");
        let inspection = inspector.found(&[inspected]);
        assert_eq!(inspection.errors, [], "{text}");
        assert!(inspection.lints.iter().any(|lint| lint.id == "document.wrong-annotation"), "{text}");
        assert!(document.operation("/paths/~1a", "/paths/~1a/get").is_ok(), "{text}");
    }
    let document = Document::parse(operation("tags: [2024, a]"), "t.yaml").unwrap();
    assert_eq!(document.operation("/paths/~1a", "/paths/~1a/get").unwrap().tags, ["2024", "a"]);
    assert_all(&[
        (operation("tags: 2024"), "t.yaml:6:13: `tags` must be a list, not the number 2024"),
        (operation("parameters: 1"), "t.yaml:6:19: `parameters` must be a list, not the number 1"),
        (operation("requestBody:"), "t.yaml:6:18: `requestBody` must be a request body, not null"),
        (schema("{type: 1}"), "t.yaml:6:87: `type` must be text, not the number 1"),
    ]);
}

/// The library refuses more than the inspection, which alone decides.
#[test]
fn what_the_inspection_accepts_has_a_type() {
    let whole = Document::embedded();
    let mut places = Vec::new();
    collect(whole.value(), String::new(), &mut places);
    let junk = ["null", "7", "true", "'x'", "[]", "{}", "[null]", "{a: }", "{style: form, content: {}}"];
    let mut accepted = 0;
    let (item, operation) = ("/paths/~1offerings", "/paths/~1offerings/post");
    let places = places.iter().filter(|place| place.starts_with(operation) || place.starts_with("/components/"));
    for (index, place) in places.filter(|place| !place.contains("/schemas/")).enumerate() {
        let mut value = whole.value().clone();
        *value.pointer_mut(place).unwrap() = serde_yaml::from_str(junk[index % junk.len()]).unwrap();
        let document = Document::parse(value.to_string(), "t.json").unwrap();
        if errors_of(&document, item, operation).is_empty() {
            document.operation(item, operation).unwrap();
            accepted += 1;
        }
    }
    assert!(accepted > 50, "{accepted}");
}

fn collect(value: &serde_json::Value, at: String, into: &mut Vec<String>) {
    let members: Vec<_> = match value {
        serde_json::Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        serde_json::Value::Array(items) => items.iter().enumerate().map(|(n, item)| (n.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in members {
        collect(value, pointer::join(&at, &key), into);
    }
    into.push(at);
}

#[test]
fn recursive_schemas_are_omitted_from_a_type() {
    let text = around(
        "      responses: {default: {description: d, content: {a/b: {schema: {$ref: '#/components/schemas/A'}}}}}\n",
    ) + "components: {schemas: {A: {properties: {a: {$ref: '#/components/schemas/A'}}, anyOf: [{$ref: '#/components/schemas/A'}]}}}\n";
    let document = Document::parse(text, "t.yaml").unwrap();
    let operation = document.operation("/paths/~1a", "/paths/~1a/get").unwrap();
    let response = operation.responses.default.unwrap().into_item().unwrap();
    assert!(response.content["a/b"].schema.as_ref().unwrap().as_item().is_none());
}

#[test]
fn a_type_has_what_counts_of_a_mistaken_object() {
    let parameter = |members: &str| {
        let text = around(&format!(
            "      parameters: [{{name: p, {members}}}]\n      responses: {{4XX: {{headers: {{x-h: {{}}}}}}, default: {{}}}}\n"
        ));
        let document = Document::parse(text.clone(), "t.yaml").unwrap();
        assert_eq!(errors_of(&document, "/paths/~1a", "/paths/~1a/get"), [], "{text}");
        let operation = document.operation("/paths/~1a", "/paths/~1a/get").unwrap();
        let response = operation.responses.responses[0].as_item().unwrap();
        assert_eq!(
            response.headers["x-h"].as_item().unwrap().extensions[PLACE],
            "/paths/~1a/get/responses/4XX/headers/x-h"
        );
        assert!(operation.responses.default.is_some());
        operation.parameters[0].as_item().unwrap().clone()
    };
    let of = |members| parameter(members);
    assert!(matches!(of("in: path, schema: {}, style: form"), Parameter::Path { style: PathStyle::Simple, .. }));
    assert!(matches!(of("in: query, schema: {}, style: matrix"), Parameter::Query { style: QueryStyle::Form, .. }));
    assert!(matches!(of("in: header, schema: {}, style: label"), Parameter::Header { .. }));
    assert!(matches!(of("in: cookie, schema: {}, style: simple"), Parameter::Cookie { .. }));
    let both = of("in: query, schema: {type: integer, minLength: 3}, content: {a/b: {}}, style: deepObject");
    assert!(matches!(both.parameter_data_ref().format, ParameterSchemaOrContent::Schema(_)));
    assert!(matches!(both, Parameter::Query { style: QueryStyle::DeepObject, .. }));
    let content = of("in: query, content: {a/b: {schema: {type: integer}, encoding: {a: 1}}}, description: ~");
    assert!(matches!(&content.parameter_data_ref().format, ParameterSchemaOrContent::Content(all) if all.len() == 1));
}

#[test]
fn targets_of_references_are_checked() {
    let components = "components:\n  schemas:\n    Apple: {type: object, properties: {next: {$ref: '#/components/schemas/Apple'}}}\n    One: {$ref: '#/components/schemas/Two'}\n    Two: {$ref: '#/components/schemas/One'}\n    Far: {type: array, items: {$ref: '#/components/schemas/Aple'}}\n  responses:\n    Odd: {description: d, headers: {H: {$ref: '#/components/headers/H'}}}\n  parameters:\n    P: {name: p, in: query, schema: {$ref: '#/components/schemas/Far'}}\n";
    let body = |schema: &str| {
        let content = format!("{{application/json: {{schema: {{$ref: '#/components/schemas/{schema}'}}}}}}");
        let operation = format!("      responses:\n        '200': {{description: d, content: {content}}}\n");
        around(&operation) + components
    };
    let with = |operation: &str| around(operation) + components;
    assert_all(&[
        (body("Apple"), "no error"),
        (
            body("One"),
            "t.yaml:7:77: the reference is circular: #/components/schemas/One -> #/components/schemas/Two -> #/components/schemas/One",
        ),
        (
            body("Far"),
            "t.yaml:13:38: the reference `#/components/schemas/Aple` has no target in this document\n  hint: did you mean `#/components/schemas/Apple`?",
        ),
        (
            with("      responses:\n        '200': {$ref: '#/components/responses/Odd'}\n"),
            "t.yaml:15:47: the reference `#/components/headers/H` has no target in this document",
        ),
        (
            with("      responses: {}\n      parameters:\n        - $ref: '#/components/parameters/P'\n"),
            "t.yaml:14:38: the reference `#/components/schemas/Aple` has no target in this document\n  hint: did you mean `#/components/schemas/Apple`?",
        ),
    ]);
}

#[test]
fn a_long_chain_of_references_is_an_error() {
    let mut text = around(
        "      responses:\n        '200': {description: d, content: {application/json: {schema: {$ref: '#/components/schemas/S0'}}}}\ncomponents:\n  schemas:\n",
    );
    for n in 0..5000 {
        text.push_str(&format!("    S{n}: {{type: array, items: {{$ref: '#/components/schemas/S{}'}}}}\n", n + 1));
    }
    text.push_str("    S5000: {type: string}\n");
    assert!(error_of(&text).ends_with("it is nested more than 200 levels deep"), "{}", error_of(&text));
}

#[test]
fn unreadable_files_have_different_errors() {
    let folder = std::env::temp_dir().join(format!("qonform-document-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        Document::load(&path).unwrap_err().to_string().replace(&folder.display().to_string(), "T")
    };
    assert_eq!(
        file("latin1.yaml", b"a: 1\nb: \xe9\n"),
        "T/latin1.yaml:2:4: it is not UTF-8 text\n  hint: save it as UTF-8"
    );
    assert_eq!(
        file("utf16.yaml", b"\xff\xfea\0"),
        "T/utf16.yaml:1:1: it is not UTF-8 text\n  hint: it looks like UTF-16; save it as UTF-8"
    );
    assert_eq!(
        file("large.yaml", &vec![b' '; 9 * 1024 * 1024 + 1]),
        "T/large.yaml: it is larger than 8 MiB\n  hint: if it is the right file, add `--max-document-size 10`"
    );
    let large = Document::load_up_to(folder.join("large.yaml"), 10).unwrap_err();
    assert_eq!(large.kind, ErrorKind::Empty);
    let url = Document::load("https://example.com/openapi.yaml").unwrap_err().to_string();
    assert_eq!(
        url,
        "https://example.com/openapi.yaml: there is no such file\n  hint: --spec reads files: download it first, for example with `curl -o openapi.yaml 'https://example.com/openapi.yaml'`"
    );
    assert!(
        file("page.md", b"# T\n> a: b: c\n")
            .ends_with("hint: this looks like a Markdown page; save only the YAML block that it contains")
    );
    let missing = Document::load(folder.join("none.yaml")).unwrap_err();
    assert_eq!(missing.kind, ErrorKind::Missing);
    assert_eq!(Document::load(&folder).unwrap_err().kind, ErrorKind::Directory);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn byte_order_marks_and_json_are_supported() {
    let yaml = Document::parse("\u{feff}openapi: 3.0.3\npaths: {}\n", "t.yaml").unwrap();
    let json = Document::parse("{\"openapi\": \"3.0.3\",\n\t\"paths\": {}}", "t.json").unwrap();
    assert_eq!(yaml.value(), json.value());
    assert_eq!(yaml.position("/openapi"), Position { line: 1, column: 1 });
    assert_eq!(json.position("/paths"), Position { line: 2, column: 2 });
}

#[test]
fn the_embedded_document_is_valid() {
    let document = Document::embedded();
    assert_eq!(document.paths().count(), 3);
    let (target, value) = document.resolve("/paths/~1offerings/get/parameters/1/schema/maxLength").unwrap();
    assert_eq!((target.as_str(), value.as_u64()), ("/components/schemas/OfferingId/maxLength", Some(64)));
    assert_eq!(document.position("/openapi").column, 1);
}
