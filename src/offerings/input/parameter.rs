//! The values of parameters as they are sent, in every style of OpenAPI 3.0.

use crate::contract::{Parameter, is_json};
use crate::exchange::encode_segment;
use crate::generate::Schema;
use openapiv3::{Parameter as Typed, PathStyle, QueryStyle};
use serde_json::{Number, Value};

/// A value of a parameter as sent: the text in the path, the parts of the query, the value of the header, or the cookie.
/// The error is why the value has no form there that every server reads alike.
pub(super) fn written(parameter: &Parameter, value: &Value) -> Result<Vec<String>, String> {
    let shape = match &parameter.media {
        Some(media) if is_json(media) => Shape::One(value.to_string()),
        Some(media) => return Err(format!("no value is generated for `{media}`")),
        None => Shape::of(value)?,
    };
    match &parameter.typed {
        Typed::Path { style, .. } => in_path(parameter, style, &shape).map(|text| vec![text]),
        Typed::Query { style, .. } => in_query(parameter, style, &shape),
        Typed::Header { .. } => in_header(parameter, &shape).map(|text| vec![text]),
        Typed::Cookie { .. } => in_cookie(parameter, &shape).map(|text| vec![text]),
    }
}

/// What the styles distinguish.
enum Shape {
    One(String),
    List(Vec<String>),
    Pairs(Vec<(String, String)>),
}

impl Shape {
    fn of(value: &Value) -> Result<Self, String> {
        let text = |value: &Value| {
            Schema::as_text(value).ok_or_else(|| "null, and lists and objects within others, have no text".to_owned())
        };
        let shape = match value {
            Value::Array(items) => Self::List(items.iter().map(text).collect::<Result<_, _>>()?),
            Value::Object(members) => Self::Pairs(
                members.iter().map(|(name, value)| Ok((name.clone(), text(value)?))).collect::<Result<_, String>>()?,
            ),
            one => Self::One(text(one)?),
        };
        match &shape {
            Self::List(items) if items.is_empty() => Err("an empty list has no text".into()),
            Self::Pairs(members) if members.is_empty() => Err("an empty object has no text".into()),
            _ => Ok(shape),
        }
    }

    /// The texts of a list or an object that are written in turn. None may contain the delimiter: some servers decode the
    /// text before they split it.
    fn texts(&self, delimiter: char, between: &str) -> Result<Vec<String>, String> {
        let texts: Vec<String> = match self {
            Self::One(text) => return Ok(vec![encode_segment(text)]),
            Self::List(items) => items.clone(),
            Self::Pairs(members) => {
                let mut parts = members.iter().flat_map(|(name, text)| [name, text]);
                if parts.any(|text| text.contains([delimiter, '='])) {
                    return Err(ambiguous(delimiter));
                }
                let pairs = members.iter();
                return Ok(pairs
                    .map(|(name, text)| format!("{}{between}{}", encode_segment(name), encode_segment(text)))
                    .collect());
            }
        };
        if texts.iter().any(|text| text.contains(delimiter)) {
            return Err(ambiguous(delimiter));
        }
        Ok(texts.iter().map(|text| encode_segment(text)).collect())
    }
}

fn ambiguous(delimiter: char) -> String {
    format!("a text with `{delimiter}` in a list or object is not sent, because servers split it differently")
}

fn in_path(parameter: &Parameter, style: &PathStyle, shape: &Shape) -> Result<String, String> {
    let is_exploded = parameter.explode;
    let text = match (style, shape) {
        (PathStyle::Label, Shape::List(items)) if !is_exploded && items.len() > 1 => {
            return Err("versions of OpenAPI disagree on lists of the style `label` without `explode`".into());
        }
        (PathStyle::Label, Shape::Pairs(_)) if !is_exploded => {
            return Err("versions of OpenAPI disagree on objects of the style `label` without `explode`".into());
        }
        (PathStyle::Label, Shape::One(text)) => format!(".{}", encode_segment(text)),
        (PathStyle::Label, _) => format!(".{}", shape.texts('.', "=")?.join(".")),
        (PathStyle::Matrix, Shape::Pairs(_)) if is_exploded => format!(";{}", shape.texts(';', "=")?.join(";")),
        (PathStyle::Matrix, Shape::List(_)) if is_exploded => {
            let name = encode_segment(&parameter.name);
            shape.texts(';', "=")?.iter().map(|text| format!(";{name}={text}")).collect()
        }
        (PathStyle::Matrix, Shape::One(text)) if text.is_empty() => {
            format!(";{}", encode_segment(&parameter.name))
        }
        (PathStyle::Matrix, _) => {
            format!(";{}={}", encode_segment(&parameter.name), shape.texts(',', ",")?.join(","))
        }
        (_, _) => shape.texts(',', if is_exploded { "=" } else { "," })?.join(","),
    };
    // Clients remove such segments.
    if ["", ".", ".."].contains(&text.as_str()) {
        return Err("an empty segment or one of dots makes a different path".into());
    }
    Ok(text)
}

