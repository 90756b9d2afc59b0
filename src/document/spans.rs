//! Every value of a YAML text as written, with its position.
//!
//! An arena of nodes, built from the events of a YAML parser. An alias shares the node of its anchor but has its own
//! position: a pointer to an alias leads to the alias, a pointer through it to the text of the anchor.

use super::pointer;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Maximum nesting of a document. The YAML libraries stop at 128, with a less helpful message.
pub(super) const MAX_DEPTH: usize = 100;

/// Mappings with more members have an index of their keys.
const MAX_SEARCHED: usize = 16;

/// A position in a text.
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

/// A value as written.
#[derive(Debug)]
pub(super) enum SpanNode {
    /// A text, without its quotation marks.
    Scalar(String, KeyKind),
    /// The items of a list: node and position.
    Sequence(Vec<(usize, Position)>),
    /// The members of a mapping.
    Mapping(Vec<Member>),
}

/// A member of a mapping.
#[derive(Debug)]
pub(super) struct Member {
    /// Shared by the members with the same key.
    pub(super) key: Arc<str>,
    pub(super) kind: KeyKind,
    key_position: SmallPosition,
    pub(super) node: usize,
    value_position: SmallPosition,
}

/// A position in half the memory: a large document has hundreds of thousands.
#[derive(Clone, Copy, Debug)]
struct SmallPosition {
    line: u32,
    column: u32,
}

impl From<Position> for SmallPosition {
    fn from(position: Position) -> Self {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: small(position.line), column: small(position.column) }
    }
}

impl From<SmallPosition> for Position {
    fn from(position: SmallPosition) -> Self {
        Self { line: position.line as usize, column: position.column as usize }
    }
}

impl Member {
    /// Whether it adds the members of other mappings.
    pub(super) fn is_merge(&self) -> bool {
        &*self.key == "<<" && self.kind == KeyKind::Plain
    }
}

/// How a text was written, which decides on its meaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum KeyKind {
    /// Without quotation marks and without a tag: may be a number or null.
    Plain,
    /// In quotation marks, as a block or with a tag.
    Quoted,
    /// As a key: a list or a mapping.
    Compound,
}

/// The values of a YAML text and their positions.
#[derive(Debug)]
pub(super) struct Spans {
    nodes: Vec<SpanNode>,
    /// Per node, the number of its values after aliases are expanded.
    sizes: Vec<usize>,
    /// Per node, its levels after aliases are expanded.
    levels: Vec<usize>,
    /// The tags of nodes.
    tags: HashMap<usize, Tag>,
    /// The first position that is nested deeper than [`MAX_DEPTH`].
    pub(super) too_deep: Option<Position>,
    /// The first alias that is part of the value that it stands for.
    pub(super) circular: Option<Position>,
    root: Option<(usize, Position)>,
    /// For each large mapping, the places of its members by key.
    members: HashMap<usize, HashMap<Arc<str>, usize>>,
    /// Every key that was read.
    keys: HashSet<Arc<str>>,
    /// Keys that occur twice in the same mapping, with the position of the second one.
    pub(super) duplicates: Vec<(String, Position)>,
    /// Position of a second document.
    pub(super) second_document: Option<Position>,
}

/// Positions of a key and its value.
#[derive(Clone, Copy)]
pub(super) struct KeyAndValue {
    /// Position of the key, or of the item of a list.
    pub(super) key: Position,
    /// Position of the value.
    pub(super) value: Position,
}

/// A mapping or sequence that has not ended yet.
struct Open {
    node: usize,
    position: Position,
    key: Option<(Arc<str>, KeyKind, Position)>,
}

impl Spans {
    /// No positions: every pointer is at the start of the text.
    pub(super) fn unknown() -> Self {
        Spans {
            nodes: Vec::new(),
            sizes: Vec::new(),
            levels: Vec::new(),
            tags: HashMap::new(),
            too_deep: None,
            circular: None,
            root: None,
            members: HashMap::new(),
            keys: HashSet::new(),
            duplicates: Vec::new(),
            second_document: None,
        }
    }

