//! Where everything stands.
//!
//! Columns are distances from the start. Each state has a band of the picture's height for itself, so what runs level in a
//! band meets no other box. An arrow between two columns runs level in the band of the state further right, on that
//! state's left, where its names stand; an arrow within a column does so on the right of the state that it leaves. The rest
//! of its way is upright, in the gutter right of the other state's column, where all that leave a state share a line, and
//! so do all of one sender that arrive.

use crate::{Arrow, Diagram, LETTER, LINE, Sender};

/// The least height of a box, the distance of boxes, of upright lines, and of the ends of lines at a box's side.
const BOX: usize = 28;
const GAP: usize = 18;
const UPRIGHT: usize = 8;
const STEP: usize = 10;
/// The margin around everything.
const MARGIN: usize = 10;

/// Left and top of a box, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// A level or upright part of an arrow's line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) from: (usize, usize),
    pub(crate) to: (usize, usize),
    pub(crate) sender: Sender,
    /// Whether the arrow ends where this part does.
    pub(crate) head: bool,
}

/// A message's name.
#[derive(Debug)]
pub(crate) struct Name {
    /// Where its base line begins or ends.
    pub(crate) at: (usize, usize),
    /// Which of the two.
    pub(crate) anchor: &'static str,
    pub(crate) text: String,
}

/// What a picture is made of.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Of each state that is drawn.
    pub(crate) places: Vec<Option<Place>>,
    pub(crate) lines: Vec<Line>,
    pub(crate) names: Vec<Name>,
    /// Width and height.
    pub(crate) size: (usize, usize),
}

/// All steps of one sender from one state to another.
struct Edge<'a> {
    from: usize,
    to: usize,
    sender: Sender,
    arrows: Vec<&'a Arrow>,
    /// Where it runs level.
    level: usize,
    /// Its upright line, as an index.
    upright: usize,
}

/// What shares an upright line at a state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Leaves,
    Arrives(Sender),
}

/// A line in the gutter right of a state's column.
struct Upright {
    state: usize,
    way: Way,
    sender: Sender,
    /// Where it meets the state's side.
    meets: usize,
    top: usize,
    bottom: usize,
    /// How many lines stand between it and the column.
    rank: usize,
}

impl Edge<'_> {
    fn names(&self) -> impl Iterator<Item = String> {
        let mark = if self.sender == Sender::Client { '?' } else { '!' };
        self.arrows.iter().map(move |arrow| format!("{mark}{}", arrow.label))
    }

    /// The height that it takes where it runs level.
    fn height(&self) -> usize {
        self.arrows.len() * LINE + 6
    }

    fn width(&self) -> usize {
        self.names().map(|name| name.len() * LETTER).max().unwrap_or(0)
    }
}

impl Layout {
    pub(crate) fn of(diagram: &Diagram) -> Self {
        let (columns, order) = walk(diagram);
        let mut edges = edges(diagram, &columns);
        let mut uprights = uprights(&mut edges, &columns);
        let column_count = columns.iter().flatten().max().map_or(0, |last| last + 1);

        // From the top downwards: each state's band, and in it where its lines run.
        let mut places = vec![None; columns.len()];
        let mut top = MARGIN;
        for &state in &order {
            let meeting = uprights.iter_mut().filter(|upright| upright.state == state);
            let mut right = top + STEP;
            for upright in meeting {
                upright.meets = right;
                right += STEP;
            }
            let mut left = top;
            for edge in edges.iter_mut().filter(|edge| edge.level_at(&columns) == state) {
                let side = if columns[edge.from] == columns[edge.to] { &mut right } else { &mut left };
                *side += edge.height();
                edge.level = *side;
            }
            let height = BOX.max(left.max(right) + STEP - top);
            places[state] = Some(Place { left: 0, top, width: 0, height });
            top += height + GAP;
        }
        rank(&mut uprights, &edges, &columns, column_count);

        // From the left: each column's boxes, upright lines and names.
        let mut left = MARGIN;
        let mut names_at = Vec::new();
        for column in 0..column_count {
            let inside = |state: &usize| columns[*state] == Some(column);
            let longest = (0..columns.len()).filter(inside).map(|state| diagram.states[state].len()).max();
            let width = longest.unwrap_or(0) * LETTER + 20;
            for state in (0..columns.len()).filter(inside) {
                if let Some(place) = &mut places[state] {
                    (place.left, place.width) = (left, width);
                }
            }
            let lines =
                uprights.iter().filter(|upright| inside(&upright.state)).map(|upright| upright.rank + 1);
            let names_left = left + width + lines.max().unwrap_or(0) * UPRIGHT + 12;
            names_at.push(names_left);
            let gutter = |edge: &&Edge<'_>| {
                let level = columns[edge.level_at(&columns)];
                level == Some(column + 1) || level == Some(column) && columns[edge.from] == columns[edge.to]
            };
            let text = edges.iter().filter(gutter).map(Edge::width).max().unwrap_or(0);
            left = names_left + text + 14;
        }
        let size = (left, top + MARGIN - GAP);

