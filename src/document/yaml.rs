//! Parses YAML or JSON text into a JSON value and positions.
//!
//! Each step prevents a loss: duplicate keys (the last one would win), merge keys (would remain a literal `<<`), tags
//! and infinities (would change into other values), aliases (could expand without limit). The value is built from the same
//! events as the positions. Only a text that their parser rejects, as it does with some tabs, is read by another parser.

use super::{
    DocumentError, ErrorKind, Position, pointer,
    spans::{MAX_DEPTH, Spans},
    values::{self, NotJsonPlace},
};
use saphyr_parser::ScanError;
use serde_json::{Map, Value};
use serde_yaml::Value as Yaml;
use std::borrow::Cow;

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
        let spans = Spans::read(&without_surrogates(text)).or_else(|_| scan(text)).unwrap_or_else(|_| Spans::unknown());
        let mut spans = check(spans, &fail)?;
        spans.forget_values();
        return Ok((values::with_plain_zeros(value), spans));
    }
    if let Some((position, character)) = control_character(text) {
        let reason = format!("the control character U+{:04X} is not allowed", u32::from(character));
        return Err(fail(ErrorKind::NotYaml { reason }, Some(position), None));
    }
    let (value, mut spans) = match Spans::read(text) {
        Ok(spans) => {
            let spans = check(spans, &fail)?;
            (values::build(&spans), spans)
        }
        Err(error) => by_other_parser(text, name, &error, &fail)?,
    };
    let value = value.map_err(|(what, pointer)| DocumentError {
        position: Some(spans.find(&pointer).key),
        pointer: Some(pointer),
        ..fail(ErrorKind::NotJson { what }, None, Some("write it as plain text, a number, a list or a mapping"))
    })?;
    if value.is_null() {
        return Err(fail(ErrorKind::Empty, None, Some("check whether the file was saved or downloaded completely")));
    }
    spans.forget_values();
    Ok((value, spans))
}

/// Builds an error of the document.
type Fail<'f> = &'f dyn Fn(ErrorKind, Option<Position>, Option<&str>) -> DocumentError;

/// The value and positions of a text that the parser of positions rejected with `error`.
fn by_other_parser(
    text: &str,
    name: &str,
    error: &ScanError,
    fail: Fail<'_>,
) -> Result<(Result<Value, NotJsonPlace>, Spans), DocumentError> {
    let yaml: Yaml = serde_yaml::from_str(text).map_err(|error| {
        let position = error.location().map(|at| Position { line: at.line(), column: at.column() });
        fail(ErrorKind::NotYaml { reason: reason(&error.to_string()) }, position, format_hint(text, name))
    })?;
    let spans = match scan(text) {
        Ok(spans) => check(spans, &fail)?,
        // Without positions the expansion of aliases is unknown, so the text must have no anchors.
        Err(_) if !text.contains('&') => Spans::unknown(),
        Err(_) => {
            let at = error.marker();
            let position = Position { line: at.line().max(1), column: at.col() + 1 };
            let kind = ErrorKind::NotYaml { reason: error.info().to_owned() };
            return Err(fail(kind, Some(position), format_hint(text, name)));
        }
    };
    Ok((convert(yaml, &mut String::new()), spans))
}

/// The first control character that YAML does not allow.
fn control_character(text: &str) -> Option<(Position, char)> {
    let is_wrong = |letter: &char| {
        letter.is_control() && !matches!(letter, '\t' | '\n' | '\r' | '\u{85}')
            || matches!(letter, '\u{fffe}' | '\u{ffff}')
    };
    let (at, character) = text.char_indices().find(|(_, letter)| is_wrong(letter))?;
    Some((position_at(text, at), character))
}

