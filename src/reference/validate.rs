//! The syntax of everything a client sends: ids, limits, bodies. Knows nothing of what the store holds.

use serde_json::{Map, Value};

use super::answer::{Detail, Refusal};
use super::behaviour::Behaviour;
use super::fault::Fault;
use super::switches::Switches;

const OFFERING_ID_MAX: usize = 64;
const PRODUCT_ID_MAX: usize = 255;
const PRODUCTS_MAX: usize = 100;
const LIMIT_MAX: i64 = 100;
const LIMIT_DEFAULT: usize = 20;

/// Characters that a faulty server lets into an id.
const LET_IN: &[(Fault, char)] = &[
    (Fault::ID_SLASH_ACCEPTED, '/'),
    (Fault::ID_QUESTION_MARK_ACCEPTED, '?'),
    (Fault::ID_HASH_ACCEPTED, '#'),
    (Fault::ID_PERCENT_ACCEPTED, '%'),
    (Fault::ID_PLUS_ACCEPTED, '+'),
    (Fault::ID_AT_ACCEPTED, '@'),
    (Fault::ID_TAB_ACCEPTED, '\t'),
    (Fault::ID_NUL_ACCEPTED, '\0'),
];

/// Characters that a faulty server turns away.
const TURNED_AWAY: &[(Fault, char)] = &[
    (Fault::ID_SPACE_REFUSED, ' '),
    (Fault::ID_COLON_REFUSED, ':'),
    (Fault::ID_DOT_REFUSED, '.'),
    (Fault::ID_UNDERSCORE_REFUSED, '_'),
];

/// What a body says about `tag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Absent,
    Null,
    Value(i16),
}

/// A body of create whose syntax is right.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) tag: Tag,
    pub(super) product_ids: Vec<String>,
    /// The read-only fields as sent, which a right server does not look at.
    pub(super) readonly: Map<String, Value>,
}

/// A body of update whose syntax is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) tag: Tag,
    /// `None` when the body leaves the products alone.
    pub(super) product_ids: Option<Vec<String>>,
    /// The `id` as sent, which a right server does not look at.
    pub(super) id: Option<String>,
}

/// The body that is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Create,
    Update,
}

/// The syntax as this server has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syntax {
    pub(super) switches: Switches,
}

/// 400 for `tag` 1 in a body.
pub(super) fn main_directly() -> Refusal {
    Refusal::field("cannot_set_main_directly", "tag", "Use POST /v4/offerings/{offering_id}/set-main to promote.")
}

impl Syntax {
    fn faulty(self, fault: Fault) -> bool {
        self.switches.faulty(fault)
    }

    /// The fault of create or its twin of update, whichever body it is.
    fn faulty_in(self, body: Body, create: Fault, update: Fault) -> bool {
        self.faulty(if body == Body::Create { create } else { update })
    }

    /// An offering id in a path or cursor.
    pub(super) fn offering_id(self, field: &'static str, id: &str) -> Result<(), Detail> {
        let max = if self.faulty(Fault::CURSOR_64_REFUSED) && field == "starting_after" { 63 } else { OFFERING_ID_MAX };
        if is_identifier(id, max) { Ok(()) } else { Err(malformed_id(field)) }
    }

    /// A cursor.
    pub(super) fn cursor(self, after: &str) -> Result<(), Detail> {
        let slips = (self.faulty(Fault::CURSOR_65_ACCEPTED) && is_identifier(after, usize::MAX))
            || (self.faulty(Fault::CURSOR_CHARSET_ACCEPTED) && after.len() <= OFFERING_ID_MAX)
            || (self.faulty(Fault::CURSOR_NEWLINE_SLIPS)
                && after.strip_suffix('\n').is_some_and(|id| is_identifier(id, 64)));
        if slips { Ok(()) } else { self.offering_id("starting_after", after) }
    }

