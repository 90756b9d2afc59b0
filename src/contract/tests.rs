//! Tests with the embedded document, the published pages and other documents.

use super::*;
use crate::document::{Document, pointer};
use http::Method;
use serde_json::{Value, json};

const PUBLISHED_LIST: &str = include_str!("../../tests/documents/published-list.yaml");
const PUBLISHED_DELETE: &str = include_str!("../../tests/documents/published-delete.yaml");

fn contract(text: impl Into<String>) -> Result<Contract, String> {
    let document = Document::parse(text, "t.yaml").map_err(|error| error.to_string())?;
    Contract::from_document(document, Catalogue::embedded()).map_err(|error| error.to_string())
}

fn embedded_text() -> String {
    Document::embedded().text().to_owned()
}

fn lint_ids(contract: &Contract) -> Vec<&'static str> {
    let mut ids: Vec<_> = contract.lints().iter().map(|lint| lint.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[test]
fn the_embedded_contract_has_the_six_operations() {
    let contract = Contract::embedded();
    for endpoint in Endpoint::ALL {
        let operation = contract.operation(endpoint);
        assert_eq!(operation.id, endpoint.operation_id());
        assert_eq!(operation.endpoint, Some(endpoint));
        assert_eq!((&operation.method, operation.path.as_str()), (&endpoint.method(), endpoint.path()));
        assert_eq!(operation.security, [["secretAuth"]]);
        assert_eq!(operation.parameter(ParameterPlace::Path, "offering_id").is_some(), endpoint.names_offering());
    }
    assert_eq!(contract.operations().len(), 6);
    assert_eq!(contract.base_path(), "/v4");
    assert_eq!(contract.digest().len(), 16);
    assert_eq!(contract.digest(), Contract::embedded().digest());
}

#[test]
fn the_embedded_contract_has_the_statuses_and_codes() {
    let table = "\
list 200 400:invalid_data 401:control_unauthorized 500
create 201 400:invalid_data,invalid_product_id,product_not_in_project,cannot_set_main_directly 401:control_unauthorized 409:offering_already_exists 500
get 200 400 401:control_unauthorized 404:not_found 500
update 200 400:invalid_data,invalid_product_id,product_not_in_project,cannot_set_main_directly 401:control_unauthorized 404:not_found 422:cannot_demote_main,cannot_patch_experiment_variant 500
delete 204 400 401:control_unauthorized 404:not_found 422:cannot_delete_experiment_variant 500
set-main 200 400 401:control_unauthorized 404:not_found 422:cannot_setmain_experiment_variant 500
";
    let contract = Contract::embedded();
    let names = ["list", "create", "get", "update", "delete", "set-main"];
    let mut written = String::new();
    for (name, endpoint) in names.into_iter().zip(Endpoint::ALL) {
        written.push_str(name);
        for response in &contract.operation(endpoint).responses {
            written.push_str(&format!(" {}", response.key()));
            if !response.codes.is_empty() {
                written.push_str(&format!(":{}", response.codes.join(",")));
            }
        }
        written.push('\n');
    }
    assert_eq!(written, table);
}

#[test]
fn the_embedded_document_has_no_lints_of_its_own() {
    let contract = Contract::embedded();
    assert_eq!(lint_ids(&contract), ["document.dot-id", "document.undocumented-status"], "{:#?}", contract.lints());
}

#[test]
fn an_invalid_example_is_a_lint() {
    // The embedded document has no such lint (test above).
    let text = embedded_text().replace("created_at: '2025-10-02T09:15:00Z'", "created_at: yesterday");
    let contract = contract(text).unwrap();
    let invalid: Vec<_> = contract.lints().iter().filter(|lint| lint.id == "document.invalid-example").collect();
    assert_eq!(invalid.len(), 2, "{invalid:#?}");
    assert!(invalid[0].message.contains("yesterday"), "{}", invalid[0].message);
}

#[test]
fn a_duplicate_id_and_a_body_without_a_schema_are_lints() {
    let text = embedded_text()
        .replacen("                $ref: '#/components/schemas/V4OfferingList'\n", "                {}\n", 1)
        .replace(
            "components:\n  parameters",
            "  /zzz:\n    get: {operationId: v4GetOffering, responses: {}}\ncomponents:\n  parameters",
        )
        .replacen("              schema:\n                {}\n", "", 1);
    let contract = contract(text).unwrap();
    let ids = lint_ids(&contract);
    assert!(ids.contains(&"document.duplicate-operation-id") && ids.contains(&"document.undescribed-body"), "{ids:?}");
    assert_eq!(contract.operation(Endpoint::Get).path, "/offerings/{offering_id}");
}

#[test]
fn parameters_bodies_and_headers_are_read() {
    let contract = Contract::embedded();
    let create = contract.operation(Endpoint::Create);
    let body = create.body.as_ref().unwrap();
    assert!(body.required);
    let json = body.json().unwrap();
    assert!(json.is_valid(Direction::Request, &json!({"id": "a", "tag": null})));
    for bad in [json!({}), json!({"id": ""}), json!({"id": "a\n"}), json!({"id": "a", "tag": 1}), json!([])] {
        assert!(!json.is_valid(Direction::Request, &bad), "{bad}");
    }
    assert!(json.is_valid(Direction::Request, &json!({"id": "a", "product_ids": vec!["p"; 100]})));
    assert!(!json.is_valid(Direction::Request, &json!({"id": "a", "product_ids": vec!["p"; 101]})));
    for endpoint in [Endpoint::Create, Endpoint::SetMain] {
        let key = contract.operation(endpoint).parameter(ParameterPlace::Header, "idempotency-key").unwrap();
        assert!(!key.required && key.example.is_some());
    }
    let list = contract.operation(Endpoint::List);
    assert_eq!(list.response(200).unwrap().headers[0].name, "X-Qon-Pagination-Restarted");
    let limit = list.parameter(ParameterPlace::Query, "limit").unwrap();
    assert!(
        limit.schema.is_valid(Direction::Request, &json!(100))
            && !limit.schema.is_valid(Direction::Request, &json!(101))
    );
    assert_eq!(limit.schema.raw()["default"], 20);
    assert!(list.response(403).is_none());
}

#[test]
fn schema_errors_point_into_the_value_and_the_document() {
    let contract = Contract::embedded();
    let schema = contract.operation(Endpoint::Get).response(200).unwrap().json().unwrap();
    let offering = json!({
        "object": "offering", "id": "a", "url": "/v4/offerings/a", "tag": 40000, "product_ids": ["p", 3],
        "created_at": "2025-10-02T09:15:00Z", "updated_at": "soon", "extra": {"deep": 1}
    });
    let errors = schema.validate(Direction::Response, &offering);
    let mut places: Vec<_> =
        errors.iter().map(|e| (e.instance_path.as_str(), e.keyword.as_str(), e.schema_pointer.as_str())).collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            ("/product_ids/1", "type", "/components/schemas/ProductId/type"),
            ("/tag", "maximum", "/components/schemas/V4Offering/properties/tag/format"),
            ("/updated_at", "format", "/components/schemas/V4Offering/properties/updated_at/format"),
        ]
    );
    assert!(schema.undocumented(&offering) == ["/extra"]);
    // Read-only properties are required in responses, not in requests.
    assert!(!schema.validate(Direction::Response, &json!({"id": "a", "tag": 1, "product_ids": []})).is_empty());
    assert!(schema.validate(Direction::Request, &json!({"id": "a", "tag": 1, "product_ids": []})).is_empty());
    let long = schema.validate(Direction::Response, &json!("x".repeat(10_000)));
    assert!(long[0].message.chars().count() <= 240, "{}", long[0].message);
}