        let place = |state: usize| places[state].expect("what an arrow leads from or to is drawn");
        let x_of = |upright: &Upright| {
            let met = place(upright.state);
            (met.left + met.width, met.left + met.width + (upright.rank + 1) * UPRIGHT)
        };
        let mut lines = Vec::new();
        let mut names = Vec::new();
        for upright in &uprights {
            let (side, x) = x_of(upright);
            let sender = upright.sender;
            let (near, far) = ((side, upright.meets), (x, upright.meets));
            lines.push(match upright.way {
                Way::Leaves => Line { from: near, to: far, sender, head: false },
                Way::Arrives(_) => Line { from: far, to: near, sender, head: true },
            });
            lines.push(Line { from: (x, upright.top), to: (x, upright.bottom), sender, head: false });
        }
        for edge in &edges {
            let upright = &uprights[edge.upright];
            let run = place(edge.level_at(&columns));
            let same = columns[edge.from] == columns[edge.to];
            let end = if same { run.left + run.width } else { run.left };
            lines.push(Line {
                from: (x_of(upright).1, edge.level),
                to: (end, edge.level),
                sender: edge.sender,
                head: upright.way == Way::Leaves,
            });
            let column = columns[edge.level_at(&columns)].unwrap_or(0);
            let (x, anchor) = if same { (names_at[column], "start") } else { (end - 10, "end") };
            for (line, text) in edge.names().enumerate() {
                let below = (edge.arrows.len() - 1 - line) * LINE;
                names.push(Name { at: (x, edge.level - 3 - below), anchor, text });
            }
        }
        Layout { places, lines, names, size }
    }
}

impl Edge<'_> {
    /// The state in whose band it runs level.
    fn level_at(&self, columns: &[Option<usize>]) -> usize {
        if columns[self.to] > columns[self.from] { self.to } else { self.from }
    }
}

/// Each state's distance from the start, none if it is not reached; and the states that are, each behind the one from
/// which it is first reached.
fn walk(diagram: &Diagram) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut columns = vec![None; diagram.states.len()];
    let mut children = vec![Vec::new(); diagram.states.len()];
    let mut queue = vec![0];
    if let Some(start) = columns.first_mut() {
        *start = Some(0);
    }
    let mut next = 0;
    while let Some(&state) = queue.get(next) {
        next += 1;
        for arrow in diagram.arrows.iter().filter(|arrow| arrow.from == state) {
            if columns[arrow.to].is_none() {
                columns[arrow.to] = columns[state].map(|column| column + 1);
                children[state].push(arrow.to);
                queue.push(arrow.to);
            }
        }
    }
    let mut order = Vec::new();
    let mut stack = vec![0];
    while let Some(state) = stack.pop() {
        order.push(state);
        stack.extend(children[state].iter().rev());
    }
    (columns, order)
}

/// The steps by the states that they connect, in the order of the first of each.
fn edges<'a>(diagram: &'a Diagram, columns: &[Option<usize>]) -> Vec<Edge<'a>> {
    let mut edges: Vec<Edge<'a>> = Vec::new();
    for arrow in diagram.arrows.iter().filter(|arrow| columns[arrow.from].is_some()) {
        let key = (arrow.from, arrow.to, arrow.sender);
        match edges.iter_mut().find(|edge| (edge.from, edge.to, edge.sender) == key) {
            Some(edge) => edge.arrows.push(arrow),
            None => {
                let (from, to, sender) = key;
                edges.push(Edge { from, to, sender, arrows: vec![arrow], level: 0, upright: 0 });
            }
        }
    }
    edges
}