    /// The page size that the query asks for.
    pub(super) fn limit(self, given: Option<&str>) -> Result<usize, Detail> {
        let default = if self.faulty(Fault::DEFAULT_LIMIT_10) {
            10
        } else if self.faulty(Fault::DEFAULT_LIMIT_21) {
            21
        } else if self.faulty(Fault::DEFAULT_LIMIT_100) {
            100
        } else {
            LIMIT_DEFAULT
        };
        let Some(given) = given else { return Ok(default) };
        let wrong = || Detail::new("limit", format!("must be an integer between 1 and {LIMIT_MAX}"));
        let whole = if self.faulty(Fault::LIMIT_DECIMAL_TRUNCATED) { given.split('.').next() } else { Some(given) };
        let limit: i64 = match whole.unwrap_or_default().parse() {
            Ok(limit) => limit,
            Err(_) if self.faulty(Fault::LIMIT_WORD_IGNORED) => return Ok(default),
            Err(_) => return Err(wrong()),
        };
        match limit {
            1 if self.faulty(Fault::LIMIT_1_REFUSED) => Err(wrong()),
            LIMIT_MAX if self.faulty(Fault::LIMIT_100_REFUSED) => Err(wrong()),
            1..=LIMIT_MAX if self.faulty(Fault::LIMIT_IGNORED) => Ok(LIMIT_DEFAULT),
            1..=LIMIT_MAX => Ok(limit as usize),
            0 if self.faulty(Fault::LIMIT_0_ACCEPTED) => Ok(default),
            ..0 if self.faulty(Fault::LIMIT_NEGATIVE_ACCEPTED) => Ok(limit.unsigned_abs().min(100) as usize),
            101.. if self.faulty(Fault::LIMIT_101_ACCEPTED) => Ok(100),
            _ => Err(wrong()),
        }
    }

    /// Judges the body of create.
    pub(super) fn draft(self, body: &Value) -> Result<Draft, Refusal> {
        let body = object(body)?;
        self.fields(body, Body::Create)?;
        let mut wrong = Vec::new();
        let id = self.new_id(body.get("id")).map_err(|detail| wrong.push(detail)).unwrap_or_default();
        let tag = self.create_tag(body, &mut wrong);
        let product_ids = self.products(body, Body::Create, &mut wrong).unwrap_or_default();
        if !wrong.is_empty() {
            return Err(Refusal::invalid(wrong));
        }
        if tag == Tag::Value(1) {
            return Err(main_directly());
        }
        let product_ids = self.well_formed(product_ids, Body::Create)?;
        let readonly =
            READONLY.iter().filter_map(|name| Some(((*name).to_owned(), body.get(*name)?.clone()))).collect();
        Ok(Draft { id, tag, product_ids, readonly })
    }

    /// Judges the body of update. What `tag` means depends on the offering, so any int16 passes here.
    pub(super) fn change(self, body: &Value) -> Result<Change, Refusal> {
        let body = object(body)?;
        self.fields(body, Body::Update)?;
        let mut wrong = Vec::new();
        let tag = match body.get("tag") {
            None => Tag::Absent,
            Some(Value::Null) => Tag::Null,
            Some(value) => integer(value).map_or_else(
                || {
                    if !self.faulty(Fault::UPDATE_TAG_INVALID_IGNORED) {
                        wrong.push(Detail::new("tag", "must be an integer or null"));
                    }
                    Tag::Absent
                },
                Tag::Value,
            ),
        };
        let product_ids = self.products(body, Body::Update, &mut wrong);
        if !wrong.is_empty() {
            return Err(Refusal::invalid(wrong));
        }
        let product_ids = product_ids.map(|ids| self.well_formed(ids, Body::Update)).transpose()?;
        let id = body.get("id").and_then(Value::as_str).filter(|id| is_identifier(id, OFFERING_ID_MAX));
        Ok(Change { tag, product_ids, id: id.map(str::to_owned) })
    }

    /// Which fields a body may have at all: any, unless this server chose otherwise.
    fn fields(self, body: &Map<String, Value>, kind: Body) -> Result<(), Refusal> {
        let refused = |name: &str| match name {
            "tag" | "product_ids" => false,
            "id" if kind == Body::Create => false,
            "id" => self.switches.behaves(Behaviour::UpdateId400),
            _ if READONLY.contains(&name) => self.switches.behaves(Behaviour::ReadonlyField400),
            _ => self.switches.behaves(Behaviour::UnknownField400),
        };
        match body.keys().find(|name| refused(name)) {
            Some(name) => Err(Refusal::malformed(format!("The field `{name}` is not taken here."))),
            None if body.is_empty() && kind == Body::Update && self.switches.behaves(Behaviour::EmptyUpdate400) => {
                Err(Refusal::malformed("There is nothing to update."))
            }
            None => Ok(()),
        }
    }