    /// Reads the positions of a YAML text.
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
                Event::Scalar(value, style, anchor, tag) => {
                    let is_plain = style == ScalarStyle::Plain && tag.is_none();
                    let kind = if is_plain { KeyKind::Plain } else { KeyKind::Quoted };
                    let node = spans.add(SpanNode::Scalar(value.into_owned(), kind), tag, anchor, &mut anchors);
                    Some((node, position))
                }
                Event::Alias(anchor) => {
                    let target = anchors.get(&anchor).copied();
                    if open.iter().any(|open| Some(open.node) == target) {
                        spans.circular.get_or_insert(position);
                    }
                    target.map(|node| (node, position))
                }
                Event::SequenceStart(anchor, tag) => {
                    let node = spans.add(SpanNode::Sequence(Vec::new()), tag, anchor, &mut anchors);
                    open.push(Open { node, position, key: None });
                    None
                }
                Event::MappingStart(anchor, tag) => {
                    let node = spans.add(SpanNode::Mapping(Vec::new()), tag, anchor, &mut anchors);
                    open.push(Open { node, position, key: None });
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => open.pop().map(|closed| (closed.node, closed.position)),
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents == 2 {
                        spans.second_document = Some(position);
                    }
                    None
                }
                _ => None,
            };
            if let Some((node, position)) = done {
                match open.last_mut() {
                    None => {
                        spans.root.get_or_insert((node, position));
                    }
                    Some(parent) => spans.attach(parent, node, position),
                }
            }
        }
        Ok(spans)
    }

    fn add(
        &mut self,
        node: SpanNode,
        tag: Option<Cow<'_, Tag>>,
        anchor: usize,
        anchors: &mut HashMap<usize, usize>,
    ) -> usize {
        self.nodes.push(node);
        self.sizes.push(1);
        self.levels.push(1);
        let index = self.nodes.len() - 1;
        if let Some(tag) = tag {
            self.tags.insert(index, tag.into_owned());
        }
        if anchor > 0 {
            anchors.insert(anchor, index);
        }
        index
    }

    fn attach(&mut self, parent: &mut Open, node: usize, position: Position) {
        let (size, levels) = (self.sizes[node], self.levels[node] + 1);
        if matches!(self.nodes[parent.node], SpanNode::Mapping(_)) && parent.key.is_none() {
            let (key, kind) = match &self.nodes[node] {
                SpanNode::Scalar(text, kind) => (text.as_str(), *kind),
                _ => ("", KeyKind::Compound),
            };
            let known = self.keys.get(key).cloned();
            let key = known.unwrap_or_else(|| Arc::from(key));
            self.keys.insert(Arc::clone(&key));
            parent.key = Some((key, kind, position));
            return;
        }
        match (&mut self.nodes[parent.node], parent.key.take()) {
            (SpanNode::Sequence(items), _) => items.push((node, position)),
            (SpanNode::Mapping(members), Some((key, kind, key_position))) => {
                let (key_position, value_position) = (key_position.into(), position.into());
                members.push(Member { key, kind, key_position, node, value_position });
            }
            _ => return,
        }
        self.sizes[parent.node] = self.sizes[parent.node].saturating_add(size);
        self.levels[parent.node] = self.levels[parent.node].max(levels);
    }

    /// The value of the whole text; `None` for an empty one.
    pub(super) fn root(&self) -> Option<usize> {
        self.root.map(|(node, _)| node)
    }

    /// A value as written.
    pub(super) fn node(&self, node: usize) -> &SpanNode {
        &self.nodes[node]
    }

    /// The tag of a value.
    pub(super) fn tag(&self, node: usize) -> Option<&Tag> {
        self.tags.get(&node)
    }

    /// The levels of the document after its aliases are expanded.
    pub(super) fn levels(&self) -> usize {
        self.root.map_or(0, |(node, _)| self.levels[node])
    }

    /// The number of values of the document after its aliases are expanded.
    pub(super) fn expanded(&self) -> usize {
        self.root.map_or(0, |(node, _)| self.sizes[node])
    }

    /// Collects duplicate keys, and the members of large mappings, in a separate pass, to avoid quadratic time.
    pub(super) fn index_keys(&mut self) {
        for (index, node) in self.nodes.iter().enumerate() {
            let SpanNode::Mapping(members) = node else { continue };
            if members.len() > MAX_SEARCHED {
                // The first of equal keys, as in a search.
                let places = members.iter().enumerate().rev().map(|(place, member)| (member.key.clone(), place));
                self.members.insert(index, places.collect());
            }
            let mut seen = HashSet::new();
            for Member { key, key_position, .. } in members.iter().filter(|member| member.kind != KeyKind::Compound) {
                if !seen.insert(key) {
                    self.duplicates.push((key.to_string(), (*key_position).into()));
                }
            }
        }
        self.duplicates.sort_by_key(|(_, at)| *at);
    }

    /// Drops what only the values need: positions need the keys alone.
    pub(super) fn forget_values(&mut self) {
        for node in &mut self.nodes {
            match node {
                SpanNode::Scalar(text, _) => *text = String::new(),
                SpanNode::Sequence(items) => items.shrink_to_fit(),
                SpanNode::Mapping(members) => members.shrink_to_fit(),
            }
        }
        (self.sizes, self.levels, self.tags, self.keys) = (Vec::new(), Vec::new(), HashMap::new(), HashSet::new());
        self.nodes.shrink_to_fit();
    }

    /// The position of a pointer, or of its deepest ancestor in the text.
    pub(super) fn find(&self, pointer: &str) -> KeyAndValue {
        let Some((mut node, position)) = self.root else {
            return KeyAndValue { key: Position::START, value: Position::START };
        };
        let mut found = KeyAndValue { key: position, value: position };
        for key in pointer::keys(pointer) {
            let Some((next, key, value)) = self.step(node, &key, 0) else { break };
            node = next;
            found = KeyAndValue { key, value };
        }
        found
    }

    fn step(&self, node: usize, key: &str, merges: usize) -> Option<(usize, Position, Position)> {
        match &self.nodes[node] {
            SpanNode::Scalar(..) => None,
            SpanNode::Sequence(items) => {
                let (node, at) = items.get(key.parse::<usize>().ok()?)?;
                Some((*node, *at, *at))
            }
            SpanNode::Mapping(members) => match self.members.get(&node) {
                Some(places) => places.get(key).map(|place| &members[*place]),
                None => members.iter().find(|member| &*member.key == key),
            }
            .map(|member| (member.node, member.key_position.into(), member.value_position.into()))
            .or_else(|| self.merged(members, key, merges)),
        }
    }

    /// A member from a merge key (`<<: *anchor`, also with a list).
    fn merged(&self, members: &[Member], key: &str, merges: usize) -> Option<(usize, Position, Position)> {
        // Merges may be nested; the YAML parser rejects circles of them, so this bound is only a precaution.
        if merges > 16 {
            return None;
        }
        let merge = members.iter().find(|member| member.is_merge())?;
        match &self.nodes[merge.node] {
            SpanNode::Sequence(items) => items.iter().find_map(|(node, _)| self.step(*node, key, merges + 1)),
            _ => self.step(merge.node, key, merges + 1),
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
    fn a_pointer_finds_its_key_and_value() {
        let text = "a:\n  - x: 1\n  - 'y/z':   two\n";
        assert_eq!(at(text, "/a/1/y~1z"), (3, 5, 3, 14));
        assert_eq!(at(text, "/a/1"), (3, 5, 3, 5));
    }

    #[test]
    fn an_unknown_pointer_finds_its_deepest_ancestor() {
        assert_eq!(at("a:\n  b: 1\n", "/a/c/d"), (1, 1, 2, 3));
    }

    #[test]
    fn a_pointer_through_an_alias_or_a_merge_finds_the_anchor() {
        let text = "one: &o\n  k: 1\ntwo: *o\nthree:\n  <<: *o\n";
        assert_eq!(at(text, "/two/k"), (2, 3, 2, 6));
        assert_eq!(at(text, "/two"), (3, 1, 3, 6));
        assert_eq!(at(text, "/three/k"), (2, 3, 2, 6));
    }

    #[test]
    fn aliases_count_at_every_use() {
        let spans = Spans::read("a: &a [1, 2]\nb: [*a, *a, *a]\n").unwrap();
        assert_eq!(spans.expanded(), 1 + 3 + 1 + 3 * 3);
    }
}
