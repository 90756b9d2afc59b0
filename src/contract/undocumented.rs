//! Properties that no schema names.

use crate::document::{Document, pointer};
use serde_json::Value;
use std::collections::HashMap;

/// What the schemas that speak about one value name, found out once per value's place, on the first visit.
#[derive(Debug)]
pub(super) struct Names {
    groups: Vec<Group>,
    /// Groups by the schemas that they are made of, sorted: a recursive schema has as many as it has places.
    known: HashMap<Vec<String>, usize>,
}

/// All schemas that speak about the same value.
#[derive(Debug)]
struct Group {
    named: HashMap<String, Next>,
    others: Option<Next>,
    items: Option<Next>,
    /// Whether properties that are neither named nor described are undocumented.
    is_closed: bool,
}

/// What speaks about a value within: pointers until they are visited, then a group.
#[derive(Debug)]
enum Next {
    Places(Vec<String>),
    Group(usize),
}

/// A way into a value.
#[derive(Clone, Copy)]
enum UnknownKey<'k> {
    Property(&'k str),
    Item,
}

impl Names {
    /// Those of the schema at `place`.
    pub(super) fn of(document: &Document, place: &str) -> Self {
        let mut names = Self { groups: Vec::new(), known: HashMap::new() };
        names.add(document, vec![place.to_owned()]);
        names
    }

    /// Pointers into `instance` of properties that no schema names.
    pub(super) fn missing_for(&mut self, document: &Document, instance: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(document, 0, instance, &mut String::new(), &mut found);
        found
    }

    fn walk(&mut self, document: &Document, group: usize, instance: &Value, at: &mut String, found: &mut Vec<String>) {
        let length = at.len();
        match instance {
            Value::Object(members) => {
                for (name, value) in members {
                    let next = self.enter(document, group, UnknownKey::Property(name));
                    if next.is_none() && !self.groups[group].is_closed {
                        continue;
                    }
                    at.push('/');
                    at.push_str(&pointer::escape(name));
                    match next {
                        Some(next) => self.walk(document, next, value, at, found),
                        None => found.push(at.clone()),
                    }
                    at.truncate(length);
                }
            }
            Value::Array(items) => {
                let Some(next) = self.enter(document, group, UnknownKey::Item) else { return };
                for (index, item) in items.iter().enumerate().filter(|(_, item)| item.is_object() || item.is_array()) {
                    at.push_str(&format!("/{index}"));
                    self.walk(document, next, item, at, found);
                    at.truncate(length);
                }
            }
            _ => {}
        }
    }

    /// The group of what stands under a key, if anything is said about it.
    fn enter(&mut self, document: &Document, group: usize, key: UnknownKey<'_>) -> Option<usize> {
        let places = match self.groups[group].next(key)? {
            Next::Group(group) => return Some(*group),
            Next::Places(places) => std::mem::take(places),
        };
        let entered = self.add(document, places);
        *self.groups[group].next(key)? = Next::Group(entered);
        Some(entered)
    }

    fn add(&mut self, document: &Document, places: Vec<String>) -> usize {
        let schemas = together(document, places);
        let mut targets: Vec<String> = schemas.iter().map(|(target, _)| target.clone()).collect();
        targets.sort_unstable();
        *self.known.entry(targets).or_insert_with(|| {
            self.groups.push(Group::of(&schemas));
            self.groups.len() - 1
        })
    }
}

impl Group {
    fn of(schemas: &[(String, &Value)]) -> Self {
        let named: std::collections::BTreeSet<&String> = schemas
            .iter()
            .filter_map(|(_, schema)| schema.get("properties")?.as_object())
            .flat_map(serde_json::Map::keys)
            .collect();
        let speaks = schemas.iter().any(|(_, schema)| schema.get("properties").is_some());
        let is_open = schemas.iter().any(|(_, schema)| is_open(schema));
        Self {
            named: named
                .into_iter()
                .filter_map(|name| Some((name.clone(), beneath(schemas, &["properties", name])?)))
                .collect(),
            others: beneath(schemas, &["additionalProperties"]),
            items: beneath(schemas, &["items"]),
            is_closed: speaks && !is_open,
        }
    }

    fn next(&mut self, key: UnknownKey<'_>) -> Option<&mut Next> {
        match key {
            UnknownKey::Property(name) => self.named.get_mut(name).or(self.others.as_mut()),
            UnknownKey::Item => self.items.as_mut(),
        }
    }
}

/// The schemas themselves and all that they are combined of, references followed.
fn together(document: &Document, places: Vec<String>) -> Vec<(String, &Value)> {
    let mut pending = places;
    let mut schemas: Vec<(String, &Value)> = Vec::new();
    while let Some(place) = pending.pop() {
        let Some((target, schema)) = document.resolve(&place) else { continue };
        if schemas.iter().any(|(seen, _)| *seen == target) {
            continue;
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            let branches = schema.get(key).and_then(Value::as_array).map_or(0, Vec::len);
            pending.extend((0..branches).map(|index| format!("{target}/{key}/{index}")));
        }
        schemas.push((target, schema));
    }
    schemas
}

/// What stands below the schemas under these keys, where a schema (no boolean) stands there.
fn beneath(schemas: &[(String, &Value)], keys: &[&str]) -> Option<Next> {
    let places: Vec<String> = schemas
        .iter()
        .filter(|(_, schema)| keys.iter().try_fold(*schema, |value, key| value.get(key)).is_some_and(Value::is_object))
        .map(|(place, _)| keys.iter().fold(place.clone(), |place, key| pointer::join(&place, key)))
        .collect();
    (!places.is_empty()).then_some(Next::Places(places))
}

/// Whether a schema says in so many words that it has properties beyond those it names.
fn is_open(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(true))
}