fn in_query(parameter: &Parameter, style: &QueryStyle, shape: &Shape) -> Result<Vec<String>, String> {
    let name = encode_segment(&parameter.name);
    let joined = |delimiter, between: &str| -> Result<Vec<String>, String> {
        Ok(vec![format!("{name}={}", shape.texts(delimiter, ",")?.join(between))])
    };
    match (style, shape) {
        (_, Shape::One(text)) => Ok(vec![format!("{name}={}", encode_segment(text))]),
        (QueryStyle::DeepObject, Shape::Pairs(members)) => Ok(members
            .iter()
            .map(|(key, text)| format!("{name}%5B{}%5D={}", encode_segment(key), encode_segment(text)))
            .collect()),
        (QueryStyle::DeepObject, Shape::List(_)) => Err("the style `deepObject` has no form for a list".into()),
        (_, Shape::List(items)) if parameter.explode => {
            Ok(items.iter().map(|text| format!("{name}={}", encode_segment(text))).collect())
        }
        (QueryStyle::SpaceDelimited, Shape::List(_)) => joined(' ', "%20"),
        (QueryStyle::PipeDelimited, Shape::List(_)) => joined('|', "%7C"),
        (QueryStyle::SpaceDelimited | QueryStyle::PipeDelimited, Shape::Pairs(_)) => {
            Err("OpenAPI defines no form for an object in this style".into())
        }
        (_, Shape::Pairs(members)) if parameter.explode => {
            Ok(members.iter().map(|(key, text)| format!("{}={}", encode_segment(key), encode_segment(text))).collect())
        }
        _ => joined(',', ","),
    }
}

fn in_header(parameter: &Parameter, shape: &Shape) -> Result<String, String> {
    let raw = match shape {
        Shape::One(text) => text.clone(),
        // Without encoding, as headers have none.
        Shape::List(items) if items.iter().all(|text| !text.contains(',')) => items.join(","),
        Shape::Pairs(members) if members.iter().all(|(key, text)| !format!("{key}{text}").contains([',', '='])) => {
            let between = if parameter.explode { "=" } else { "," };
            members.iter().map(|(key, text)| format!("{key}{between}{text}")).collect::<Vec<_>>().join(",")
        }
        _ => return Err(ambiguous(',')),
    };
    let is_kept = raw.trim() == raw && raw.chars().all(|letter| (' '..='~').contains(&letter));
    is_kept
        .then_some(raw)
        .ok_or_else(|| "a header keeps only printable ASCII characters without spaces around them".into())
}

fn in_cookie(parameter: &Parameter, shape: &Shape) -> Result<String, String> {
    let text = match shape {
        Shape::One(text) => text,
        Shape::List(items) if items.len() == 1 && !parameter.explode => &items[0],
        _ => return Err("a cookie has no form for lists and objects that every server reads".into()),
    };
    if text.chars().any(|letter| !letter.is_ascii_graphic() || ";,\"\\".contains(letter)) {
        return Err(
            "a cookie has only printable ASCII characters without quotation marks, commas and semicolons".into()
        );
    }
    Ok(format!("{}={text}", parameter.name))
}

/// What a server may take a sent value for, besides the value itself: a text has no type, and one text may be a list.
pub(super) fn readings(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for read in [typed, text] {
        let one = match value {
            Value::Array(items) => Value::Array(items.iter().map(read).collect()),
            Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), read(value))).collect(),
            one => read(one),
        };
        match &one {
            Value::Array(items) if items.len() == 1 => all.push(items[0].clone()),
            Value::Array(_) | Value::Object(_) => {}
            item => all.push(Value::Array(vec![item.clone()])),
        }
        all.push(one);
    }
    all
}

fn text(value: &Value) -> Value {
    Schema::as_text(value).map_or_else(|| value.clone(), Value::from)
}