/// The position of a byte of a text.
fn position_at(text: &str, at: usize) -> Position {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// JSON with other characters of the same length for escaped surrogates, which the parser of positions rejects. Different
/// keys stay different.
fn without_surrogates(text: &str) -> Cow<'_, str> {
    let is_surrogate =
        |code: &str| matches!(code.as_bytes(), [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
    let mut changed = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr(b'\\', rest.as_bytes())) {
        let escape = at + found;
        // The character after the backslash may be one itself.
        at = escape + 2;
        let Some(code) = text.get(escape + 2..escape + 6).filter(|code| is_surrogate(code)) else { continue };
        if text.as_bytes()[escape + 1] == b'u' {
            changed.push_str(&text[copied..escape + 2]);
            // Surrogates begin with D8 to DF; characters for private use with E0 to E7.
            changed.push('e');
            changed.push(match code.as_bytes()[1] {
                digit @ (b'8' | b'9') => char::from(digit - 8),
                digit => char::from(digit.to_ascii_lowercase() - b'a' + b'2'),
            });
            copied = escape + 4;
        }
    }
    if copied == 0 { Cow::Borrowed(text) } else { Cow::Owned(changed + &text[copied..]) }
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
    Some(position_at(text, at))
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
    if let Some(at) = spans.circular {
        let reason = "an alias is part of the value that it stands for".to_owned();
        return Err(fail(ErrorKind::NotYaml { reason }, Some(at), None));
    }
    if spans.levels() > MAX_DEPTH {
        return Err(fail(ErrorKind::TooDeep { limit: MAX_DEPTH }, None, None));
    }
    if spans.expanded() > MAX_VALUES {
        return Err(fail(ErrorKind::TooManyAliases { limit: MAX_VALUES }, None, None));
    }
    if let Some(at) = spans.second_document {
        let hint = "remove the line `---` and everything after it";
        return Err(fail(ErrorKind::ManyDocuments, Some(at), Some(hint)));
    }
    spans.index_keys();
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
fn convert(yaml: Yaml, at: &mut String) -> Result<Value, NotJsonPlace> {
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
            let mut merges = Vec::new();
            for (key, value) in members {
                let key = match key {
                    Yaml::String(text) if text == "<<" => {
                        merges.push(value);
                        continue;
                    }
                    Yaml::String(text) => text,
                    Yaml::Bool(flag) => flag.to_string(),
                    Yaml::Number(number) => number.to_string(),
                    _ => return Err(("a key that is not text".to_owned(), at.clone())),
                };
                let value = within(at, &key, |at| convert(value, at))?;
                map.insert(key, value);
            }
            for merge in merges.into_iter().flat_map(|merge| match merge {
                Yaml::Sequence(items) => items,
                merge => vec![merge],
            }) {
                let Value::Object(other) = convert(merge, at)? else {
                    return Err(("the merge of something that is not a mapping".to_owned(), at.clone()));
                };
                for (key, value) in other {
                    map.entry(key).or_insert(value);
                }
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
    fn merged_mappings_keep_all_their_members() {
        for (text, expected) in [
            ("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, z: 3}\n", json!({"x": 1, "y": 2, "z": 3})),
            (
                "a: &a {x: 1}\nb: &b {y: 2, <<: *a}\nc: {z: 3, <<: [*b, {x: 9, w: 4}]}\n",
                json!({"x": 1, "y": 2, "z": 3, "w": 4}),
            ),
            ("a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2}\nc: {y: 3, <<: *b}\n", json!({"x": 1, "y": 3})),
            ("c: {<<: {<<: {<<: {x: 1}, y: 2}, z: 3}}\n", json!({"x": 1, "y": 2, "z": 3})),
            ("c: {d: {<<: {e: {<<: {x: 1}}}}}\n", json!({"d": {"e": {"x": 1}}})),
            ("c: {'<<': {x: 1}}\n", json!({"<<": {"x": 1}})),
            // Another parser reads texts with such a tab.
            ("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {\n\t<<: *b, z: 3}\n", json!({"x": 1, "y": 2, "z": 3})),
        ] {
            assert_eq!(value(text)["c"], expected, "{text}");
        }
        for text in ["c: {<<: 1}\n", "c: {<<: [1]}\n", "c: {<<: {x: 1}, <<: {y: 1}}\n", "a: &a [1]\nc: {<<: [*a]}\n"] {
            assert!(read(text, "t.yaml").is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_beyond_64_bits_are_rounded() {
        assert_eq!(
            value("a: 18446744073709551615\nb: 18446744073709551616\nc: -9223372036854775809\n"),
            json!({"a": 18_446_744_073_709_551_615_u64, "b": 18_446_744_073_709_551_616.0, "c": -9_223_372_036_854_775_809.0})
        );
        assert_eq!(value("a: 123456789012345678901234567890123456789012\n")["a"], json!(1.234_567_890_123_456_8e41));
        assert_eq!(value("{\"a\": 18446744073709551616}")["a"], json!(18_446_744_073_709_551_616.0));
    }

    #[test]
    fn what_json_cannot_express_is_text_below_an_extension() {
        for (written, expected) in [
            (".inf", json!(".inf")),
            ("-.INF", json!("-.INF")),
            (".nan", json!(".nan")),
            ("1e999", json!("1e999")),
            ("!env HOME", json!("HOME")),
            ("!!int 0x10", json!(16)),
            ("!custom {a: 1}", json!({"a": 1})),
            ("!custom [a]", json!(["a"])),
            ("{~: 1, null: 2}", json!({"~": 1, "null": 2})),
            ("{? [a, b] : 1}", json!({"": 1})),
            ("{: 1}", json!({"": 1})),
        ] {
            assert_eq!(value(&format!("x-a: {written}\n"))["x-a"], expected, "{written}");
            assert_eq!(value(&format!("a: {{x-b: [{written}]}}\n"))["a"]["x-b"][0], expected, "{written}");
            if written != "!!int 0x10" {
                let error = read(&format!("a: {{b: [{written}]}}\n"), "t.yaml").unwrap_err();
                assert!(matches!(error.kind, ErrorKind::NotJson { .. }), "{written}: {error}");
            }
        }
    }

    #[test]
    fn line_separators_of_older_yaml_are_ordinary_characters() {
        for letter in ['\u{2028}', '\u{2029}', '\u{85}'] {
            let text = format!("# a{letter}b: c: d\na: x{letter}y\nb: 'x{letter}y'\nc: |\n  x{letter}y\n  z\nd: 1\n");
            let (value, spans) = read(&text, "t.yaml").unwrap();
            let both = format!("x{letter}y");
            assert_eq!(value, json!({"a": both, "b": both, "c": format!("{both}\nz\n"), "d": 1}), "{text:?}");
            assert_eq!(spans.find("/d").key, Position { line: 7, column: 1 }, "{text:?}");
        }
    }

    #[test]
    fn control_characters_are_rejected_at_their_place() {
        for (text, place) in
            [("a: 1\nb: x\u{7}y\n", "2:5"), ("a: '\0'\n", "1:5"), ("a: \u{7f}\n", "1:4"), ("\u{1b}[1m\n", "1:1")]
        {
            let error = read(text, "t.yaml").unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("t.yaml:{place}: it is not valid YAML: the control character U+")),
                "{error}"
            );
        }
    }

    #[test]
    fn json_with_surrogate_pairs_has_positions() {
        let text = "{\n  \"a\": \"\\ud83d\\uDE00\\\\ud83d \\\"\", \"b\": 1,\n  \"\\ud83d\\ude00\": 2, \"\\ud83d\\ude01\": 3, \"c\": 4\n}";
        let (value, spans) = read(text, "t.json").unwrap();
        assert_eq!(value, json!({"a": "😀\\ud83d \"", "b": 1, "😀": 2, "😁": 3, "c": 4}));
        assert_eq!(spans.find("/b").key, Position { line: 2, column: 34 });
        assert_eq!(spans.find("/c").key.line, 3);
        let error = read("{\"a\": \"\\ud83d\\ude00\",\n \"a\": 1}", "t.json").unwrap_err();
        assert!(matches!(error.kind, ErrorKind::DuplicateKey { .. }), "{error}");
        assert_eq!(error.position, Some(Position { line: 2, column: 2 }));
    }

    #[test]
    fn both_parsers_read_the_same_values() {
        let numbers = "a: [0, 7, -7, +7, 1.5, .5, 5., 1e3, -1E-3, 0x1F, 0o17, 0b11, -0x1, 007, 1_0, 12e, 0.0, -0, 1.2.3, '1', \"2\", +, -, e5, 0x, 1:30]\n";
        let texts = "a: >-\n  one\n  two\n\n  three\nb: |+\n  x\n\nc: \"a\\tb\\u00e9\\\n  c\"\nd: 'it''s'\ne: plain\n  text # no\nf: [True, FALSE, yes, ~, Null, NULL, '']\ng: !!str 1\ni:\n";
        let spec = include_str!("../../spec/offerings.openapi.yaml");
        let rules = include_str!("../../spec/rules.yaml");
        for text in [numbers, texts, spec, rules] {
            let other = convert(serde_yaml::from_str(text).unwrap(), &mut String::new()).unwrap();
            assert_eq!(value(text), other, "{text}");
        }
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