    /// The id of a new offering.
    fn new_id(self, given: Option<&Value>) -> Result<String, Detail> {
        let generated = match given {
            None => self.faulty(Fault::ID_MISSING_GENERATED),
            Some(Value::Null) => self.faulty(Fault::ID_NULL_GENERATED),
            Some(Value::String(id)) => id.is_empty() && self.faulty(Fault::ID_EMPTY_GENERATED),
            _ => false,
        };
        if generated {
            return Ok(GENERATED.to_owned());
        }
        let mut id = match given {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(number)) if self.faulty(Fault::ID_NUMBER_COERCED) => number.to_string(),
            _ => return Err(Detail::new("id", "must be a string")),
        };
        if self.faulty(Fault::ID_NEWLINE_SLIPS) && id.ends_with('\n') {
            id.pop();
        }
        if self.faulty(Fault::ID_TRIMMED) {
            id = String::from(id.trim());
        }
        if self.faulty(Fault::ID_LOWERCASED) {
            id.make_ascii_lowercase();
        }
        if self.faulty(Fault::ID_CUT_AT_64) {
            id = id.chars().take(OFFERING_ID_MAX).collect();
        }
        if self.new_id_passes(&id) { Ok(id) } else { Err(malformed_id("id")) }
    }

    fn new_id_passes(self, id: &str) -> bool {
        let max = if self.faulty(Fault::ID_64_REFUSED) {
            63
        } else if self.faulty(Fault::ID_OVER_56_REFUSED) {
            56
        } else if self.faulty(Fault::ID_65_ACCEPTED) {
            65
        } else if self.faulty(Fault::ID_256_ACCEPTED) {
            256
        } else {
            OFFERING_ID_MAX
        };
        let passes = |letter: char| {
            is_identifier_char(letter)
                || (self.faulty(Fault::ID_LETTERS_OF_ANY_ALPHABET) && letter.is_alphabetic())
                || LET_IN.iter().any(|(fault, let_in)| *let_in == letter && self.faulty(*fault))
        };
        let turned_away = |letter: char| {
            (letter.is_ascii_uppercase() && self.faulty(Fault::ID_UPPER_CASE_REFUSED))
                || TURNED_AWAY.iter().any(|(fault, away)| *away == letter && self.faulty(*fault))
        };
        let min = if self.faulty(Fault::ID_OF_ONE_REFUSED) { 2 } else { 1 };
        (min..=max).contains(&id.chars().count())
            && id.chars().all(|letter| passes(letter) && !turned_away(letter))
            && !(self.faulty(Fault::ID_LEADING_DIGIT_REFUSED) && id.starts_with(|letter: char| letter.is_ascii_digit()))
            && !(self.faulty(Fault::ID_SPACE_AT_END_REFUSED) && id.ends_with(' '))
    }

    /// The tag of a new offering; 1 passes here, as it is refused with a code of its own.
    fn create_tag(self, body: &Map<String, Value>, wrong: &mut Vec<Detail>) -> Tag {
        let given = body.get("tag");
        let tag = match given {
            None => Some(Tag::Absent).filter(|_| !self.faulty(Fault::CREATE_TAG_ABSENT_REFUSED)),
            Some(Value::Null) => Some(Tag::Null).filter(|_| !self.faulty(Fault::CREATE_TAG_NULL_REFUSED)),
            Some(value) => match integer(value) {
                Some(0) if self.faulty(Fault::CREATE_TAG_ZERO_REFUSED) => None,
                Some(tag @ (0 | 1)) => Some(Tag::Value(tag)),
                Some(tag @ 2..) if self.faulty(Fault::CREATE_TAG_2_ACCEPTED) => Some(Tag::Value(tag)),
                Some(tag @ ..0) if self.faulty(Fault::CREATE_TAG_NEGATIVE_ACCEPTED) => Some(Tag::Value(tag)),
                _ => self.coerced_tag(value),
            },
        };
        tag.unwrap_or_else(|| {
            wrong.push(Detail::new("tag", "must be 0 or null"));
            Tag::Absent
        })
    }

    fn coerced_tag(self, value: &Value) -> Option<Tag> {
        match value {
            Value::Number(number) if number.is_f64() => {
                Some(Tag::Null).filter(|_| self.faulty(Fault::CREATE_TAG_DECIMAL_TRUNCATED))
            }
            Value::Number(number) if self.faulty(Fault::CREATE_TAG_WRAPS) => number
                .as_i64()
                .map(|tag| tag as i16)
                .filter(|tag| i64::from(*tag) != number.as_i64().unwrap_or(0))
                .map(Tag::Value),
            Value::String(text) if self.faulty(Fault::CREATE_TAG_STRING_COERCED) => text.parse().ok().map(Tag::Value),
            Value::Bool(_) if self.faulty(Fault::CREATE_TAG_BOOLEAN_COERCED) => Some(Tag::Null),
            _ => None,
        }
    }

    fn products(self, body: &Map<String, Value>, kind: Body, wrong: &mut Vec<Detail>) -> Option<Vec<String>> {
        let given = body.get("product_ids")?;
        let list = match given {
            Value::Array(list) => list.clone(),
            Value::String(_)
                if self.faulty_in(
                    kind,
                    Fault::CREATE_PRODUCTS_STRING_WRAPPED,
                    Fault::UPDATE_PRODUCTS_STRING_WRAPPED,
                ) =>
            {
                vec![given.clone()]
            }
            Value::Null
                if self.faulty_in(kind, Fault::CREATE_PRODUCTS_NULL_ACCEPTED, Fault::UPDATE_PRODUCTS_NULL_CLEARS) =>
            {
                Vec::new()
            }
            Value::Object(_) if kind == Body::Create && self.faulty(Fault::CREATE_PRODUCTS_OBJECT_ACCEPTED) => {
                Vec::new()
            }
            _ => {
                wrong.push(Detail::new("product_ids", "must be an array"));
                return None;
            }
        };
        if list.len() > self.products_max(kind) {
            wrong.push(Detail::new("product_ids", format!("must have at most {PRODUCTS_MAX} entries")));
        }
        let mut ids: Vec<_> = list.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        if ids.len() < list.len()
            && !self.faulty_in(kind, Fault::CREATE_PRODUCT_NUMBER_DROPPED, Fault::UPDATE_PRODUCT_NUMBER_DROPPED)
        {
            wrong.push(Detail::new("product_ids", "must hold strings only"));
        }
        if kind == Body::Create && self.faulty(Fault::PRODUCTS_OVER_100_CUT) {
            ids.truncate(PRODUCTS_MAX);
        }
        Some(ids)
    }

    fn products_max(self, kind: Body) -> usize {
        if self.faulty_in(kind, Fault::PRODUCTS_100_REFUSED, Fault::UPDATE_PRODUCTS_100_REFUSED) {
            99
        } else if self.faulty_in(kind, Fault::PRODUCTS_101_ACCEPTED, Fault::UPDATE_PRODUCTS_101_ACCEPTED) {
            101
        } else if kind == Body::Create && self.faulty(Fault::PRODUCTS_OVER_100_CUT) {
            usize::MAX
        } else {
            PRODUCTS_MAX
        }
    }

    /// The ids of a list, each well formed, and repeats as this server takes them.
    fn well_formed(self, mut ids: Vec<String>, kind: Body) -> Result<Vec<String>, Refusal> {
        if self.faulty_in(kind, Fault::CREATE_PRODUCT_MALFORMED_DROPPED, Fault::UPDATE_PRODUCT_MALFORMED_DROPPED) {
            ids.retain(|id| is_identifier(id, usize::MAX));
        }
        let too_long = self.faulty_in(kind, Fault::PRODUCT_ID_256_ACCEPTED, Fault::UPDATE_PRODUCT_ID_256_ACCEPTED);
        let max = if too_long {
            usize::MAX
        } else if self.faulty(Fault::PRODUCT_ID_OVER_64_REFUSED) {
            64
        } else {
            PRODUCT_ID_MAX
        };
        if !ids.iter().all(|id| is_identifier(id, max)) {
            let message = format!(
                "Each entry must be 1 to {PRODUCT_ID_MAX} characters of a-z, A-Z, 0-9, `.`, `_`, `:`, `-` and space."
            );
            return Err(Refusal::field("invalid_product_id", "product_ids", message));
        }
        let mut seen = std::collections::HashSet::new();
        let repeated = ids.iter().any(|id| !seen.insert(id.clone()));
        if repeated && self.switches.behaves(Behaviour::RepeatedProducts400) {
            return Err(Refusal::field("invalid_data", "product_ids", "must not name a product twice"));
        }
        if repeated && self.switches.behaves(Behaviour::ProductsMerged) {
            let mut kept = std::collections::HashSet::new();
            ids.retain(|id| kept.insert(id.clone()));
        }
        Ok(ids)
    }
}