#[test]
fn undocumented_properties_are_found_in_nested_schemas() {
    let contract = Contract::embedded();
    let list = contract.operation(Endpoint::List).response(200).unwrap().json().unwrap();
    assert_eq!(list.undocumented(&json!({"data": [{"id": "a"}, {"a/b": 1}], "total": 1})), ["/data/1/a~1b", "/total"]);
    let error = contract.operation(Endpoint::List).response(400).unwrap().json().unwrap();
    let body = json!({"error": {"type": "x", "details": [{"why": 1}], "doc": 2}, "_meta": {"fields": []}});
    assert_eq!(error.undocumented(&body), ["/_meta", "/error/details/0/why", "/error/doc"]);
    let text = embedded_text().replace(
        "    V4OfferingUpdate:\n      type: object\n",
        "    V4OfferingUpdate:\n      allOf: [{properties: {extra: {}}}, {additionalProperties: {properties: {x: {}}}}]\n",
    );
    let contract = self::contract(text).unwrap();
    let update = contract.operation(Endpoint::Update).body.as_ref().unwrap().json().unwrap();
    assert_eq!(update.undocumented(&json!({"extra": {"free": 1}, "tag": 0, "other": {"x": 1, "y": 2}})), ["/other/y"]);
}

#[test]
fn a_request_is_identified_by_its_method_and_path() {
    let contract = Contract::embedded();
    let of = |method: Method, path: &str| contract.endpoint_of(&method, path);
    assert_eq!(of(Method::GET, "/v4/offerings?limit=1"), Some(Endpoint::List));
    assert_eq!(of(Method::PATCH, "/v4/offerings/a%2Fb"), Some(Endpoint::Update));
    assert_eq!(of(Method::POST, "/offerings/a/set-main"), Some(Endpoint::SetMain));
    assert_eq!(of(Method::GET, "/v4/products"), None);
    assert_eq!(of(Method::PUT, "/v4/offerings/a"), None);
}

