//! JSON in which a member may appear more than once: the last value counts, as with most parsers, and the repetition is
//! reported.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most values that are read: a full page of full offerings has under 11,000, and each takes 32 bytes.
const MAX_VALUES: usize = 200_000;

/// The most repeated members that are reported; a body can hold a million.
const MAX_REPEATED: usize = 8;

/// A member that appears more than once in one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RepeatedMember {
    /// JSON pointer of the member.
    pub pointer: String,
    /// Whether two of its values differ: a parser may use the first or the last.
    pub differs: bool,
}

/// A document and its repeated members.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) value: Value,
    pub(super) repeated: Vec<RepeatedMember>,
}

/// Parses a whole document.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, serde_json::Error> {
    let mut notes = Notes::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = JsonNode { place: &JsonPlace::Root, notes: &mut notes }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(Parsed { value, repeated: notes.repeated })
}

/// Whether a member appears more than once in an object of a document; false when it is not JSON.
pub fn repeats_member(bytes: &[u8]) -> bool {
    parse(bytes).is_ok_and(|parsed| !parsed.repeated.is_empty())
}

/// What is recorded while parsing.
#[derive(Default)]
struct Notes {
    values: usize,
    repeated: Vec<RepeatedMember>,
}

/// The place of a value; formatted only when needed.
enum JsonPlace<'p> {
    Root,
    Member(&'p JsonPlace<'p>, &'p str),
    Item(&'p JsonPlace<'p>, usize),
}

impl fmt::Display for JsonPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1")),
            Self::Item(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// One value to be parsed.
struct JsonNode<'p> {
    place: &'p JsonPlace<'p>,
    notes: &'p mut Notes,
}

impl JsonNode<'_> {
    fn note(&mut self, name: &str, differs: bool) {
        let pointer = JsonPlace::Member(self.place, name).to_string();
        let repeated = &mut self.notes.repeated;
        let has_room = repeated.len() < MAX_REPEATED;
        match repeated.iter_mut().find(|known| known.pointer == pointer) {
            Some(known) => known.differs |= differs,
            None if has_room => repeated.push(RepeatedMember { pointer, differs }),
            None => {}
        }
    }
}

impl<'de> DeserializeSeed<'de> for JsonNode<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.notes.values += 1;
        if self.notes.values > MAX_VALUES {
            return Err(D::Error::custom(format_args!("it has more than {MAX_VALUES} values, the limit")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonNode<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // The parser takes `-0` for a fraction, although it is a whole number.
        if value == 0.0 && value.is_sign_negative() {
            return Ok(0.into());
        }
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        loop {
            let place = JsonPlace::Item(self.place, all.len());
            match items.next_element_seed(JsonNode { place: &place, notes: self.notes })? {
                Some(item) => all.push(item),
                None => return Ok(Value::Array(all)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let place = JsonPlace::Member(self.place, &name);
            let value = members.next_value_seed(JsonNode { place: &place, notes: self.notes })?;
            if let Some(earlier) = all.get(&name) {
                self.note(&name, *earlier != value);
            }
            all.insert(name, value);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_without_repetition_parse_as_with_serde() {
        for text in [r#"{"a":[1,-2,1.5,1e30,18446744073709551615,true,null,"\u00e9"],"b":{"a":{}}}"#, "\"x\"", " [ ] "]
        {
            let parsed = parse(text.as_bytes()).unwrap();
            assert_eq!((parsed.value, parsed.repeated), (serde_json::from_str(text).unwrap(), vec![]), "{text}");
        }
        for text in ["", "{", "{} x", "[1,]", "nul", "1e999", "{\"a\":1,}", &"[".repeat(1_000)] {
            let (one, other) = (parse(text.as_bytes()), serde_json::from_str::<Value>(text));
            assert_eq!(one.unwrap_err().to_string(), other.unwrap_err().to_string(), "{text}");
        }
    }

    #[test]
    fn a_negative_zero_is_zero() {
        let parsed = parse(br#"{"tag":-0,"tag":0,"data":[-0,-0.0,-1]}"#).unwrap();
        assert_eq!(parsed.value, serde_json::json!({"tag": 0, "data": [0, 0, -1]}));
        assert!(!parsed.repeated[0].differs);
    }

    #[test]
    fn repeated_members_are_reported_with_their_place() {
        let parsed = parse(br#"{"data":[{},{"tag":1,"tag":0,"a/b":[],"a/b":[]}],"tag":0,"tag":0,"tag":1}"#).unwrap();
        let repeated = |pointer: &str, differs| RepeatedMember { pointer: pointer.into(), differs };
        let expected = [repeated("/data/1/tag", true), repeated("/data/1/a~1b", false), repeated("/tag", true)];
        assert_eq!(parsed.repeated, expected);
        assert_eq!(parsed.value["data"][1]["tag"], 0);
        let many = format!("{{{}\"z\":0}}", (0..100).map(|n| format!("\"{n}\":0,\"{n}\":0,")).collect::<String>());
        assert_eq!(parse(many.as_bytes()).unwrap().repeated.len(), MAX_REPEATED);
    }

    #[test]
    fn a_document_with_too_many_values_is_an_error() {
        let list = |items: usize| format!("[{}0]", "0,".repeat(items - 1));
        assert!(parse(list(MAX_VALUES - 1).as_bytes()).is_ok());
        let error = parse(list(MAX_VALUES).as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("it has more than 200000 values"), "{error}");
    }
}
