//! Where every value of a YAML text stands.
//!
//! An arena of nodes, built from the events of a YAML parser. An alias shares the node of its anchor but keeps its own
//! place, so a pointer through an alias leads to the place that was reused, and the alias itself to the reuse.

use super::pointer;
use saphyr_parser::{Event, Parser, ScanError, Span};
use std::collections::HashMap;

/// How deep a document may be nested. The libraries below us stop at 128, with a less helpful message.
pub(super) const MAX_DEPTH: usize = 100;

/// A place in a text.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters (Unicode code points).
    pub column: usize,
}

impl Position {
    /// The first character of a text.
    pub const START: Position = Position { line: 1, column: 1 };
}

impl From<Span> for Position {
    fn from(span: Span) -> Self {
        Position { line: span.start.line().max(1), column: span.start.col() + 1 }
    }
}

#[derive(Debug)]
enum SpanNode {
    Scalar,
    Sequence(Vec<(usize, Position)>),
    /// Key, place of the key, node and place of the value.
    Mapping(Vec<(String, Position, usize, Position)>),
}

/// Places by JSON pointer.
#[derive(Debug)]
pub(super) struct Spans {
    nodes: Vec<SpanNode>,
    /// Per node, how many values it stands for once its aliases are expanded.
    sizes: Vec<usize>,
    /// Where the nesting first became deeper than [`MAX_DEPTH`].
    pub(super) too_deep: Option<Position>,
    root: Option<(usize, Position)>,
    /// Keys that stand twice in the same mapping, with the place of the second one.
    pub(super) duplicates: Vec<(String, Position)>,
    /// Where a second document begins.
    pub(super) second_document: Option<Position>,
}

/// Key and value of a found place.
#[derive(Clone, Copy)]
pub(super) struct FoundPlace {
    /// Place of the key, or of the item where there is no key.
    pub(super) key: Position,
    /// Place of the value.
    pub(super) value: Position,
}

/// A mapping or sequence that has begun and not yet ended.
struct Open {
    node: usize,
    position: Position,
    key: Option<(String, Position)>,
}

impl Spans {
    /// An index that knows no place; all is at the start.
    pub(super) fn unknown() -> Self {
        Spans {
            nodes: Vec::new(),
            sizes: Vec::new(),
            too_deep: None,
            root: None,
            duplicates: Vec::new(),
            second_document: None,
        }
    }

