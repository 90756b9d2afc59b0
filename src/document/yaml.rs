//! Parses YAML or JSON text into a JSON value and positions.
//!
//! Each step prevents a loss: duplicate keys (the last one would win), merge keys (would remain a literal `<<`), tags
//! and infinities (would change into other values), aliases (could expand without limit).

use super::{
    DocumentError, ErrorKind, Position, pointer,
    spans::{MAX_DEPTH, Spans},
};
use saphyr_parser::ScanError;
use serde_json::{Map, Value};
use serde_yaml::Value as Yaml;

/// The maximum number of values of a document after its aliases are expanded.
const MAX_VALUES: usize = 2_000_000;

/// The maximum number of brackets that are open at once, including those in strings and comments.
const MAX_OPEN_BRACKETS: usize = 2_000;

/// Parses a text. `name` is the name of the file in errors.
pub(super) fn read(text: &str, name: &str) -> Result<(Value, Spans), DocumentError> {
    let fail = |kind, position, hint: Option<&str>| DocumentError {
        kind,
        file: name.to_owned(),
        position,
        pointer: None,
        hint: hint.map(str::to_owned),
    };
    if let Some(position) = first_bracket_too_many(text) {
        return Err(fail(ErrorKind::TooDeep { limit: MAX_DEPTH }, Some(position), None));
    }
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str::<Value>(text)
    {
        // JSON that the YAML parser rejects, such as an escaped surrogate pair, gets no positions.
        let spans = scan(text).unwrap_or_else(|_| Spans::unknown());
        return check(spans, &fail).map(|spans| (value, spans));
    }
    let scanned = match scan(text) {
        Ok(spans) => Ok(check(spans, &fail)?),
        Err(error) => Err(error),
    };
    let mut yaml: Yaml = serde_yaml::from_str(text).map_err(|error| {
        let position = error.location().map(|at| Position { line: at.line(), column: at.column() });
        fail(ErrorKind::NotYaml { reason: reason(&error.to_string()) }, position, format_hint(text, name))
    })?;
    // Without positions the expansion of aliases is unknown, so the text must have no anchors.
    let scanned = if text.contains('&') { scanned } else { scanned.or_else(|_| Ok(Spans::unknown())) };
    let spans = scanned.map_err(|error: ScanError| {
        let at = error.marker();
        let position = Position { line: at.line().max(1), column: at.col() + 1 };
        fail(ErrorKind::NotYaml { reason: error.info().to_owned() }, Some(position), format_hint(text, name))
    })?;
    yaml.apply_merge().map_err(|error| fail(ErrorKind::NotYaml { reason: reason(&error.to_string()) }, None, None))?;
    if yaml.is_null() {
        return Err(fail(ErrorKind::Empty, None, Some("check whether the file was saved or downloaded completely")));
    }
    let value = convert(yaml, &mut String::new()).map_err(|(what, pointer)| DocumentError {
        position: Some(spans.find(&pointer).key),
        pointer: Some(pointer),
        ..fail(ErrorKind::NotJson { what }, None, Some("write it as plain text, a number, a list or a mapping"))
    })?;
    Ok((value, spans))
}

/// The first bracket that exceeds [`MAX_OPEN_BRACKETS`], for which YAML parsers would need quadratic time. Brackets in
/// strings and comments count too, but thousands of open ones do not occur there.
fn first_bracket_too_many(text: &str) -> Option<Position> {
    let mut open = 0_usize;
    let at = text.bytes().position(|byte| {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        open > MAX_OPEN_BRACKETS
    })?;
    let before = &text.as_bytes()[..at];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let line = text[..at].matches('\n').count() + 1;
    Some(Position { line, column: text[line_start..at].chars().count() + 1 })
}

/// Reads the positions. Their parser rejects some tabs that YAML allows, so they are replaced by spaces.
fn scan(text: &str) -> Result<Spans, ScanError> {
    Spans::read(text).or_else(|error| Spans::read(&text.replace('\t', " ")).map_err(|_| error))
}

/// Checks for duplicate keys, a second document, and too much nesting or too many aliases.
fn check(
    mut spans: Spans,
    fail: &impl Fn(ErrorKind, Option<Position>, Option<&str>) -> DocumentError,
) -> Result<Spans, DocumentError> {
    if let Some(at) = spans.too_deep {
        return Err(fail(ErrorKind::TooDeep { limit: MAX_DEPTH }, Some(at), None));
    }
    if spans.expanded() > MAX_VALUES {
        return Err(fail(ErrorKind::TooManyAliases { limit: MAX_VALUES }, None, None));
    }
    if let Some(at) = spans.second_document {
        let hint = "remove the line `---` and everything after it";
        return Err(fail(ErrorKind::ManyDocuments, Some(at), Some(hint)));
    }
    spans.find_duplicates();
    if let Some((key, at)) = spans.duplicates.first() {
        let hint = "remove one of the two";
        return Err(fail(ErrorKind::DuplicateKey { key: key.clone() }, Some(*at), Some(hint)));
    }
    Ok(spans)
}