/// The upright lines that the edges need; each edge gets its one.
fn uprights(edges: &mut [Edge<'_>], columns: &[Option<usize>]) -> Vec<Upright> {
    let mut uprights: Vec<Upright> = Vec::new();
    for edge in edges {
        let (state, way) = match columns[edge.to] > columns[edge.from] {
            true => (edge.from, Way::Leaves),
            false => (edge.to, Way::Arrives(edge.sender)),
        };
        let same = |upright: &Upright| (upright.state, upright.way) == (state, way);
        edge.upright = uprights.iter().position(same).unwrap_or_else(|| {
            uprights.push(Upright { state, way, sender: edge.sender, meets: 0, top: 0, bottom: 0, rank: 0 });
            uprights.len() - 1
        });
    }
    uprights
}

/// Says which of the lines in a gutter stands where: none upon another.
fn rank(uprights: &mut [Upright], edges: &[Edge<'_>], columns: &[Option<usize>], column_count: usize) {
    for (index, upright) in uprights.iter_mut().enumerate() {
        let levels = edges.iter().filter(|edge| edge.upright == index).map(|edge| edge.level);
        let ends = levels.chain([upright.meets]);
        (upright.top, upright.bottom) =
            ends.fold((usize::MAX, 0), |(top, bottom), y| (top.min(y), bottom.max(y)));
    }
    for column in 0..column_count {
        let mut inside: Vec<&mut Upright> =
            uprights.iter_mut().filter(|upright| columns[upright.state] == Some(column)).collect();
        // Short ones next to the boxes.
        inside.sort_by_key(|upright| (upright.bottom - upright.top, upright.top));
        for placed in 0..inside.len() {
            let (before, rest) = inside.split_at_mut(placed);
            let upright = &mut rest[0];
            let meets = |other: &&&mut Upright| upright.top <= other.bottom && other.top <= upright.bottom;
            let taken: Vec<usize> = before.iter().filter(meets).map(|other| other.rank).collect();
            upright.rank = (0..).find(|rank| !taken.contains(rank)).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state with many others around it, a chain, arrows over two columns, within a column, and to the state itself.
    fn crowded() -> Diagram {
        let states = ["Hub", "A", "B", "C", "Deep", "Deeper", "End"].map(String::from).into();
        let arrow = |(from, to, label): (usize, usize, &str)| Arrow {
            from,
            to,
            label: label.into(),
            sender: if from == 0 { Sender::Client } else { Sender::Server },
        };
        let steps = [
            (0, 1, "ToA"),
            (1, 0, "FromA"),
            (1, 0, "OrSo"),
            (0, 2, "ToB"),
            (2, 0, "FromB"),
            (2, 2, "Again"),
            (0, 3, "ToC"),
            (3, 2, "Aside"),
            (3, 4, "On"),
            (4, 5, "Further"),
            (5, 0, "Home"),
            (5, 3, "Back"),
            (4, 6, "Out"),
            (0, 6, "Away"),
        ];
        Diagram { title: "Crowded".into(), states, arrows: steps.map(arrow).into() }
    }

    type Area = (usize, usize, usize, usize);

    fn overlap(a: Area, b: Area) -> bool {
        a.0 < b.2 && b.0 < a.2 && a.1 < b.3 && b.1 < a.3
    }

    fn boxes(layout: &Layout) -> Vec<Area> {
        let area =
            |place: &Place| (place.left, place.top, place.left + place.width, place.top + place.height);
        layout.places.iter().flatten().map(area).collect()
    }

    fn names(layout: &Layout) -> Vec<Area> {
        let area = |name: &Name| {
            let (x, y, width) = (name.at.0, name.at.1, name.text.len() * LETTER);
            let left = if name.anchor == "end" { x - width } else { x };
            (left, y - 9, left + width, y + 2)
        };
        layout.names.iter().map(area).collect()
    }

    #[test]
    fn nothing_covers_a_box_or_a_name_and_all_is_within_the_picture() {
        let layout = Layout::of(&crowded());
        let solid = [boxes(&layout), names(&layout)].concat();
        for (i, a) in solid.iter().enumerate() {
            assert!(a.2 <= layout.size.0 && a.3 <= layout.size.1, "{a:?} is outside");
            for b in &solid[i + 1..] {
                assert!(!overlap(*a, *b), "{a:?} covers {b:?}");
            }
        }
        for line in &layout.lines {
            let ((x0, y0), (x1, y1)) = (line.from, line.to);
            let (left, top) = (x0.min(x1), y0.min(y1));
            let area = (left, top, x0.max(x1).max(left + 1), y0.max(y1).max(top + 1));
            // It may end at a box's side.
            let hit = |b: &&Area| overlap(area, **b) && b.0 != area.2 && b.2 != area.0;
            assert_eq!(solid.iter().find(hit), None, "{line:?}");
        }
    }

    #[test]
    fn no_line_is_upon_another() {
        let layout = Layout::of(&crowded());
        for (i, a) in layout.lines.iter().enumerate() {
            for b in &layout.lines[i + 1..] {
                for (along, across) in [(0, 1), (1, 0)] {
                    let at = |point: (usize, usize), axis| if axis == 0 { point.0 } else { point.1 };
                    let span = |line: &Line| {
                        let (from, to) = (at(line.from, along), at(line.to, along));
                        (at(line.from, across) == at(line.to, across)).then_some((from.min(to), from.max(to)))
                    };
                    let (Some(first), Some(second)) = (span(a), span(b)) else { continue };
                    let apart = at(a.from, across) != at(b.from, across);
                    assert!(apart || first.1 <= second.0 || second.1 <= first.0, "{a:?} is upon {b:?}");
                }
            }
        }
    }
}
