//! Finds properties that no schema lists.

use crate::document::{Document, pointer};
use serde_json::Value;
use std::collections::HashMap;

/// The property names in the schemas of each place of a value, collected on the first visit.
#[derive(Debug)]
pub(super) struct PropertyNames {
    groups: Vec<Group>,
    /// Groups by their sorted schemas, so that a recursive schema has a finite number of groups.
    known: HashMap<Vec<String>, usize>,
}

/// All schemas of the same value.
#[derive(Debug)]
struct Group {
    listed: HashMap<String, Subschemas>,
    others: Option<Subschemas>,
    items: Option<Subschemas>,
    /// Whether properties that are neither listed nor described are undocumented.
    is_closed: bool,
}

/// The schemas of a nested value: pointers until the first visit, then a group.
#[derive(Debug)]
enum Subschemas {
    Places(Vec<String>),
    Group(usize),
}

/// A step into a value.
#[derive(Clone, Copy)]
enum ValueKey<'k> {
    Property(&'k str),
    Item,
}

impl PropertyNames {
    /// The names for values of the schema at `place`.
    pub(super) fn of(document: &Document, place: &str) -> Self {
        let mut names = Self { groups: Vec::new(), known: HashMap::new() };
        names.add(document, vec![place.to_owned()]);
        names
    }

    /// Pointers into `instance` of properties that no schema lists.
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
                    let next = self.group_under(document, group, ValueKey::Property(name));
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
                let Some(next) = self.group_under(document, group, ValueKey::Item) else { return };
                for (index, item) in items.iter().enumerate().filter(|(_, item)| item.is_object() || item.is_array()) {
                    at.push_str(&format!("/{index}"));
                    self.walk(document, next, item, at, found);
                    at.truncate(length);
                }
            }
            _ => {}
        }
    }

    /// The group of the value under a key, or `None` when no schema describes it.
    fn group_under(&mut self, document: &Document, group: usize, key: ValueKey<'_>) -> Option<usize> {
        let places = match self.groups[group].under(key)? {
            Subschemas::Group(group) => return Some(*group),
            Subschemas::Places(places) => std::mem::take(places),
        };
        let entered = self.add(document, places);
        *self.groups[group].under(key)? = Subschemas::Group(entered);
        Some(entered)
    }

    fn add(&mut self, document: &Document, places: Vec<String>) -> usize {
        let schemas = with_combined(document, places);
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
        let listed: std::collections::BTreeSet<&String> = schemas
            .iter()
            .filter_map(|(_, schema)| schema.get("properties")?.as_object())
            .flat_map(serde_json::Map::keys)
            .collect();
        let lists_properties = schemas.iter().any(|(_, schema)| schema.get("properties").is_some());
        let is_open = schemas.iter().any(|(_, schema)| is_open(schema));
        Self {
            listed: listed
                .into_iter()
                .filter_map(|name| Some((name.clone(), subschemas(schemas, &["properties", name])?)))
                .collect(),
            others: subschemas(schemas, &["additionalProperties"]),
            items: subschemas(schemas, &["items"]),
            is_closed: lists_properties && !is_open,
        }
    }

    fn under(&mut self, key: ValueKey<'_>) -> Option<&mut Subschemas> {
        match key {
            ValueKey::Property(name) => self.listed.get_mut(name).or(self.others.as_mut()),
            ValueKey::Item => self.items.as_mut(),
        }
    }
}

/// The schemas and all schemas that they combine, references followed.
fn with_combined(document: &Document, places: Vec<String>) -> Vec<(String, &Value)> {
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

/// The subschemas of the schemas under these keys, without booleans.
fn subschemas(schemas: &[(String, &Value)], keys: &[&str]) -> Option<Subschemas> {
    let places: Vec<String> = schemas
        .iter()
        .filter(|(_, schema)| keys.iter().try_fold(*schema, |value, key| value.get(key)).is_some_and(Value::is_object))
        .map(|(place, _)| keys.iter().fold(place.clone(), |place, key| pointer::join(&place, key)))
        .collect();
    (!places.is_empty()).then_some(Subschemas::Places(places))
}

/// Whether a schema explicitly allows properties that it does not list.
fn is_open(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(true))
}