/// The message of the parser without the place, which is shown first.
fn reason(message: &str) -> String {
    let end = message.find(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}

/// A hint about a text that is not YAML.
fn format_hint(text: &str, name: &str) -> Option<&'static str> {
    let start = text.trim_start();
    let is_markdown = std::path::Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("md"));
    if start.starts_with('<') {
        Some("this looks like a web page; download the document itself")
    } else if start.starts_with("> #") || start.starts_with("# ") && text.contains("\n```") || is_markdown {
        Some("this looks like a Markdown page; save only the YAML block that it contains")
    } else {
        None
    }
}

/// Converts YAML to JSON. The error is what cannot be expressed, and its pointer.
fn convert(yaml: Yaml, at: &mut String) -> Result<Value, (String, String)> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), ..) => Value::from(number),
            (_, Some(number), _) => Value::from(number),
            (.., Some(float)) if float.is_finite() => Value::from(float),
            _ => return Err((format!("the number `{number}`"), at.clone())),
        },
        Yaml::Sequence(items) => {
            let mut list = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                list.push(within(at, &index.to_string(), |at| convert(item, at))?);
            }
            Value::Array(list)
        }
        Yaml::Mapping(members) => {
            let mut map = Map::new();
            for (key, value) in members {
                let key = match key {
                    Yaml::String(text) => text,
                    Yaml::Bool(flag) => flag.to_string(),
                    Yaml::Number(number) => number.to_string(),
                    _ => return Err(("a key that is not text".to_owned(), at.clone())),
                };
                let value = within(at, &key, |at| convert(value, at))?;
                map.insert(key, value);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tagged) => return Err((format!("the tag `{}`", tagged.tag), at.clone())),
    })
}

/// Calls `act` with the pointer of a member.
fn within<T>(at: &mut String, key: &str, act: impl FnOnce(&mut String) -> T) -> T {
    let length = at.len();
    at.push('/');
    at.push_str(&pointer::escape(key));
    let result = act(at);
    at.truncate(length);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(text: &str) -> Value {
        read(text, "t.yaml").unwrap().0
    }

    #[test]
    fn keys_become_text_and_merges_are_expanded() {
        assert_eq!(value("204: a\ntrue: b\n"), json!({"204": "a", "true": "b"}));
        assert_eq!(value("a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n"), json!({"a": {"x": 1}, "b": {"x": 1, "y": 2}}));
    }

    #[test]
    fn booleans_of_older_yaml_stay_text() {
        assert_eq!(value("a: no\nb: 2025-01-01\nc: 1_000\n"), json!({"a": "no", "b": "2025-01-01", "c": "1_000"}));
    }

    #[test]
    fn json_with_tabs_and_surrogate_pairs_is_read() {
        assert_eq!(value("{\n\t\"a\": \"\\ud83d\\ude00\\/\"\n}"), json!({"a": "😀/"}));
    }

    #[test]
    fn a_key_in_two_spellings_is_a_duplicate() {
        let error = read("200: a\n'200': b\n", "t.yaml").unwrap_err();
        assert_eq!(
            error.to_string(),
            "t.yaml:2:1: the key `200` occurs twice in the same mapping\n  hint: remove one of the two"
        );
    }

    #[test]
    fn tabs_are_allowed_and_keep_their_columns() {
        let (value, spans) = read("a:\tb\nc: {\n\t\"d\":\t1,\n\t\"e\": [\n\t\t2]}\n", "t.yaml").unwrap();
        assert_eq!(value, json!({"a": "b", "c": {"d": 1, "e": [2]}}));
        let at = |pointer: &str| (spans.find(pointer).value.line, spans.find(pointer).value.column);
        assert_eq!((at("/a"), at("/c/d"), at("/c/e/0")), ((1, 4), (3, 7), (5, 3)));
    }

    #[test]
    fn alias_bombs_and_deep_nesting_are_rejected() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(matches!(read(&bomb, "t").unwrap_err().kind, ErrorKind::TooManyAliases { .. }));
        let deep = "[".repeat(100_000);
        assert!(matches!(read(&deep, "t").unwrap_err().kind, ErrorKind::NotYaml { .. } | ErrorKind::TooDeep { .. }));
        let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
        assert!(matches!(read(&deep, "t").unwrap_err().kind, ErrorKind::TooDeep { .. }));
        let circle = "a: &a\n  b: *a\n";
        assert!(read(circle, "t").is_err());
    }
}
