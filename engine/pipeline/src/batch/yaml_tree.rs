//! YAML as a tree whose every node knows its place.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use crate::batch::{Place, Problem};

/// A node and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub place: Place,
    pub data: Data,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// As it is written: 007 is no 7, and 1.10 no 1.1. `~` is empty.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// Aliases of aliases grow without end; no honest manifest needs as many nodes.
const MOST_ALIASED: usize = 1_000_000;
const MOST_DEEP: usize = 64;

impl Node {
    /// A scalar's text.
    pub fn scalar(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(text) => Some(text),
            _ => None,
        }
    }

    fn count(&self) -> usize {
        1 + match &self.data {
            Data::Scalar(_) => 0,
            Data::List(list) => list.iter().map(Self::count).sum(),
            Data::Map(map) => map.iter().map(|(k, v)| k.count() + v.count()).sum(),
        }
    }
}

/// A list or mapping that is not ended yet.
struct Open {
    node: Node,
    anchor: usize,
    /// Of a mapping: its value is yet to come.
    key: Option<Node>,
}

/// The documents of `text`; those that hold nothing are left out.
pub(crate) fn load(text: &str) -> Result<Vec<Node>, Problem> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, Node> = HashMap::new();
    let mut aliased = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| not_yaml(&e))?;
        let place = Place {
            line: span.start.line(),
            column: span.start.col() + 1,
        };
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let empty = style == ScalarStyle::Plain && matches!(text.as_ref(), "~" | "null");
                let text = if empty {
                    String::new()
                } else {
                    text.into_owned()
                };
                let data = Data::Scalar(text);
                (Node { place, data }, anchor)
            }
            Event::Alias(anchor) => {
                let mut node = anchors.get(&anchor).cloned().ok_or_else(|| {
                    Problem::error(place, None, "this alias stands inside of what it repeats")
                })?;
                aliased += node.count();
                if aliased > MOST_ALIASED {
                    let why = "the aliases repeat too much: write out what they stand for";
                    return Err(Problem::error(place, None, why));
                }
                node.place = place;
                (node, 0)
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                let data = match event {
                    Event::SequenceStart(..) => Data::List(Vec::new()),
                    _ => Data::Map(Vec::new()),
                };
                if open.len() == MOST_DEEP {
                    return Err(Problem::error(place, None, "it is nested too deep"));
                }
                open.push(Open {
                    node: Node { place, data },
                    anchor,
                    key: None,
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(ended) => (ended.node, ended.anchor),
                None => continue,
            },
            _ => continue,
        };
        if anchor > 0 {
            anchors.insert(anchor, node.clone());
        }
        match open.last_mut() {
            None => documents.push(node),
            Some(parent) => parent.put(node)?,
        }
    }
    documents.retain(|d| d.scalar() != Some(""));
    Ok(documents)
}

impl Open {
    fn put(&mut self, node: Node) -> Result<(), Problem> {
        match (&mut self.node.data, self.key.take()) {
            (Data::Map(map), Some(key)) => map.push((key, node)),
            (Data::Map(map), None) => {
                if map.iter().any(|(k, _)| k.data == node.data) {
                    let name = node.scalar().unwrap_or_default();
                    let why = "it is given already: keep one of the two";
                    return Err(Problem::error(node.place, Some(name), why));
                }
                self.key = Some(node);
            }
            (Data::List(list), _) => list.push(node),
            (Data::Scalar(_), _) => {}
        }
        Ok(())
    }
}

fn not_yaml(error: &ScanError) -> Problem {
    let at = error.marker();
    let place = Place {
        line: at.line(),
        column: at.col() + 1,
    };
    Problem::error(place, None, format!("it is not YAML: {}", error.info()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_repeat_and_cannot_explode() {
        let node = &load("a: &x [1, 2]\nb: *x\n").unwrap()[0];
        let Data::Map(map) = &node.data else { panic!() };
        assert_eq!(map[0].1.data, map[1].1.data);
        assert_eq!(map[1].1.place, Place { line: 2, column: 4 });

        let mut bomb = "a0: &a0 [x, x]\n".to_owned();
        for n in 1..40 {
            let m = n - 1;
            bomb.push_str(&format!("a{n}: &a{n} [*a{m}, *a{m}]\n"));
        }
        assert!(load(&bomb).unwrap_err().text.contains("repeat too much"));
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(load(&deep).unwrap_err().text.contains("too deep"));
    }
}