const READONLY: [&str; 4] = ["object", "url", "created_at", "updated_at"];

/// The id that faulty servers make up.
const GENERATED: &str = "offering-1";

fn malformed_id(field: &'static str) -> Detail {
    Detail::new(
        field,
        format!("must be 1 to {OFFERING_ID_MAX} characters of a-z, A-Z, 0-9, `.`, `_`, `:`, `-` and space"),
    )
}

fn object(body: &Value) -> Result<&Map<String, Value>, Refusal> {
    body.as_object().ok_or_else(|| Refusal::malformed("The body must be a JSON object."))
}

/// An int16; 1.0 is an integer too, as JSON Schema has it.
fn integer(value: &Value) -> Option<i16> {
    let number = value.as_f64()?;
    let inside = number.fract() == 0.0 && (f64::from(i16::MIN)..=f64::from(i16::MAX)).contains(&number);
    inside.then_some(number as i16)
}

fn is_identifier(text: &str, max: usize) -> bool {
    !text.is_empty() && text.len() <= max && text.chars().all(is_identifier_char)
}

fn is_identifier_char(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._:- ".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn right() -> Syntax {
        Syntax { switches: Switches::default() }
    }

    #[test]
    fn ids_are_one_to_sixty_four_characters_of_the_set() {
        for good in ["a", "a b", "A:b.c_d-9", " ", &"x".repeat(64)] {
            assert_eq!(right().offering_id("id", good), Ok(()), "{good:?}");
        }
        for bad in ["", &"x".repeat(65), "a/b", "a\n", "é", "a\0", "a+b"] {
            assert!(right().offering_id("id", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn limits_are_whole_numbers_from_one_to_a_hundred() {
        assert_eq!(right().limit(None), Ok(20));
        assert_eq!(right().limit(Some("1")), Ok(1));
        assert_eq!(right().limit(Some("100")), Ok(100));
        for bad in ["0", "101", "-1", "abc", "1.5", "", " 1", "99999999999999999999999"] {
            assert!(right().limit(Some(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_draft_takes_no_tag_but_zero_and_null() {
        let code =
            |tag: Value| right().draft(&json!({ "id": "a", "tag": tag })).map(|draft| draft.tag).map_err(|no| no.code);
        assert_eq!(code(json!(0)), Ok(Tag::Value(0)));
        assert_eq!(code(json!(null)), Ok(Tag::Null));
        assert_eq!(code(json!(1)), Err("cannot_set_main_directly"));
        for bad in [json!(2), json!(-1), json!(1.5), json!("0"), json!(true), json!(40000), json!([])] {
            assert_eq!(code(bad.clone()), Err("invalid_data"), "{bad}");
        }
    }

    #[test]
    fn product_lists_hold_at_most_a_hundred_well_formed_ids() {
        let code = |list: Value| right().change(&json!({ "product_ids": list })).map(|_| ()).map_err(|no| no.code);
        assert_eq!(code(json!(vec!["p"; 100])), Ok(()));
        assert_eq!(code(json!(vec!["p"; 101])), Err("invalid_data"));
        assert_eq!(code(json!("p")), Err("invalid_data"));
        assert_eq!(code(json!([1])), Err("invalid_data"));
        assert_eq!(code(json!(["p/q"])), Err("invalid_product_id"));
        assert_eq!(code(json!(["p".repeat(256)])), Err("invalid_product_id"));
    }
}