    /// Reads the places of a YAML text.
    pub(super) fn read(text: &str) -> Result<Self, ScanError> {
        let mut spans = Spans::unknown();
        let mut anchors: HashMap<usize, usize> = HashMap::new();
        let mut open: Vec<Open> = Vec::new();
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, span) = event?;
            let position = Position::from(span);
            if open.len() > MAX_DEPTH {
                spans.too_deep.get_or_insert(position);
            }
            let done = match event {
                Event::Scalar(value, _, anchor, _) => {
                    let node = spans.add(SpanNode::Scalar, anchor, &mut anchors);
                    Some((node, position, Some(value.into_owned())))
                }
                Event::Alias(anchor) => anchors.get(&anchor).map(|node| (*node, position, None)),
                Event::SequenceStart(anchor, _) => {
                    let node = spans.add(SpanNode::Sequence(Vec::new()), anchor, &mut anchors);
                    open.push(Open { node, position, key: None });
                    None
                }
                Event::MappingStart(anchor, _) => {
                    let node = spans.add(SpanNode::Mapping(Vec::new()), anchor, &mut anchors);
                    open.push(Open { node, position, key: None });
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => open.pop().map(|closed| (closed.node, closed.position, None)),
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents == 2 {
                        spans.second_document = Some(position);
                    }
                    None
                }
                _ => None,
            };
            if let Some((node, position, text)) = done {
                match open.last_mut() {
                    None => {
                        spans.root.get_or_insert((node, position));
                    }
                    Some(parent) => spans.attach(parent, node, position, text),
                }
            }
        }
        Ok(spans)
    }

    fn add(&mut self, node: SpanNode, anchor: usize, anchors: &mut HashMap<usize, usize>) -> usize {
        self.nodes.push(node);
        self.sizes.push(1);
        let index = self.nodes.len() - 1;
        if anchor > 0 {
            anchors.insert(anchor, index);
        }
        index
    }

    fn attach(&mut self, parent: &mut Open, node: usize, position: Position, text: Option<String>) {
        let size = self.sizes[node];
        match &mut self.nodes[parent.node] {
            SpanNode::Sequence(items) => items.push((node, position)),
            SpanNode::Mapping(members) => match parent.key.take() {
                None => {
                    parent.key = Some((text.unwrap_or_default(), position));
                    return;
                }
                Some((key, at)) => {
                    members.push((key, at, node, position));
                }
            },
            SpanNode::Scalar => return,
        }
        self.sizes[parent.node] = self.sizes[parent.node].saturating_add(size);
    }

    /// How many values the document holds once its aliases are expanded.
    pub(super) fn expanded(&self) -> usize {
        self.root.map_or(0, |(node, _)| self.sizes[node])
    }

    /// Fills in the keys that stand twice, as a separate pass: a mapping of many keys must not cost the square of them.
    pub(super) fn find_duplicates(&mut self) {
        for node in &self.nodes {
            let SpanNode::Mapping(members) = node else { continue };
            let mut seen = std::collections::HashSet::new();
            for (key, at, ..) in members {
                if !seen.insert(key.as_str()) {
                    self.duplicates.push((key.clone(), *at));
                }
            }
        }
        self.duplicates.sort_by_key(|(_, at)| *at);
    }

    /// The place of a pointer, or of its deepest ancestor that stands in the text.
    pub(super) fn find(&self, pointer: &str) -> FoundPlace {
        let Some((mut node, position)) = self.root else {
            return FoundPlace { key: Position::START, value: Position::START };
        };
        let mut found = FoundPlace { key: position, value: position };
        for key in pointer::keys(pointer) {
            let Some((next, key, value)) = self.step(node, &key, 0) else { break };
            node = next;
            found = FoundPlace { key, value };
        }
        found
    }

    fn step(&self, node: usize, key: &str, merges: usize) -> Option<(usize, Position, Position)> {
        match &self.nodes[node] {
            SpanNode::Scalar => None,
            SpanNode::Sequence(items) => {
                let (node, at) = items.get(key.parse::<usize>().ok()?)?;
                Some((*node, *at, *at))
            }
            SpanNode::Mapping(members) => members
                .iter()
                .find(|member| member.0 == key)
                .map(|(_, at, node, value)| (*node, *at, *value))
                .or_else(|| self.merged(members, key, merges)),
        }
    }

    /// What a merge key (`<<: *anchor`, also with a list) brings in.
    fn merged(
        &self,
        members: &[(String, Position, usize, Position)],
        key: &str,
        merges: usize,
    ) -> Option<(usize, Position, Position)> {
        // A merge may bring in another merge; a circle of them was refused by the YAML parser, yet costs nothing to bound.
        if merges > 16 {
            return None;
        }
        let (_, _, node, _) = members.iter().find(|member| member.0 == "<<")?;
        match &self.nodes[*node] {
            SpanNode::Sequence(items) => items.iter().find_map(|(node, _)| self.step(*node, key, merges + 1)),
            _ => self.step(*node, key, merges + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, pointer: &str) -> (usize, usize, usize, usize) {
        let found = Spans::read(text).unwrap().find(pointer);
        (found.key.line, found.key.column, found.value.line, found.value.column)
    }

    #[test]
    fn a_pointer_finds_its_key_and_its_value() {
        let text = "a:\n  - x: 1\n  - 'y/z':   two\n";
        assert_eq!(at(text, "/a/1/y~1z"), (3, 5, 3, 14));
        assert_eq!(at(text, "/a/1"), (3, 5, 3, 5));
    }

    #[test]
    fn an_unknown_pointer_finds_its_deepest_known_ancestor() {
        assert_eq!(at("a:\n  b: 1\n", "/a/c/d"), (1, 1, 2, 3));
    }

    #[test]
    fn a_pointer_through_an_alias_or_a_merge_finds_the_reused_text() {
        let text = "one: &o\n  k: 1\ntwo: *o\nthree:\n  <<: *o\n";
        assert_eq!(at(text, "/two/k"), (2, 3, 2, 6));
        assert_eq!(at(text, "/two"), (3, 1, 3, 6));
        assert_eq!(at(text, "/three/k"), (2, 3, 2, 6));
    }

    #[test]
    fn aliases_count_as_often_as_they_are_used() {
        let spans = Spans::read("a: &a [1, 2]\nb: [*a, *a, *a]\n").unwrap();
        assert_eq!(spans.expanded(), 1 + 3 + 1 + 3 * 3);
    }
}