fn typed(value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" | "" => Value::Null,
        _ => text.parse::<Number>().map_or_else(|_| value.clone(), Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Catalogue, Contract};
    use crate::document::Document;
    use serde_json::json;

    /// The form of a value in the parameter `p`.
    fn form(parameter: &str, value: &Value) -> Result<String, String> {
        let paths = format!(
            "\npaths:\n  /things/{{p}}:\n    get:\n      operationId: getThings\n      parameters: [{{name: p, {parameter}}}]\n      responses: {{}}\n"
        );
        let text = Document::embedded().text().replacen("\npaths:\n", &paths, 1);
        let document = Document::parse(text, "t.yaml").unwrap();
        let contract = Contract::from_document(document, Catalogue::embedded()).unwrap();
        let operation = contract.operations().iter().find(|operation| operation.id == "getThings").unwrap();
        written(&operation.parameters[0], value).map(|parts| parts.join("&"))
    }

    #[test]
    fn every_style_is_written_as_the_standard_says() {
        let (one, list, object) = (json!("blue"), json!(["blue", "black", "brown"]), json!({"B": 150, "R": 100}));
        for (parameter, forms) in [
            ("in: path, required: true", ["blue", "blue,black,brown", "B,150,R,100"]),
            ("in: path, required: true, explode: true", ["blue", "blue,black,brown", "B=150,R=100"]),
            ("in: path, required: true, style: label, explode: true", [".blue", ".blue.black.brown", ".B=150.R=100"]),
            ("in: path, required: true, style: label", [".blue", "", ""]),
            ("in: path, required: true, style: matrix", [";p=blue", ";p=blue,black,brown", ";p=B,150,R,100"]),
            (
                "in: path, required: true, style: matrix, explode: true",
                [";p=blue", ";p=blue;p=black;p=brown", ";B=150;R=100"],
            ),
            ("in: query", ["p=blue", "p=blue&p=black&p=brown", "B=150&R=100"]),
            ("in: query, explode: false", ["p=blue", "p=blue,black,brown", "p=B,150,R,100"]),
            ("in: query, style: spaceDelimited, explode: false", ["p=blue", "p=blue%20black%20brown", ""]),
            ("in: query, style: pipeDelimited, explode: false", ["p=blue", "p=blue%7Cblack%7Cbrown", ""]),
            ("in: query, style: deepObject, explode: true", ["p=blue", "", "p%5BB%5D=150&p%5BR%5D=100"]),
            ("in: header", ["blue", "blue,black,brown", "B,150,R,100"]),
            ("in: header, explode: true", ["blue", "blue,black,brown", "B=150,R=100"]),
            ("in: cookie", ["p=blue", "", ""]),
        ] {
            let full =
                if parameter.contains("schema") { parameter.to_owned() } else { format!("{parameter}, schema: {{}}") };
            for (value, expected) in [&one, &list, &object].into_iter().zip(forms) {
                assert_eq!(form(&full, value).unwrap_or_default(), expected, "{parameter} {value}");
            }
        }
    }

    #[test]
    fn values_under_a_media_type_are_json() {
        let content = "content: {application/json: {schema: {}}}";
        assert_eq!(form(&format!("in: query, {content}"), &json!({"a": [1]})).unwrap(), "p=%7B%22a%22%3A%5B1%5D%7D");
        assert_eq!(form(&format!("in: header, {content}"), &json!([1, null])).unwrap(), "[1,null]");
        assert!(form("in: query, content: {application/xml: {schema: {}}}", &json!("a")).is_err());
    }

    #[test]
    fn what_servers_would_read_differently_is_not_sent() {
        for (parameter, value) in [
            ("in: query, explode: false", json!(["a,b"])),
            ("in: query, style: pipeDelimited, explode: false", json!(["a|b"])),
            ("in: path, required: true, style: label, explode: true", json!(["a.b"])),
            ("in: path, required: true", json!("")),
            ("in: path, required: true", json!("..")),
            ("in: path, required: true, style: label", json!("")),
            ("in: header", json!(["a,b"])),
            ("in: header", json!(" a")),
            ("in: header", json!("é")),
            ("in: cookie", json!("a;b")),
            ("in: query", json!([])),
            ("in: query", json!({})),
            ("in: query", json!(null)),
            ("in: query", json!([[1]])),
            ("in: query, style: deepObject", json!({"a": {"b": 1}})),
        ] {
            assert!(form(&format!("{parameter}, schema: {{}}"), &value).is_err(), "{parameter} {value}");
        }
    }

    #[test]
    fn a_text_has_every_type_that_it_looks_like() {
        assert!(readings(&json!("1")).contains(&json!(1)) && readings(&json!(1)).contains(&json!("1")));
        assert!(readings(&json!(["a"])).contains(&json!("a")) && readings(&json!("a")).contains(&json!(["a"])));
        assert!(readings(&json!({"a": "true"})).contains(&json!({"a": true})));
    }
}