#[test]
fn the_published_pages_lack_five_operations_each() {
    let expected = |file: &str, left_out: &str| {
        let lines = [
            "  v4ListOfferings    GET    /offerings",
            "  v4CreateOffering   POST   /offerings",
            "  v4GetOffering      GET    /offerings/{offering_id}",
            "  v4UpdateOffering   PATCH  /offerings/{offering_id}",
            "  v4DeleteOffering   DELETE /offerings/{offering_id}",
            "  v4SetMainOffering  POST   /offerings/{offering_id}/set-main",
        ];
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.contains(left_out)).collect();
        format!(
            "{file}: it lacks 5 operations of the offerings resource:\n{}\n  hint: give the complete document, or use these operation ids or paths",
            lines.join("\n")
        )
    };
    assert_eq!(contract(PUBLISHED_LIST).unwrap_err(), expected("t.yaml:50:1", "v4ListOfferings"));
    assert_eq!(contract(PUBLISHED_DELETE).unwrap_err(), expected("t.yaml:50:1", "v4DeleteOffering"));
}

/// Both published pages as one document, with the other four operations in the same style and without ids.
fn published() -> String {
    let mut list: Value = serde_yaml::from_str(PUBLISHED_LIST).unwrap();
    let mut delete: Value = serde_yaml::from_str(PUBLISHED_DELETE).unwrap();
    let mut item = delete["paths"]["/offerings/{offering_id}"].take();
    let removal = item["delete"].clone();
    let mut other = removal.clone();
    other.as_object_mut().unwrap().remove("operationId");
    let offering = json!({"description": "d", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/V4Offering"}}}});
    other["responses"]["200"] = offering.clone();
    other["responses"].as_object_mut().unwrap().remove("204");
    let mut create = other.clone();
    create["responses"]["201"] = offering;
    item["get"] = other.clone();
    item["patch"] = other.clone();
    let parameters = item["parameters"].clone();
    list["paths"]["/offerings"]["post"] = create;
    list["paths"]["/offerings/{offering_id}"] = item;
    list["paths"]["/offerings/{offering_id}/set-main"] = json!({"parameters": parameters, "post": other});
    serde_yaml::to_string(&list).unwrap()
}

#[test]
fn the_published_document_is_read_and_its_flaws_are_lints() {
    let contract = contract(published()).unwrap();
    assert_eq!(
        lint_ids(&contract),
        [
            "document.codes-in-prose",
            "document.dot-id",
            "document.example-beyond-schema",
            "document.no-operation-id",
            "document.undeclared-tag",
            "document.undescribed-property",
            "document.undocumented-status",
        ]
    );
    let without_id = contract.lints().iter().filter(|lint| lint.id == "document.no-operation-id").count();
    assert_eq!(without_id, 4);
    let cursor = contract.lints().iter().find(|lint| lint.id == "document.undescribed-property").unwrap();
    assert_eq!(cursor.pointer, "/components/schemas/V4OfferingList/properties/next_cursor");
    // The description of a response lists its codes, the error schema those of the resource.
    let delete = contract.operation(Endpoint::Delete);
    assert_eq!(delete.response(422).unwrap().codes, ["cannot_delete_experiment_variant"]);
    assert_eq!(delete.response(404).unwrap().codes, Vec::<String>::new());
    for code in ["invalid_data", "cannot_demote_main", "offering_already_exists", "not_found"] {
        assert!(contract.known_codes().contains(code), "{code}");
    }
    assert_eq!(contract.known_codes().len(), 12, "{:?}", contract.known_codes());
}

#[test]
fn an_error_outside_the_six_operations_is_a_lint() {
    let odd = "  /broken:
    get: {operationId: broken, responses: {'200': {$ref: '#/components/responses/None'}}}
  /remote:
    $ref: https://example.org/paths.yaml
  no-slash:
    get: {responses: {}}
  /typed:
    post: {operationId: typed, responses: {'2000': {description: d}}}
  /list:
    - 1
  /fine:
    get: {operationId: fine, callbacks: {x: 1}, responses: {default: {description: d, content: {text/csv: {schema: {type: string, pattern: '(?<=a'}}}}}}
components:
";
    let contract =
        contract(embedded_text().replace("components:\n  parameters", &format!("{odd}  parameters"))).unwrap();
    let ids: Vec<_> = contract.operations().iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(ids.len(), 7, "{ids:?}");
    assert!(ids.contains(&"fine"));
    let unreadable: Vec<_> = contract
        .lints()
        .iter()
        .filter(|lint| lint.id.starts_with("document.unreadable"))
        .map(|lint| lint.message.as_str())
        .collect();
    assert_eq!(
        unreadable,
        [
            "GET /broken cannot be read and is ignored: the reference `#/components/responses/None` has no target in this document",
            "the path `/remote` cannot be read",
            "POST /typed cannot be read and is ignored: `2000` is not a status; write a code from 100 to 599, a range such as `4XX`, or `default`",
            "the path `/list` cannot be read",
        ]
    );
}

#[test]
fn an_error_in_the_six_operations_has_a_place() {
    let embedded = embedded_text();
    let case = |from: &str, to: &str| {
        assert!(embedded.contains(from), "{from}");
        contract(embedded.replacen(from, to, 1)).map_or_else(|error| error, |_| "no error".to_owned())
    };
    assert_eq!(
        case("$ref: '#/components/schemas/V4OfferingList'", "$ref: '#/components/schemas/V4OfferList'"),
        "t.yaml:44:23: the reference `#/components/schemas/V4OfferList` has no target in this document\n  hint: did you mean `#/components/schemas/V4Offering`?"
    );
    let error = case(
        "      type: string\n      minLength: 1\n      maxLength: 64",
        "      type: strng\n      minLength: 1\n      maxLength: 64",
    );
    assert!(error.ends_with(": `type` cannot be `strng`\n  hint: did you mean `string`?"), "{error}");
    let error = case("  /offerings:\n", "  offerings:\n");
    assert!(error.contains("it lacks 2 operations"), "{error}");
    assert!(
        error.contains("v4ListOfferings    GET    /offerings (`offerings` at 24:3 does not begin with a slash)"),
        "{error}"
    );
    let error = case("    patch:\n", "    PATCH:\n");
    assert!(error.contains("v4UpdateOffering   PATCH  /offerings/{offering_id} (`PATCH` at "), "{error}");
    // A part that two operations share is inspected for each.
    assert_eq!(case("minLength: 1", "minLength: 1.0"), "no error");
}

#[test]
fn operations_are_identified_without_ids_and_below_a_prefix() {
    let mut text = embedded_text()
        .replace("  /offerings", "  /v4/offerings")
        .replace("https://api.qonversion.io/v4", "https://api.qonversion.io/");
    for endpoint in Endpoint::ALL {
        text = text.replace(&format!("      operationId: {endpoint}\n"), "");
    }
    // A similar sub-resource is not mistaken for it.
    text = text.replace(
        "components:\n  parameters",
        "  /v4/projects/{p}/offerings:\n    get: {operationId: listAll, responses: {}}\ncomponents:\n  parameters",
    );
    let contract = contract(text).unwrap();
    // The path of a target without one, and the paths below it.
    assert_eq!(contract.base_path(), "/v4");
    assert_eq!(contract.operation(Endpoint::SetMain).path, "/offerings/{offering_id}/set-main");
    assert_eq!(contract.operation(Endpoint::List).path, "/offerings");
    assert_eq!(contract.endpoint_of(&Method::GET, "/v4/offerings/a"), Some(Endpoint::Get));
}

#[test]
fn the_base_path_is_that_of_the_server_without_dots() {
    let servers = "servers:\n  - url: https://api.qonversion.io/v4\n    description: Production\n";
    let text = embedded_text();
    assert!(text.contains(servers), "the replacements below depend on it");
    let with = |other: &str| contract(text.replacen(servers, other, 1)).unwrap().base_path().to_owned();
    for (other, base) in [
        ("", ""),
        ("servers: []\n", ""),
        ("servers: [{url: /v4}]\n", "/v4"),
        ("servers: [{url: ./v4/}]\n", "/v4"),
        ("servers: [{url: ../v4}]\n", "/v4"),
        ("servers: [{url: 'https://other.example/api/v4?x#y'}]\n", "/api/v4"),
        ("servers: [{url: 'https://other.example'}]\n", ""),
    ] {
        assert_eq!(with(other), base, "{other}");
    }
}

#[test]
fn an_operation_overrides_servers_and_security() {
    let text = embedded_text()
        .replacen("      operationId: v4ListOfferings\n", "      operationId: v4ListOfferings\n      servers: [{url: '{host}/{version}/', variables: {host: {default: 'http://h:1'}, version: {default: v9}}}]\n", 1)
        .replacen("      security:\n        - secretAuth: []\n", "      security: []\n", 1)
        .replacen("      security:\n        - secretAuth: []\n", "", 1);
    let contract = contract(text).unwrap();
    assert_eq!(contract.base_path(), "/v9");
    assert!(contract.operation(Endpoint::List).security.is_empty());
    assert_eq!(contract.operation(Endpoint::Create).security, [["secretAuth"]]);
}

#[test]
fn schemas_of_every_style_are_supported() {
    let schema = "    V4OfferingUpdate:
      type: object
      required: [secret, secret, shown]
      properties:
        shown: {allOf: [{$ref: '#/components/schemas/Shown'}], readOnly: true}
        secret: {$ref: '#/components/schemas/Secret'}
        count: {type: integer, minimum: 0, exclusiveMinimum: true, multipleOf: 0, format: int32}
        list: {type: array, required: []}
        node: {$ref: '#/components/parameters/OfferingId/schema'}
        kind: {type: string, nullable: true, enum: [a]}
        odd: {type: string, pattern: '(?<=a'}
    Secret: {type: string, writeOnly: true, example: 7}
    Shown: {type: string}
    Unused: {$ref: elsewhere.yaml}
    Was:
      type: object
";
    let contract = contract(embedded_text().replace("    V4OfferingUpdate:\n      type: object\n", schema)).unwrap();
    let update = contract.operation(Endpoint::Update).body.as_ref().unwrap().json().unwrap();
    let valid = |direction, value: Value| update.is_valid(direction, &value);
    assert!(valid(Direction::Request, json!({"secret": "s"})));
    assert!(!valid(Direction::Response, json!({"secret": "s"})));
    assert!(valid(Direction::Response, json!({"shown": "s"})));
    for bad in [
        json!({"count": 0}),
        json!({"count": 2_147_483_648_u32}),
        json!({"node": "a/b"}),
        json!({"kind": "b"}),
        json!({"count": 1.5}),
    ] {
        let mut value = bad.clone();
        value["secret"] = json!("s");
        assert!(!valid(Direction::Request, value), "{bad}");
    }
    assert!(valid(Direction::Request, json!({"secret": "s", "kind": "a", "odd": "b", "count": 3, "list": [1]})));
    assert!(!valid(Direction::Request, json!({"secret": "s", "kind": null})));
    let ids = lint_ids(&contract);
    for id in [
        "document.empty-required",
        "document.nullable-enum",
        "document.unusable-pattern",
        "document.invalid-example",
        "document.array-without-items",
    ] {
        assert!(ids.contains(&id), "{id} is not among {ids:?}");
    }
}

#[test]
fn a_negative_zero_in_a_document_is_zero() {
    let schema = r#"{"type": "integer", "minimum": -0, "default": -0, "enum": [-0, 7, -7], "maxLength": -0}"#;
    let texts = [
        format!("openapi: 3.0.3\npaths: {{}}\nx: {schema}\n"),
        format!(r#"{{"openapi": "3.0.3", "paths": {{}}, "x": {schema}}}"#),
    ];
    for text in texts {
        let document = Document::parse(text.clone(), "t").unwrap();
        let expected = json!({"type": "integer", "minimum": 0, "default": 0, "enum": [0, 7, -7], "maxLength": 0});
        assert_eq!(document.value()["x"], expected, "{text}");
    }
    let schema = "{type: object, properties: {tag: {type: integer, minimum: -0, maximum: 3}}}";
    let text = embedded_text().replace(
        "    V4OfferingUpdate:\n      type: object\n",
        &format!("    V4OfferingUpdate: {schema}\n    Was:\n      type: object\n"),
    );
    let value = serde_yaml::from_str::<Value>(&text).unwrap();
    for text in [text, value.to_string().replace(r#""minimum":0"#, r#""minimum":-0"#)] {
        let contract = contract(text).unwrap();
        let update = contract.operation(Endpoint::Update).body.as_ref().unwrap().json().unwrap();
        assert!(update.is_valid(Direction::Request, &json!({"tag": 0})));
        assert!(!update.is_valid(Direction::Request, &json!({"tag": -1})));
    }
}

#[test]
fn a_document_of_two_hundred_operations_is_fast() {
    let mut more = String::new();
    for n in 0..200 {
        more.push_str(&format!(
            "  /things{n}:\n    get:\n      operationId: thing{n}\n      parameters:\n        - $ref: '#/components/parameters/Limit'\n      responses:\n        '200': {{description: d, content: {{application/json: {{schema: {{$ref: '#/components/schemas/V4OfferingList'}}}}}}}}\n        '401': {{$ref: '#/components/responses/Unauthorized'}}\n"
        ));
    }
    let text = embedded_text().replace("components:\n  parameters", &format!("{more}components:\n  parameters"));
    let start = std::time::Instant::now();
    let contract = contract(text).unwrap();
    let elapsed = start.elapsed();
    assert_eq!(contract.operations().len(), 206);
    // A debug build usually takes a tenth of it; the rest is for a busy machine.
    assert!(elapsed.as_millis() < 1500, "{elapsed:?}");
}

#[test]
fn every_rule_has_an_existing_place() {
    let contract = Contract::embedded();
    for rule in contract.rules().rules() {
        if let Some(at) = &rule.at {
            assert!(contract.document().value().pointer(at).is_some(), "{}: {at}", rule.id);
            assert!(contract.place_of(rule).unwrap().1.line > 1, "{}", rule.id);
        }
        assert!(
            rule.statement.ends_with('.') && rule.check.ends_with('.') && !rule.title.ends_with('.'),
            "{}",
            rule.id
        );
    }
    assert_eq!(pointer::last(contract.rules().rule("list.default-limit").unwrap().at.as_deref().unwrap()), "default");
}

#[test]
fn names_like_references_are_names() {
    let schema = "    V4OfferingUpdate:
      type: object
      example: {$ref: '#/nowhere'}
      properties:
        $ref: {type: string}
        kind: {enum: [{$ref: '#/nowhere'}, {id: 'http://[bad'}]}
        id: {type: string, default: {$ref: '#/nowhere'}}
        definitions: {type: string}
    Was:
      type: object
";
    let contract = contract(embedded_text().replace("    V4OfferingUpdate:\n      type: object\n", schema)).unwrap();
    let update = contract.operation(Endpoint::Update).body.as_ref().unwrap().json().unwrap();
    assert!(update.is_valid(Direction::Request, &json!({"$ref": "a", "kind": {"$ref": "#/nowhere"}, "id": "b"})));
    assert!(!update.is_valid(Direction::Request, &json!({"$ref": 1})));
    assert!(!update.is_valid(Direction::Request, &json!({"kind": 1})));
}

#[test]
fn references_up_to_the_limit_are_compiled() {
    let mut text = embedded_text().replace(
        "    V4OfferingUpdate:\n      type: object\n",
        "    V4OfferingUpdate: {$ref: '#/components/schemas/S0'}\n    Was:\n      type: object\n",
    );
    text = text.replace("  securitySchemes:\n", "    S190: {type: string}\n  securitySchemes:\n");
    let mut chain = String::new();
    for n in 0..190 {
        chain.push_str(&format!("    S{n}: {{type: array, items: {{$ref: '#/components/schemas/S{}'}}}}\n", n + 1));
    }
    let contract = contract(text.replace("    S190:", &format!("{chain}    S190:"))).unwrap();
    let update = contract.operation(Endpoint::Update).body.as_ref().unwrap().json().unwrap();
    assert!(update.is_valid(Direction::Request, &json!([[[[]]]])));
    assert!(!update.is_valid(Direction::Request, &json!([[[[1]]]])));
}

#[test]
fn a_contract_can_be_shared_by_tasks() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Contract>();
    shared::<SchemaRef>();
}

#[test]
fn a_corrupted_document_never_panics() {
    let whole = Document::embedded().value().clone();
    let mut pointers = Vec::new();
    collect(&whole, String::new(), &mut pointers);
    let junk = [json!(null), json!(7), json!("x"), json!([]), json!({}), json!({"$ref": "#"}), json!([{"a": {}}])];
    for (index, place) in pointers.iter().enumerate().step_by(STEP) {
        let mut document = whole.clone();
        *document.pointer_mut(place).unwrap() = junk[index % junk.len()].clone();
        if let Err(error) = contract(document.to_string()) {
            assert!(error.starts_with("t.yaml:1:"), "{place}: {error}");
        }
    }
    let text = embedded_text();
    for end in (0..text.len()).step_by(STEP * 67).filter(|end| text.is_char_boundary(*end)) {
        assert!(contract(&text[..end]).is_err() || end > text.len() - 2000, "{end}");
    }
}

/// Every seventh place is enough for daily runs; 1 tests all of them.
const STEP: usize = 7;

fn collect(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| collect(value, pointer::join(&at, key), into)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| collect(value, format!("{at}/{i}"), into));
        }
        _ => {}
    }
    into.push(at);
}
