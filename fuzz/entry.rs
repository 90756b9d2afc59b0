//! Entry points for untrusted bytes, which must neither panic nor hang.
//!
//! The fuzz targets call them, and so does the test suite with every file of the corpus.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use qonform::check::{Judge, SeenTimestamps};
use qonform::contract::{Catalogue, Contract, Direction, Endpoint};
use qonform::document::Document;
use qonform::exchange::{Credentials, Exchange, KeyRole, Request, Response, Secret};
use qonform::finding::Record;
use qonform::report::{self, Format, Style};
use serde_json::Value;

/// A file for `--spec`.
pub(crate) fn document(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(document) = Document::parse(text, "fuzz.yaml") {
        let _ = Contract::from_document(document, Catalogue::embedded());
    }
}

/// The schema of an id, as JSON: it is compiled and validates values.
pub(crate) fn schema(data: &[u8]) {
    let Ok(schema) = serde_json::from_slice::<Value>(data) else { return };
    let mut value = embedded().document().value().clone();
    value["components"]["schemas"]["OfferingId"] = schema;
    let Ok(document) = Document::parse(value.to_string(), "fuzz.json") else { return };
    let Ok(contract) = Contract::from_document(document, Catalogue::embedded()) else { return };
    for endpoint in Endpoint::ALL {
        for response in &contract.operation(endpoint).responses {
            for (_, schema) in &response.media {
                for id in [Value::from("a b:c"), Value::from("x".repeat(300)), Value::Null] {
                    let body = serde_json::json!({ "object": "offering", "id": id, "tag": 1, "data": [{ "id": id }] });
                    let _ = schema.validate(Direction::Response, &body);
                    let _ = schema.undocumented(&body);
                }
            }
        }
    }
}

/// A response: a line with its status, header lines, an empty line, a body. It is judged as the response to each operation.
pub(crate) fn response(data: &[u8]) {
    const KEY: &str = "test_sk_fuzz_0123456789";
    static JUDGE: OnceLock<Judge> = OnceLock::new();
    let judge = JUDGE.get_or_init(|| Judge::new(Arc::new(Contract::embedded())));
    let keys = Credentials::default().with_key(KeyRole::Main, Secret::new(KEY));
    let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (data, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().and_then(|line| std::str::from_utf8(line).ok()?.trim().parse().ok()).unwrap_or(200);
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    for endpoint in Endpoint::ALL {
        let exchange = Arc::new(Exchange {
            request: Request::to(endpoint).id("a"),
            response: Response::new(status, headers.clone(), Bytes::copy_from_slice(body)),
            started: Instant::now(),
            ended: Instant::now(),
        });
        let mut record = Record::default();
        judge.exchange(&exchange, &keys, &mut SeenTimestamps::default(), &mut record);
        for failure in &record.failures {
            assert!(!failure.received.contains(KEY), "a finding contains the key: {}", failure.received);
        }
    }
}

/// A JSON report that is read back and written in every format.
pub(crate) fn report(data: &[u8]) {
    let Ok(outcome) = report::parse(data) else { return };
    for format in Format::ALL {
        let text = report::render(format, &outcome, &Style::default());
        assert!(!text.contains('\u{1b}'), "{} contains an escape character", format.name());
    }
}

fn embedded() -> &'static Contract {
    static CONTRACT: OnceLock<Contract> = OnceLock::new();
    CONTRACT.get_or_init(Contract::embedded)
}
